package io.ashlar.tools.simulate;

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
    private static final long TAKEN_OVER_WITHIN_NANOS = 2_000 * MILLI;

    private final World world;
    private final RandomGenerator random;
    private final WriterFaults writers;

    LinkFaults(World world, RandomGenerator random, WriterFaults writers) {
        this.world = world;
        this.random = random;
        this.writers = writers;
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

    boolean cutOff(String machine, boolean bothWays) {
        world.note("FAULT " + machine + " is cut off" + (bothWays ? "" : " one way"));
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
        world.note("FAULT " + one + " does not reach " + other);
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
        world.note("FAULT " + apart + " are split off, and " + volume.name() + " is taken over");
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
        String leader = world.order().leader();
        for (SimulatedCoordinator other : world.coordinators()) {
            boolean runs = world.order().replica(other.id()) != null;
            if (runs && !other.id().equals(leader)) {
                apart.add(leader);
                world.order().elect(other.id());
                return;
            }
        }
    }

    private void healLater() {
        healLater(LONGEST_CUT_NANOS);
    }

    private void healLater(long withinNanos) {
        world.schedule().world(random.nextLong(SHORTEST_CUT_NANOS, withinNanos), () -> {
            world.nodes().stream()
                    .filter(node -> world.network().isCutOff(node.name()))
                    .forEach(SimulatedNode::inTrouble);
            world.network().healCuts();
        });
    }

    boolean changeNetwork() {
        world.network().faults(NetworkFaults.draw(random));
        world.note("FAULT the network is " + world.network().faults());
        return true;
    }
}
