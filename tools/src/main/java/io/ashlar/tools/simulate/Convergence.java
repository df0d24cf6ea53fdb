package io.ashlar.tools.simulate;

import io.ashlar.client.model.SegmentId;
import io.ashlar.client.model.Stripe;
import io.ashlar.client.model.VolumeId;
import io.ashlar.client.protocol.ClusterStatus;
import io.ashlar.client.protocol.GetScrub;
import io.ashlar.client.protocol.GetStatus;
import io.ashlar.client.protocol.Health;
import io.ashlar.client.protocol.Placement;
import io.ashlar.client.protocol.Request;
import io.ashlar.client.protocol.ScrubStatus;
import io.ashlar.client.protocol.Segment;
import io.ashlar.client.protocol.StartScrub;
import io.ashlar.coordinator.record.VolumeRecord;

import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.function.Supplier;

/**
 * What must come about once nothing goes wrong any more: every volume can be opened, read and
 * written, all is fully redundant again, nothing is stuck and no shard is left over; within a stated
 * time, and without help but that each volume is opened once, before what its last writer left has
 * been sealed or after, and a scrub is begun, again where it met what was being rebuilt. What a scrub
 * finds in the end has been mended: another one finds nothing.
 */
final class Convergence {
    private static final long SECOND = WorldSettings.SECOND;
    private static final long OPENED_WITHIN_NANOS = 180 * SECOND;
    private static final long SCRUBBED_WITHIN_NANOS = 300 * SECOND;
    private static final long REDUNDANT_WITHIN_NANOS = 900 * SECOND;
    private static final long CLOSED_WITHIN_NANOS = 120 * SECOND;
    private static final long LOOK_NANOS = SECOND;
    private static final int WRITES = 30;
    private static final int MAX_SCRUBS = 4;

    private final World world;
    private final Workload workload;
    private final Checker checker;

    Convergence(World world, Workload workload) {
        this.world = world;
        this.workload = workload;
        this.checker = new Checker(world);
    }

    void demand() {
        goOn();
        if (world.order().random().nextBoolean()) {
            await("what dead writers left to be sealed", OPENED_WITHIN_NANOS, this::unsealed);
        }
        openAll();
        awaitNodes();
        for (int i = 0; i == 0 || (uncompared() > 0 && i < MAX_SCRUBS); i++) {
            scrub();
            awaitRedundancy();
        }
        if (uncompared() > 0) {
            throw new Violation("liveness", "no scrub compares all there is: " + scrubbed());
        }
        writeAll();
        closeAll();
        await("full redundancy after the last writes", REDUNDANT_WITHIN_NANOS, this::lacking);
        ShardAudit shards = new ShardAudit(world, checker);
        await("the nodes to hold what is recorded", REDUNDANT_WITHIN_NANOS, shards::difference);
        auditStripes(Map.of());
        openAll();
        closeAll();
        awaitRedundancy();
        demandUndamaged(0, 0);
    }

    /**
     * Whoever lives comes to an end with all that it was asked for. Then one can write each volume, and
     * whoever had it before is told that it has it no more.
     */
    private void goOn() {
        await("what living clients were asked for", OPENED_WITHIN_NANOS, this::unanswered);
        List<WriterSession> before = new ArrayList<>();
        for (VolumeUse volume : workload.volumes()) {
            volume.former().stream()
                    .filter(WriterSession::isUsable)
                    .filter(session -> !session.isHolder())
                    .forEach(before::add);
        }
        before.forEach(session -> session.write(0, 1, 0));
        await("those who lost a volume to be told", OPENED_WITHIN_NANOS, () -> {
            long untold = before.stream().filter(WriterSession::isUsable).count();
            return untold == 0 ? "" : untold + " believe that they have it";
        });
        writeAll();
    }

    private String unanswered() {
        List<String> waiting = new ArrayList<>();
        for (VolumeUse volume : workload.volumes()) {
            boolean opening = volume.isOpening() && volume.current() == null;
            if (opening || volume.isBeingDeleted()) {
                waiting.add(volume.name() + " is being opened, or deleted");
            }
            List<WriterSession> sessions = new ArrayList<>(volume.former());
            sessions.add(volume.current());
            for (WriterSession session : sessions) {
                if (session != null
                        && session.client().process().isAlive()
                        && session.inFlight() > 0) {
                    waiting.add(session.client().name() + " waits for " + session.inFlight());
                }
            }
        }
        return String.join(", ", waiting);
    }

    void awaitNodes() {
        await("all nodes to be up", OPENED_WITHIN_NANOS, this::notUp);
    }

