package io.ashlar.tools.simulate;

import io.ashlar.client.AshlarClient;

import java.util.SplittableRandom;

/** A client process on a machine of its own. */
final class SimulatedClient {
    private final String name;
    private final SimulatedProcess process;
    private final AshlarClient client;
    private final SimulatedClock clock;

    SimulatedClient(World world, String name, SplittableRandom random) {
        this.name = name;
        this.clock = new SimulatedClock(world.schedule(), world.settings().drift(random));
        this.process = new SimulatedProcess(world.schedule(), clock, name);
        this.client = AshlarClient.connect(
                world.network().transportOf(process),
                world.settings().coordinatorAddresses(),
                world.settings().client(),
                random);
    }

    String name() {
        return name;
    }

    SimulatedProcess process() {
        return process;
    }

    SimulatedClock clock() {
        return clock;
    }

    AshlarClient client() {
        return client;
    }
}
