package io.ashlar.tools.simulate;

import java.util.ArrayList;
import java.util.List;
import java.util.random.RandomGenerator;

/** What users do: reads, writes, zeroes and flushes of all sizes, on all volumes, for a while. */
final class Workload {
    private static final long MILLI = 1_000_000;
    private static final int FORMER_EVERY = 6;

    private final World world;
    private final RandomGenerator random;
    private final List<VolumeUse> volumes = new ArrayList<>();
    private final int readPercent;
    private final int largestBlocks;
    private final long thinkNanos;
    private long operations;
    private boolean stopped;

    Workload(World world, RandomGenerator random) {
        this.world = world;
        this.random = random;
        this.readPercent = 10 + random.nextInt(60);
        this.largestBlocks = 1 + random.nextInt(48);
        this.thinkNanos = (10 + random.nextInt(100)) * MILLI;
        for (int i = 0; i < world.settings().policies().size(); i++) {
            volumes.add(new VolumeUse(world, random, i));
        }
    }

    List<VolumeUse> volumes() {
        return volumes;
    }

    /** Requests made so far. */
    long operations() {
        return operations;
    }

    void start() {
        for (VolumeUse volume : volumes) {
            volume.open(false);
            schedule(volume);
        }
    }

    void stop() {
        stopped = true;
    }

    private void schedule(VolumeUse volume) {
        world.schedule().world(random.nextLong(2 * thinkNanos), () -> {
            if (!stopped) {
                use(volume);
                schedule(volume);
            }
        });
    }

    private void use(VolumeUse volume) {
        WriterSession writer = volume.current();
        if (writer == null) {
            if (!volume.isOpening() && !volume.isLeftAlone()) {
                volume.lost();
                volume.open(random.nextInt(4) == 0);
            }
        } else if (writer.inFlight() < world.settings().depth()) {
            operate(volume, writer);
        }
        volume.forgetDead();
        if (!volume.former().isEmpty() && random.nextInt(FORMER_EVERY) == 0) {
            useFormer(volume);
        }
    }

    /** A writer that has been replaced may not know; in the end its process goes. */
    private void useFormer(VolumeUse volume) {
        WriterSession session =
                volume.former().get(random.nextInt(volume.former().size()));
        if (random.nextInt(20) == 0) {
            session.client().process().kill();
        } else if (session.isUsable() && session.inFlight() < world.settings().depth()) {
            operate(volume, session);
        }
    }

    private void operate(VolumeUse volume, WriterSession session) {
        operations++;
        int blocks = 1 + random.nextInt(random.nextInt(3) == 0 ? largestBlocks : 4);
        int first = random.nextInt(world.settings().volumeBlocks());
        int count = Math.min(blocks, world.settings().volumeBlocks() - first);
        int kind = random.nextInt(100);
        if (kind < readPercent) {
            session.read(first, count);
        } else if (kind < readPercent + 2) {
            session.flush();
        } else if (kind < readPercent + 6) {
            session.write(first, count, 0);
        } else {
            session.write(first, count, volume.newStamp());
        }
    }
}
