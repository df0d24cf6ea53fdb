package io.ashlar.tools.simulate;

import io.ashlar.client.model.SegmentId;
import io.ashlar.client.model.VolumeId;
import io.ashlar.client.protocol.Id;
import io.ashlar.client.protocol.Request;
import io.ashlar.client.protocol.Segment;

import org.jspecify.annotations.Nullable;

import java.util.List;
import java.util.function.BiPredicate;
import java.util.function.Function;
import java.util.random.RandomGenerator;

/** What happens to writers: they die, sleep, are stolen from, leave. */
final class WriterFaults {
    private static final long MILLI = 1_000_000;
    private static final long LEAVES_WITHIN_NANOS = 30_000 * MILLI;
    private static final int MAX_CELLS = 12;
    private static final long READ_WITHIN_NANOS = 500 * MILLI;
    private static final long ROLLS_WITHIN_NANOS = 2_000 * MILLI;
    private static final long MAX_LATE_NANOS = 20_000 * MILLI;
    private static final long MAX_SENT_LATE_NANOS = 1_500 * MILLI;
    private static final long CELLS_LATE_WITHIN_NANOS = 500 * MILLI;
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

    /** The user of a volume reads it from end to end. */
    void readAll(VolumeId id) {
        VolumeUse volume = volume(id);
        WriterSession session = volume == null ? null : writer(volume);
        if (volume != null && session != null && session.isUsable()) {
            session.read(0, volume.blockCount());
            world.schedule().world(READ_WITHIN_NANOS, () -> {
                if (session.isUsable()) {
                    session.demandNoContradiction();
                }
            });
        }
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
        kill(FaultKind.WRITER_KILL, volume, session);
        return true;
    }

    private void kill(FaultKind kind, VolumeUse volume, WriterSession session) {
        world.fault(kind, "writer " + session.client().name() + " killed");
        session.client().process().kill();
        volume.lost();
        perhapsLeaveAlone(volume);
    }

    /** While some cells of a stripe have arrived, and others are on their way and never will. */
    boolean killInWrite() {
        killAfterCells(
                FaultKind.WRITER_KILL_IN_WRITE,
                1 + random.nextInt(MAX_CELLS),
                Long.MAX_VALUE,
                (by, append) -> true);
        return true;
    }

    /**
     * While cells of a segment have arrived, and the last ones of the segment before are still on their
     * way and never will.
     */
    boolean killAtRoll() {
        int fromPercent = random.nextInt(100);
        int cells = 1 + random.nextInt(MAX_CELLS);
        world.network().onNext(Request.BodyCase.APPEND_CELL, (by, request) -> {
            SegmentId ending = segmentOf(request);
            long untilNanos = world.schedule().nowNanos() + ROLLS_WITHIN_NANOS;
            world.note("the end of " + ending + " does not arrive");
            world.network()
                    .swallow((from, append) -> from == by
                            && world.schedule().nowNanos() < untilNanos
                            && isAtEnd(append, ending, fromPercent));
            killAfterCells(
                    FaultKind.WRITER_KILL_AT_ROLL,
                    cells,
                    untilNanos,
                    (from, append) -> from == by && !segmentOf(append).equals(ending));
        });
        return true;
    }

    private static SegmentId segmentOf(Request append) {
        return SegmentId.of(append.getAppendCell().getShard().getSegment());
    }

    private boolean isAtEnd(Request request, SegmentId ending, int fromPercent) {
        Segment segment = request.hasAppendCell() && segmentOf(request).equals(ending)
                ? world.metadata().segment(ending)
                : null;
        return segment != null
                && request.getAppendCell().getOffset() * 100
                        >= segment.getShardBytes() * fromPercent;
    }

    private void killAfterCells(
            FaultKind kind,
            int cells,
            long untilNanos,
            BiPredicate<SimulatedProcess, Request> counts) {
        world.network().onNext(Request.BodyCase.APPEND_CELL, (by, request) -> {
            int left = counts.test(by, request) ? cells - 1 : cells;
            if (world.schedule().nowNanos() > untilNanos) {
                return;
            }
            if (left > 0) {
                killAfterCells(kind, left, untilNanos, counts);
            } else {
                world.schedule().world(1, () -> killWriter(kind, by));
            }
        });
    }

    private void killWriter(FaultKind kind, SimulatedProcess process) {
        for (VolumeUse volume : workload.volumes()) {
            WriterSession session = writer(volume);
            if (!stopped && session != null && session.client().process() == process) {
                kill(kind, volume, session);
            }
        }
    }

    /** Whose writer such a process is, unless another is about to be it; null: nobody's. */
    @Nullable
    VolumeUse volumeOf(SimulatedProcess process) {
        return workload.volumes().stream()
                .filter(volume -> !volume.isOpening())
                .filter(volume -> {
                    WriterSession session = writer(volume);
                    return session != null && session.client().process() == process;
                })
                .findFirst()
                .orElse(null);
    }

