package io.ashlar.tools.simulate;

import io.ashlar.client.model.Address;
import io.ashlar.coordinator.CoordinatorService;
import io.ashlar.coordinator.metadata.Metadata;

import org.jspecify.annotations.Nullable;

import java.util.SplittableRandom;

/** A coordinator's machine: its store and clock, and the process that runs there at times. */
final class SimulatedCoordinator {
    private final World world;
    private final String id;
    private final SimulatedClock clock;
    private final SplittableRandom random;
    private CrashableStore store = new CrashableStore();
    private @Nullable SimulatedProcess process;

    SimulatedCoordinator(World world, String id, SplittableRandom random) {
        this.world = world;
        this.id = id;
        this.random = random;
        this.clock = new SimulatedClock(world.schedule(), world.settings().drift(random));
    }

    String id() {
        return id;
    }

    SimulatedClock clock() {
        return clock;
    }

    @Nullable
    SimulatedProcess process() {
        return process;
    }

    boolean isUp() {
        return process != null && process.isAlive();
    }

    /** Whether it could lead. */
    boolean isAble() {
        return process != null && process.isAlive() && !process.isPaused();
    }

    void start() {
        SimulatedProcess started = new SimulatedProcess(world.schedule(), clock, id);
        process = started;
        Metadata metadata = new Metadata(store);
        ReplicaLog joined = new ReplicaLog(world.order(), id, world.schedule(), started, metadata);
        world.schedule().runAs(started, () -> {
            CoordinatorService service = new CoordinatorService(
                    world.settings().coordinatorConfig(id),
                    started,
                    random.split(),
                    metadata,
                    joined);
            Address address = world.settings().coordinatorAddress(id);
            world.network().transportOf(started).listen(address, service);
            service.start();
        });
        joined.entered(0);
        world.order().join(id, joined);
        world.note("start " + id);
    }

    /** Ends it, and with it what its store had not made durable. */
    void kill() {
        SimulatedProcess running = process;
        if (running != null && running.isAlive()) {
            running.kill();
            store = store.afterCrash(random);
            world.note("kill " + id);
        }
    }
}