    void awaitRedundancy() {
        await("full redundancy", REDUNDANT_WITHIN_NANOS, this::lacking);
    }

    /** Of what there is, while the status may say that blocks are lost. */
    void awaitRedundancyOfTheRest() {
        await("full redundancy of the rest", REDUNDANT_WITHIN_NANOS, () -> lacking(true));
    }

    /** Until the status says that some is lost, or all is there again. */
    void awaitRedundancyOrLoss() {
        await(
                "full redundancy, or loss to be told",
                REDUNDANT_WITHIN_NANOS,
                () -> health() == Health.DATA_LOSS ? "" : lacking());
    }

    /** Has everything read. */
    void scrub() {
        await("a scrub", SCRUBBED_WITHIN_NANOS, this::scrubStarted);
        await("the scrub's end", SCRUBBED_WITHIN_NANOS, this::scrubEnded);
    }

    /**
     * Demands that a scrub finds nothing but what is lost. One that could not read all shards side by
     * side, as a connection broke, is begun again.
     *
     * @param lostCells at most so many cells cannot be made any more; one that is damaged is found by
     *     its node and where shards are compared
     * @param lostSegments of at most so many segments there are shards that cannot be made
     */
    void demandUndamaged(long lostCells, long lostSegments) {
        for (int i = 0; i < MAX_SCRUBS; i++) {
            scrub();
            ScrubStatus scrub = scrubbed();
            if (scrub.getCorruptCells() > 2 * lostCells || scrub.getUnreadable() > lostCells) {
                throw new Violation(
                        "what a scrub finds is mended",
                        "all but " + lostCells + " cells was mended, and a scrub finds more: "
                                + scrub);
            }
            if (scrub.getSegmentsUncompared() <= lostSegments) {
                return;
            }
        }
        throw new Violation(
                "liveness",
                "no scrub compares all but " + lostSegments + " segments: " + scrubbed());
    }

    /** Demands all stripes but those that are lost. */
    void auditStripes(Map<StripeCensus.Key, Stripe> lost) {
        new StripeAudit(world, checker, lost).demandAll();
    }

    Health health() {
        return status().getHealth();
    }

    /** Looks again and again; what is still lacking at the end is told. */
    void await(String what, long withinNanos, Supplier<String> lacking) {
        long deadline = world.schedule().nowNanos() + withinNanos;
        String left = lacking.get();
        while (!left.isEmpty()) {
            if (world.schedule().nowNanos() > deadline) {
                throw new Violation(
                        "liveness",
                        what + " did not come about in " + withinNanos / SECOND + " s: " + left);
            }
            world.schedule().runFor(LOOK_NANOS);
            left = lacking.get();
        }
        world.note("came about: " + what);
    }

    /** What workers have yet to seal, of volumes that nobody has opened since all was healed. */
    private String unsealed() {
        List<String> unsealed = new ArrayList<>();
        for (VolumeUse use : workload.volumes()) {
            VolumeRecord volume = world.metadata().volume(use.name());
            boolean used = use.isOpening() || use.current() != null;
            if (volume != null && !used) {
                world.metadata()
                        .unsealedSegments(VolumeId.of(volume.getId()))
                        .forEach(segment -> unsealed.add(use.name() + ", held by "
                                + volume.getHolder() + ", has segment "
                                + SegmentId.of(segment.getId()) + " " + segment.getState()));
            }
        }
        return unsealed.isEmpty() ? "" : unsealed + ", " + status().getReasonsList();
    }

    private void openAll() {
        for (VolumeUse volume : workload.volumes()) {
            volume.allLost();
            volume.open(true);
        }
        await("the opening of all volumes", OPENED_WITHIN_NANOS, () -> {
            List<String> closed = workload.volumes().stream()
                    .filter(volume -> volume.current() == null)
                    .map(VolumeUse::name)
                    .toList();
            return closed.isEmpty() ? "" : "not open are " + closed;
        });
    }

    private String notUp() {
        ClusterStatus status = status();
        List<String> others = status.getNodesList().stream()
                .filter(node -> !node.getState().equals("up"))
                .map(node -> node.getId() + " is " + node.getState())
                .toList();
        return others.isEmpty() ? "" : String.join(", ", others);
    }

    private ClusterStatus status() {
        return checker.coordinator(Request.newBuilder()
                        .setGetStatus(GetStatus.getDefaultInstance())
                        .build())
                .getStatus();
    }

