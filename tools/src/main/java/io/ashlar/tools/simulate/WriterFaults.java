package io.ashlar.tools.simulate;

import io.ashlar.client.model.VolumeId;
import io.ashlar.client.protocol.Request;

import org.jspecify.annotations.Nullable;

import java.util.List;
import java.util.random.RandomGenerator;

/** What happens to writers: they die, sleep, are stolen from, leave. */
final class WriterFaults {
    private static final long MILLI = 1_000_000;
    private static final long LEAVES_WITHIN_NANOS = 30_000 * MILLI;
    private static final int MAX_CELLS = 12;
    private static final int MAX_CELLS_AT_ROLL = 3;
    private static final int SLOWER = 50;
    private static final long ROLLS_WITHIN_NANOS = 5_000 * MILLI;
    private static final long MAX_LATE_NANOS = 20_000 * MILLI;
    private static final long MAX_PAUSE_NANOS = 15_000 * MILLI;
    private static final long MAX_ALONE_NANOS = 60_000 * MILLI;

    private final World world;
    private final RandomGenerator random;
    private final Workload workload;
    private boolean stopped;

    WriterFaults(World world, RandomGenerator random, Workload workload) {
        this.world = world;
        this.random = random;
        this.workload = workload;
    }

    /** Nobody takes a volume over any more, even where that was planned. */
    void stop() {
        stopped = true;
    }

    boolean areStopped() {
        return stopped;
    }

    /** One of them. */
    VolumeUse volume() {
        List<VolumeUse> volumes = workload.volumes();
        return volumes.get(random.nextInt(volumes.size()));
    }

    @Nullable
    VolumeUse volume(VolumeId id) {
        return workload.volumes().stream()
                .filter(volume -> volume.id().equals(id))
                .findFirst()
                .orElse(null);
    }

    private static @Nullable WriterSession writer(VolumeUse volume) {
        WriterSession session = volume.current();
        return session == null || session.client().process().isPaused() ? null : session;
    }

    boolean kill() {
        VolumeUse volume = volume();
        WriterSession session = writer(volume);
        if (session == null) {
            return false;
        }
        kill(volume, session);
        return true;
    }

    private void kill(VolumeUse volume, WriterSession session) {
        world.note("FAULT writer " + session.client().name() + " killed");
        session.client().process().kill();
        volume.lost();
        perhapsLeaveAlone(volume);
    }

    /** While some cells of a stripe have arrived, and others are on their way and never will. */
    boolean killInWrite() {
        killAfterCells(1 + random.nextInt(MAX_CELLS), false);
        return true;
    }

    /**
     * While the first cell of a segment has arrived, and the last ones of the segment before are still
     * on their way, over a network that is slow for everybody.
     */
    boolean killAtRoll() {
        world.note("FAULT the network is slow, and the next writer that rolls is killed");
        slowNodes(SLOWER);
        world.schedule().world(ROLLS_WITHIN_NANOS, () -> slowNodes(1));
        killAfterCells(1 + random.nextInt(MAX_CELLS_AT_ROLL), true);
        return true;
    }

    private void slowNodes(int times) {
        world.nodes().forEach(node -> world.network().slow(node.name(), times));
    }

    private void killAfterCells(int cells, boolean atRoll) {
        world.network().onNext(Request.BodyCase.APPEND_CELL, (by, request) -> {
            if (atRoll && request.getAppendCell().getOffset() > 0) {
                killAfterCells(cells, true);
            } else if (cells > 1) {
                killAfterCells(cells - 1, false);
            } else {
                world.schedule().world(1, () -> killWriter(by));
            }
        });
    }

    private void killWriter(SimulatedProcess process) {
        for (VolumeUse volume : workload.volumes()) {
            WriterSession session = writer(volume);
            if (!stopped && session != null && session.client().process() == process) {
                kill(volume, session);
            }
        }
    }

    /** Another takes a volume over from a writer that has just died. */
    void replace(VolumeUse volume) {
        WriterSession session = writer(volume);
        if (session != null) {
            session.client().process().kill();
            volume.lost();
        }
        volume.open(true);
    }

    private void perhapsLeaveAlone(VolumeUse volume) {
        if (random.nextBoolean()) {
            volume.leaveAlone(random.nextLong(MAX_ALONE_NANOS));
        }
    }

    /** With everybody who opens a volume just now. */
    void killAll() {
        for (SimulatedClient client : world.clients()) {
            client.process().kill();
        }
        workload.volumes().forEach(VolumeUse::allLost);
        workload.volumes().forEach(this::perhapsLeaveAlone);
    }

    boolean pause() {
        VolumeUse volume = volume();
        WriterSession session = writer(volume);
        if (session == null) {
            return false;
        }
        SimulatedProcess process = session.client().process();
        world.note("FAULT writer " + process.name() + " is paused");
        process.pause();
        world.schedule().world(random.nextLong(MAX_PAUSE_NANOS), process::resume);
        if (random.nextInt(3) > 0) {
            world.schedule()
                    .world(random.nextLong(MAX_PAUSE_NANOS / 2), () -> openWhileFaultsCome(volume));
        }
        return true;
    }

    private void openWhileFaultsCome(VolumeUse volume) {
        if (!stopped) {
            volume.open(random.nextBoolean());
        }
    }

    boolean steal(int times) {
        VolumeUse volume = volume();
        if (volume.isOpening()) {
            return false;
        }
        world.note("FAULT " + times + " steal " + volume.name());
        for (int i = 0; i < times; i++) {
            volume.open(true);
        }
        return true;
    }

    /** The next root that a writer commits arrives when another has the volume. */
    boolean delayRoot() {
        long nanos = random.nextLong(MAX_LATE_NANOS);
        world.network()
                .delayNext(
                        Request.BodyCase.COMMIT_ROOT,
                        nanos,
                        (by, request) -> stealMeanwhile(request));
        return true;
    }

    private void stealMeanwhile(Request request) {
        VolumeUse volume = volume(VolumeId.of(request.getCommitRoot().getVolume()));
        if (!stopped && volume != null && !volume.isOpening()) {
            world.note("FAULT a root of " + volume.name() + " is late, and it is stolen");
            volume.open(true);
        }
    }

    boolean close() {
        WriterSession session = writer(volume());
        if (session == null) {
            return false;
        }
        world.note("writer " + session.client().name() + " closes");
        session.close();
        SimulatedProcess process = session.client().process();
        world.schedule().world(random.nextLong(LEAVES_WITHIN_NANOS), process::kill);
        return true;
    }
}
