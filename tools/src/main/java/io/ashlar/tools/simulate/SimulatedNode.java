package io.ashlar.tools.simulate;

import io.ashlar.client.model.Address;
import io.ashlar.node.DriveDirectory;
import io.ashlar.node.NodePlatform;
import io.ashlar.node.StorageNode;
import io.ashlar.node.StorageNodeConfig;

import org.jspecify.annotations.Nullable;

import java.io.IOException;
import java.util.ArrayList;
import java.util.List;
import java.util.SplittableRandom;
import java.util.concurrent.Executor;
import java.util.random.RandomGenerator;

/** A storage node's machine: its drives and clock, and the process that runs there at times. */
final class SimulatedNode {
    static final int PORT = 7500;

    private final World world;
    private final String name;
    private final SimulatedClock clock;
    private final SplittableRandom random;
    private final List<SimulatedDrive> drives = new ArrayList<>();
    private @Nullable SimulatedProcess process;
    private @Nullable StorageNode server;
    private long lastTroubleNanos = -WorldSettings.TROUBLE_LASTS_NANOS;

    SimulatedNode(World world, String name, SplittableRandom random) {
        this.world = world;
        this.name = name;
        this.random = random;
        this.clock = new SimulatedClock(world.schedule(), world.settings().drift(random));
        for (int i = 0; i < world.settings().drivesPerNode(); i++) {
            drives.add(new SimulatedDrive(world.schedule(), random.split(), name + "/" + i));
        }
    }

    String name() {
        return name;
    }

    Address address() {
        return new Address(name, PORT);
    }

    SimulatedClock clock() {
        return clock;
    }

    List<SimulatedDrive> drives() {
        return drives;
    }

    @Nullable
    SimulatedProcess process() {
        return process;
    }

    boolean isUp() {
        return process != null && process.isAlive();
    }

    boolean isPaused() {
        return process != null && process.isPaused();
    }

    /** When it was last down, cut off or paused. */
    long lastTroubleNanos() {
        return lastTroubleNanos;
    }

    void inTrouble() {
        lastTroubleNanos = world.schedule().nowNanos();
    }

    /** Starts it; false where it does not want to run on these drives. */
    boolean start() {
        if (isUp()) {
            throw new IllegalStateException(name + " runs already");
        }
        SimulatedProcess started = new SimulatedProcess(world.schedule(), clock, name);
        process = started;
        boolean[] serves = new boolean[1];
        world.schedule().runAs(started, () -> serves[0] = serve(started));
        if (serves[0]) {
            world.note("start " + name);
        }
        return serves[0];
    }

    private boolean serve(SimulatedProcess started) {
        List<StorageNodeConfig.DriveConfig> configured = new ArrayList<>();
        for (int i = 0; i < drives.size(); i++) {
            if (!drives.get(i).isAbsent()) {
                configured.add(new StorageNodeConfig.DriveConfig(
                        String.valueOf(i), world.settings().driveBytes()));
            }
        }
        StorageNodeConfig config = new StorageNodeConfig(
                name,
                address(),
                address(),
                "",
                world.settings().coordinatorAddresses(),
                configured,
                StorageNodeConfig.DEFAULT_READERS_PER_DRIVE,
                StorageNodeConfig.DEFAULT_HEARTBEAT_INTERVAL,
                StorageNodeConfig.DEFAULT_SCRUB_BYTES_PER_SECOND,
                StorageNodeConfig.DEFAULT_REBUILDS_AT_ONCE,
                world.settings().inventoryPageShards());
        try {
            server = StorageNode.start(
                    config, world.network().transportOf(started), new Platform(started));
            return true;
        } catch (IOException e) {
            world.note("refuses to start " + name + ": " + e.getMessage());
            started.kill();
            return false;
        }
    }

    /** Ends the process at once; its machine runs on. */
    void kill() {
        SimulatedProcess running = process;
        if (running != null && running.isAlive()) {
            running.kill();
        }
    }

    /** The machine's power is gone, and with it what was not synced. */
    void cutPower() {
        kill();
        drives.forEach(SimulatedDrive::cutPower);
    }

    /** The same, while its drives were writing what was not synced. */
    void cutPowerInWrite() {
        kill();
        drives.forEach(SimulatedDrive::cutPowerInWrite);
    }

    /** Ends the process in an orderly way. */
    void stop() {
        SimulatedProcess running = process;
        StorageNode serving = server;
        if (running != null && serving != null && running.isAlive() && !running.isPaused()) {
            world.schedule().runAs(running, serving::close);
            running.kill();
        }
    }

    /** What a process takes from its machine. */
    private final class Platform implements NodePlatform {
        private final SimulatedProcess owner;
        private final RandomGenerator identities = random.split();
        private final List<DriveThread> threads = new ArrayList<>();

        Platform(SimulatedProcess owner) {
            this.owner = owner;
            for (SimulatedDrive drive : drives) {
                threads.add(new DriveThread(world, owner, name, drive));
            }
        }

        @Override
        public DriveDirectory directory(String path) {
            int index = Integer.parseInt(path);
            return drives.get(index).servedBy(owner, threads.get(index));
        }

        @Override
        public Executor driveThread(String path) {
            return threads.get(Integer.parseInt(path));
        }

        @Override
        public Executor readers(String path, int threadCount) {
            SimulatedDrive drive = drives.get(Integer.parseInt(path));
            return owner.executor(() -> world.settings().readNanos(random)
                    * Math.max(world.network().slownessOf(name), drive.slowness()));
        }

        @Override
        public RandomGenerator random() {
            return identities;
        }

        @Override
        public void close() {
            threads.forEach(DriveThread::drain);
        }
    }
}