    private String scrubStarted() {
        ScrubStatus scrub = checker.coordinator(Request.newBuilder()
                        .setStartScrub(StartScrub.newBuilder().setDeep(true))
                        .build())
                .getScrub();
        return scrub.getState().equals("running") ? "" : "it is " + scrub.getState();
    }

    /** Segments whose shards the last scrub could not all read, as some were being rebuilt. */
    private long uncompared() {
        return scrubbed().getSegmentsUncompared();
    }

    private ScrubStatus scrubbed() {
        return checker.coordinator(Request.newBuilder()
                        .setGetScrub(GetScrub.getDefaultInstance())
                        .build())
                .getScrub();
    }

    private String scrubEnded() {
        ScrubStatus scrub = scrubbed();
        return scrub.getState().equals("idle") ? "" : String.valueOf(scrub);
    }

    /** Why the status says data loss, but for what can never be decoded any more. */
    private static final String LOST_BLOCKS = "blocks are lost and read as errors";

    /** Whether the status says that a volume has lost blocks. */
    boolean tellsLostBlocks(VolumeUse volume) {
        ClusterStatus status = status();
        return status.getHealth() == Health.DATA_LOSS
                && status.getReasonsList().stream()
                        .anyMatch(reason -> reason.startsWith("volume " + volume.name() + ": ")
                                && reason.contains(LOST_BLOCKS));
    }

    private static boolean hasOnlyLostBlocks(ClusterStatus status) {
        return status.getHealth() == Health.DATA_LOSS
                && status.getReasonsList().stream()
                        .allMatch(reason -> reason.contains(LOST_BLOCKS));
    }

    private String lacking() {
        return lacking(false);
    }

    private String lacking(boolean besideLostBlocks) {
        ClusterStatus status = status();
        boolean busy = status.getRepair().getQueued() > 0 || status.getRepair().getRunning() > 0;
        boolean sound =
                status.getHealth() == Health.OK || (besideLostBlocks && hasOnlyLostBlocks(status));
        if (!sound || busy) {
            return status.getHealth() + " " + status.getReasonsList() + ", "
                    + status.getRepair().getQueued() + " repairs queued, "
                    + status.getRepair().getRunning() + " running, failed: "
                    + status.getRepair().getFailedList() + ", losses: " + losses();
        }
        List<Segment> weaker =
                world.segments().stream().filter(Segment::getWeaker).toList();
        return weaker.isEmpty() ? "" : weaker.size() + " segments are weaker";
    }

    private List<String> losses() {
        return world.metadata().losses().stream()
                .map(loss -> {
                    SegmentId id = SegmentId.of(loss.getShard().getSegment());
                    Segment segment = world.metadata().segment(id);
                    return loss.getKind() + " of shard "
                            + loss.getShard().getIndex() + " of "
                            + (segment == null ? "no segment " : described(segment)) + id
                            + " (" + loss.getDetail() + ")";
                })
                .toList();
    }

    private static String described(Segment segment) {
        return segment.getPolicy() + " segment, " + segment.getState() + " at "
                + segment.getSealedBytes() + " with " + segment.getStripeCount()
                + " stripes, cells "
                + segment.getPlacementsList().stream().map(Placement::getCells).toList() + ", ";
    }

    private void writeAll() {
        for (VolumeUse volume : workload.volumes()) {
            for (int i = 0; volume.current() != null && i < WRITES; i++) {
                write(volume, i * (volume.blockCount() - 1) / WRITES);
            }
        }
    }

    /** Whoever has it; another who is still opening it may take it over meanwhile. */
    private void write(VolumeUse volume, int block) {
        WriterSession writer = volume.current();
        if (writer == null) {
            return;
        }
        boolean mayBeTaken = volume.isOpening();
        SessionModel model = writer.requireModel();
        long before = model.acknowledgedCount();
        writer.write(block, 1, volume.newStamp());
        boolean done = world.schedule()
                .runUntil(
                        () -> model.acknowledgedCount() > before
                                || (mayBeTaken && writer.isFenced()),
                        OPENED_WITHIN_NANOS);
        if (!done) {
            throw new Violation("liveness", volume.name() + " cannot be written");
        }
    }

    private void closeAll() {
        for (VolumeUse volume : workload.volumes()) {
            WriterSession writer = volume.current();
            if (writer != null) {
                writer.close();
                await(
                        "the closing of " + volume.name(),
                        CLOSED_WITHIN_NANOS,
                        () -> writer.inFlight() == 0 ? "" : "it is under way");
                writer.client().process().kill();
                volume.lost();
            }
        }
    }
}
