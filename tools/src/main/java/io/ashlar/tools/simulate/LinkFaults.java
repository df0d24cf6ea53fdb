package io.ashlar.tools.simulate;

import java.util.ArrayList;
import java.util.List;
import java.util.random.RandomGenerator;

/** What happens to the ways between machines. */
final class LinkFaults {
    private static final long MILLI = 1_000_000;
    private static final long SHORTEST_CUT_NANOS = 100 * MILLI;
    private static final long LONGEST_CUT_NANOS = 9_000 * MILLI;

    private final World world;
    private final RandomGenerator random;

    LinkFaults(World world, RandomGenerator random) {
        this.world = world;
        this.random = random;
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

    private void healLater() {
        world.schedule().world(random.nextLong(SHORTEST_CUT_NANOS, LONGEST_CUT_NANOS), () -> {
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