    /** The writer dies, and for so long nobody takes its volume over but for a fault. */
    void killAndLeave(VolumeUse volume, long nanos) {
        WriterSession session = writer(volume);
        if (session != null) {
            session.client().process().kill();
            volume.lost();
            volume.leaveAlone(nanos);
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
        SimulatedProcess process = session == null ? null : session.client().process();
        if (process == null
                || !world.pause(
                        process, random.nextLong(MAX_PAUSE_NANOS), FaultKind.WRITER_PAUSE)) {
            return false;
        }
        if (random.nextInt(3) > 0) {
            world.schedule()
                    .world(random.nextLong(MAX_PAUSE_NANOS / 2), () -> openWhileFaultsCome(volume));
        }
        return true;
    }

    /** Its machine sleeps, and the monotonic clock with it; mostly another writer comes meanwhile. */
    boolean suspend() {
        VolumeUse volume = volume();
        WriterSession session = writer(volume);
        SimulatedClient client = session == null ? null : session.client();
        if (client == null || client.clock().hasJumped()) {
            return false;
        }
        world.fault(
                FaultKind.WRITER_SUSPENDED, "the machine of " + client.name() + " is suspended");
        long nanos = random.nextLong(MAX_PAUSE_NANOS);
        client.process().pause();
        client.clock().suspend();
        world.schedule().world(nanos, () -> {
            if (client.process().isPaused()) {
                client.clock().wake();
                client.process().resume();
            }
        });
        if (random.nextInt(3) > 0) {
            world.schedule().world(random.nextLong(nanos + 1), () -> openWhileFaultsCome(volume));
        }
        return true;
    }

    private void openWhileFaultsCome(VolumeUse volume) {
        if (!stopped) {
            volume.open(random.nextBoolean());
        }
    }

    boolean steal(FaultKind kind, int times) {
        VolumeUse volume = volume();
        if (volume.isOpening()) {
            return false;
        }
        world.fault(kind, times + " steal " + volume.name());
        for (int i = 0; i < times; i++) {
            volume.open(true);
        }
        return true;
    }

    /** The next root that a writer commits arrives when another has the volume. */
    boolean delayRoot() {
        return delayNext(
                FaultKind.ROOT_LATE,
                Request.BodyCase.COMMIT_ROOT,
                "a root",
                MAX_LATE_NANOS,
                request -> request.getCommitRoot().getVolume());
    }

    /** The next shard that a writer has made is made when another has the volume. */
    boolean delayShard() {
        return delayNext(
                FaultKind.SHARD_LATE,
                Request.BodyCase.CREATE_SHARD,
                "a shard",
                MAX_SENT_LATE_NANOS,
                request -> request.getCreateShard().getVolume());
    }

    private boolean delayNext(
            FaultKind kind,
            Request.BodyCase request,
            String what,
            long maxNanos,
            Function<Request, Id> volume) {
        long nanos = random.nextLong(maxNanos);
        world.network().delayNext(request, (by, late) -> {
            stealMeanwhile(kind, VolumeId.of(volume.apply(late)), what);
            return nanos;
        });
        return true;
    }

    /** Some of the next cells that a writer sends arrive when another has the volume. */
    boolean stealInWrite() {
        onNextAppend((by, append) -> {
            Segment segment = world.metadata().segment(segmentOf(append));
            if (segment == null || append.getAppendCell().getRecovery()) {
                boolean _ = stealInWrite();
                return 0;
            }
            stealMeanwhile(
                    FaultKind.WRITER_STOLEN_IN_WRITE, VolumeId.of(segment.getVolume()), "a cell");
            long untilNanos = world.schedule().nowNanos() + CELLS_LATE_WITHIN_NANOS;
            delayCells(by, random.nextInt(MAX_CELLS), untilNanos);
            return random.nextLong(MAX_SENT_LATE_NANOS);
        });
        return true;
    }

    private void delayCells(SimulatedProcess of, int cells, long untilNanos) {
        if (cells > 0) {
            onNextAppend((by, append) -> {
                if (world.schedule().nowNanos() > untilNanos) {
                    return 0;
                }
                delayCells(of, by == of ? cells - 1 : cells, untilNanos);
                return by == of && random.nextBoolean() ? random.nextLong(MAX_SENT_LATE_NANOS) : 0;
            });
        }
    }

    private void onNextAppend(SimulatedNetwork.Delay delay) {
        world.network().delayNext(Request.BodyCase.APPEND_CELL, delay);
    }

    private void stealMeanwhile(FaultKind kind, VolumeId id, String what) {
        VolumeUse volume = volume(id);
        if (!stopped && volume != null && !volume.isOpening()) {
            world.fault(kind, what + " of " + volume.name() + " is late, and it is stolen");
            volume.open(true);
        }
    }

    boolean delete() {
        VolumeUse volume = volume();
        if (volume.isBeingDeleted()) {
            return false;
        }
        world.fault(FaultKind.VOLUME_DELETED, volume.name() + " is deleted, and made anew");
        volume.delete();
        return true;
    }

    boolean close() {
        WriterSession session = writer(volume());
        if (session == null) {
            return false;
        }
        world.fault(FaultKind.WRITER_CLOSE, "writer " + session.client().name() + " closes");
        session.close();
        SimulatedProcess process = session.client().process();
        world.schedule().world(random.nextLong(LEAVES_WITHIN_NANOS), process::kill);
        return true;
    }
}
