package io.ashlar.tools.simulate;

import org.jspecify.annotations.Nullable;

import java.util.ArrayList;
import java.util.List;
import java.util.Set;
import java.util.TreeSet;
import java.util.random.RandomGenerator;

/** What happens to the ways between machines. */
final class LinkFaults {
    private static final long MILLI = 1_000_000;
    private static final long SHORTEST_CUT_NANOS = 100 * MILLI;
    private static final long LONGEST_CUT_NANOS = 9_000 * MILLI;
    private static final long LONGEST_SPLIT_NANOS = 30_000 * MILLI;
    private static final long TURNS_WITHIN_NANOS = 300 * MILLI;
    private static final long LOOK_NANOS = 50 * MILLI;
    private static final int MAX_LOOKS = 400;
    private static final int RESTARTED_IN = 24;
    private static final long TAKEN_OVER_WITHIN_NANOS = 2_000 * MILLI;

    private final World world;
    private final RandomGenerator random;
    private final WriterFaults writers;
    private final Account account;

    LinkFaults(World world, RandomGenerator random, WriterFaults writers, Account account) {
        this.world = world;
        this.random = random;
        this.writers = writers;
        this.account = account;
    }

    private List<String> machines() {
        List<String> names = new ArrayList<>();
        world.nodes().forEach(node -> names.add(node.name()));
        world.coordinators().forEach(coordinator -> names.add(coordinator.id()));
        for (SimulatedClient client : world.clients()) {
            if (client.process().isAlive()) {
                names.add(client.name());
            }
        }
        return names;
    }

    boolean cutOff(FaultKind kind, String machine, boolean bothWays) {
        world.fault(kind, machine + " is cut off" + (bothWays ? "" : " one way"));
        boolean outward = random.nextBoolean();
        for (String other : machines()) {
            if (bothWays || outward) {
                world.network().cut(machine, other);
            }
            if (bothWays || !outward) {
                world.network().cut(other, machine);
            }
        }
        healLater();
        return true;
    }

    boolean cutLink() {
        List<String> machines = machines();
        String one = machines.get(random.nextInt(machines.size()));
        String other = machines.get(random.nextInt(machines.size()));
        if (one.equals(other)) {
            return false;
        }
        world.fault(FaultKind.LINK_CUT, one + " does not reach " + other);
        world.network().cut(one, other);
        if (random.nextBoolean()) {
            world.network().cut(other, one);
        }
        healLater();
        return true;
    }

    /**
     * On one side are a writer and some nodes, at times a coordinator that leads no longer; on the
     * other one its volume is taken over, while it goes on with what it has.
     */
    boolean split() {
        VolumeUse volume = writers.volume();
        WriterSession writer = volume.current();
        if (writer == null || volume.isOpening() || world.network().hasCuts()) {
            return false;
        }
        Set<String> apart = new TreeSet<>();
        apart.add(writer.client().name());
        int nodes = random.nextInt(world.nodes().size() / 2);
        for (int i = 0; i < nodes; i++) {
            apart.add(world.nodes().get(random.nextInt(world.nodes().size())).name());
        }
        if (random.nextBoolean()) {
            takeLeader(apart);
        }
        world.fault(
                FaultKind.NETWORK_SPLIT,
                apart + " are split off, and " + volume.name() + " is taken over");
        world.network().setApart(apart);
        healLater(LONGEST_SPLIT_NANOS);
        world.schedule().world(random.nextLong(TAKEN_OVER_WITHIN_NANOS), () -> {
            if (!writers.areStopped()) {
                volume.open(true);
            }
        });
        return true;
    }

    /** Where there is another one to lead. */
    private void takeLeader(Set<String> apart) {
        SimulatedCoordinator other = successor();
        if (other != null) {
            apart.add(world.order().leader());
            world.order().elect(other.id());
        }
    }

    private @Nullable SimulatedCoordinator successor() {
        String leader = world.order().leader();
        return world.coordinators().stream()
                .filter(other -> !other.id().equals(leader))
                .filter(SimulatedCoordinator::isAble)
                .findFirst()
                .orElse(null);
    }

    /**
     * Another leads, and the one that led hears nothing of it for a while. It cannot be reached but
     * by nodes, which ask now the one, now the other, and at times are started anew in between. That
     * comes when both have orders to give.
     */
    boolean keepLeaderUnaware() {
        if (world.coordinators().size() < 2) {
            return false;
        }
        awaitOrders(MAX_LOOKS);
        return true;
    }

    private void awaitOrders(int looks) {
        if (writers.areStopped()) {
            return;
        }
        ReplicaLog deposed = world.order().replica(world.order().leader());
        SimulatedCoordinator successor = successor();
        if (deposed != null
                && successor != null
                && !world.network().isCutByRule()
                && areOrdersPending()) {
            keepUnaware(deposed, successor.id());
        } else if (looks > 1) {
            world.schedule().world(LOOK_NANOS, () -> awaitOrders(looks - 1));
        }
    }

    private boolean areOrdersPending() {
        return world.nodes().stream()
                .flatMap(node -> node.drives().stream())
                .map(SimulatedDrive::id)
                .anyMatch(id -> id != null && !world.metadata().doomedOn(id, 1).isEmpty());
    }

    private void keepUnaware(ReplicaLog deposed, String successor) {
        String name = deposed.process().name();
        world.fault(FaultKind.LEADER_UNAWARE, name + " does not know that " + successor + " leads");
        Set<String> nodes = new TreeSet<>();
        world.nodes().forEach(node -> nodes.add(node.name()));
        healCuts();
        world.network()
                .cut((from, to) -> (from.equals(name) && !nodes.contains(to))
                        || (to.equals(name) && !nodes.contains(from)));
        world.order().elect(successor, deposed);
        turnNodes(
                deposed,
                world.schedule().nowNanos()
                        + random.nextLong(SHORTEST_CUT_NANOS, LONGEST_CUT_NANOS));
    }

    private void turnNodes(ReplicaLog unaware, long untilNanos) {
        boolean ends = !world.network().isCutByRule()
                || !unaware.isApart()
                || !unaware.process().isAlive()
                || world.schedule().nowNanos() > untilNanos;
        if (ends) {
            healCuts();
            world.order().rejoin(unaware);
            return;
        }
        for (SimulatedNode node : world.nodes()) {
            if (random.nextBoolean()) {
                world.coordinators()
                        .forEach(one -> world.network().breakNext(node.name(), one.id()));
            }
            if (random.nextInt(RESTARTED_IN) == 0
                    && node.isUp()
                    && !node.isPaused()
                    && account.mayKill(node)) {
                world.note(node.name() + " is killed meanwhile");
                node.inTrouble();
                node.kill();
            }
        }
        world.schedule()
                .world(random.nextLong(TURNS_WITHIN_NANOS), () -> turnNodes(unaware, untilNanos));
    }

    private void healLater() {
        healLater(LONGEST_CUT_NANOS);
    }

    private void healLater(long withinNanos) {
        world.schedule().world(random.nextLong(SHORTEST_CUT_NANOS, withinNanos), this::healCuts);
    }

    private void healCuts() {
        world.nodes().stream()
                .filter(node -> world.network().isCutOff(node.name()))
                .forEach(SimulatedNode::inTrouble);
        world.network().healCuts();
    }

    boolean changeNetwork() {
        world.network().faults(NetworkFaults.draw(random));
        world.fault(
                FaultKind.NETWORK_CHANGE, "the network is " + world.network().faults());
        return true;
    }
}
