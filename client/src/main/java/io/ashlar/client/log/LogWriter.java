package io.ashlar.client.log;

import io.ashlar.client.AshlarException;
import io.ashlar.client.cluster.Cluster;
import io.ashlar.client.model.LogPosition;
import io.ashlar.client.model.SegmentId;
import io.ashlar.client.model.Stripe;
import io.ashlar.client.protocol.AppendCell;
import io.ashlar.client.protocol.Request;
import io.ashlar.client.protocol.Response;
import io.ashlar.client.protocol.SlowDrive;
import io.ashlar.client.stripe.EncodedStripe;
import io.ashlar.client.transport.Buffer;
import io.ashlar.client.transport.Transport;

import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Collection;
import java.util.Deque;
import java.util.List;
import java.util.Optional;
import java.util.concurrent.CompletableFuture;
import java.util.function.Supplier;

/**
 * Appends stripes to a volume's log. A stripe gets the next place, its cells go to all its
 * participants together, and it is acknowledged when all have them durably, strictly in order
 * (INV-4).
 *
 * <p>When a participant fails, nothing is patched (INV-5): acknowledging stops; every segment of
 * the window is sealed at what is acknowledged in it, in one command repeated until it is answered;
 * only then all unacknowledged stripes are placed anew, in order, in a segment that has held none.
 * A writer whose epoch was raised learns it from that command, or from its lease, and ends.
 *
 * <p>A participant that answers, but slowly, is left behind without any of that, where another drive
 * can take its place ({@link SlowParticipants}).
 *
 * <p>Lives on the cluster's loop.
 */
final class LogWriter {
    private static final Logger LOG = LoggerFactory.getLogger(LogWriter.class);

    /** That nothing could be given back is believed for so long, or until there is another segment. */
    private static final long RECLAIM_AGAIN_NANOS = 10_000_000_000L;

    /** What is given back is free once its nodes have heard of that and said so. */
    private static final long SPACE_WITHIN_NANOS = 10_000_000_000L;

    private static final long LOOK_FOR_SPACE_NANOS = 300_000_000L;

    private final Cluster cluster;
    private final WriterIdentity writer;
    private final OpenSegments segments;
    private final SlowParticipants slow;

    /** Not acknowledged, in log order; those without a place are the last ones. */
    private final Deque<InFlight> window = new ArrayDeque<>();

    /** What is behind the window, in order, until there is space for it. */
    private final Deque<InFlight> parked = new ArrayDeque<>();

    private LogPosition acknowledged;
    private Runnable onRoom = () -> {};
    private Supplier<CompletableFuture<Boolean>> reclaim =
            () -> CompletableFuture.completedFuture(false);
    private boolean reclaiming;
    private boolean lookingForSpace;
    private @Nullable Long reclaimedInVainNanos;
    private long spaceUntilNanos = Long.MIN_VALUE;
    private boolean sealing;
    private boolean closing;
    private @Nullable AshlarException ended;
    private @Nullable CompletableFuture<Void> idle;
    private long stripes;
    private long rolls;

    /**
     * @param known the volume's segments, all sealed; new ones are added
     * @param end of the log
     */
    LogWriter(Cluster cluster, WriterIdentity writer, LogSegments known, LogPosition end) {
        this.cluster = cluster;
        this.writer = writer;
        this.acknowledged = end;
        DrivePace pace = new DrivePace();
        this.segments = new OpenSegments(cluster, writer, known, end, pace);
        this.slow = new SlowParticipants(cluster, writer, segments, pace);
    }

    /** Hears what became of a stripe, once. */
    interface Outcome {
        void acknowledged(LogSegment segment, Stripe stripe);

        /** It may or may not be in the log; it is not acknowledged. */
        void failed(AshlarException cause);
    }

    private static final class InFlight {
        final EncodedStripe encoded;
        final Outcome outcome;

        @Nullable
        Place place;

        InFlight(EncodedStripe encoded, Outcome outcome) {
            this.encoded = encoded;
            this.outcome = outcome;
        }
    }

    /** Where a stripe was sent; a new one each time it is placed anew. */
    private static final class Place {
        final OpenSegment segment;
        final Stripe stripe;
        final long sentNanos;

        /** What each participant took that has answered. */
        final long[] tookNanos;

        int unanswered;

        Place(OpenSegment segment, Stripe stripe, long sentNanos) {
            this.segment = segment;
            this.stripe = stripe;
            this.sentNanos = sentNanos;
            this.unanswered = stripe.geometry().participants();
            this.tookNanos = new long[unanswered];
        }
    }

    /** To be called whenever the window has become emptier, whoever's stripes were in it. */
    void onRoom(Runnable action) {
        onRoom = action;
    }

    /**
     * What is to be done where drives are full: gives dead segments back, and tells whether there was
     * any. What it appends is the map's.
     */
    void onNoSpace(Supplier<CompletableFuture<Boolean>> action) {
        reclaim = action;
    }

    Optional<AshlarException> ended() {
        return Optional.ofNullable(ended);
    }

    VolumeWriter.Stats stats() {
        return new VolumeWriter.Stats(stripes, rolls);
    }

    /** Whether a stripe of data is on its way, or waits for that; those of the map hold nobody up. */
    boolean hasDataInFlight() {
        for (InFlight inFlight : window) {
            if (inFlight.encoded.isData()) {
                return true;
            }
        }
        return !parked.isEmpty();
    }

    boolean hasRoomInWindow() {
        return parked.isEmpty() && window.size() < cluster.config().windowStripes();
    }

    /** Takes the stripe over. */
    void append(EncodedStripe encoded, Outcome outcome) {
        if (ended != null) {
            encoded.release();
            outcome.failed(ended);
            return;
        }
        window.add(new InFlight(encoded, outcome));
        placeWaiting();
    }

    /** Places and sends, in order, what has no place yet. */
    private void placeWaiting() {
        if (sealing || ended != null) {
            return;
        }
        for (InFlight inFlight : window) {
            if (inFlight.place == null) {
                OpenSegment segment = segments.withRoomFor(inFlight.encoded);
                if (segment == null) {
                    createSegment(inFlight.encoded.geometry().recordBytes());
                    return;
                }
                send(inFlight, segment);
            }
        }
        if (segments.wantsSpare() && !closing && !reclaiming && !lookingForSpace) {
            createSegment(0);
        }
    }

    /**
     * No stripe waits any longer for a segment that no coordinator creates, or for segments that none
     * seals: the writer ends where that fails.
     */
    void stopWaiting() {
        segments.end();
    }

    /** Creates a segment ahead, where there is none. */
    void prepare() {
        boolean goesOn = ended == null && !sealing && !closing;
        if (goesOn && segments.isEmpty() && !segments.isCreating()) {
            createSegment(0);
        }
    }

    CompletableFuture<Void> confirmEpoch() {
        return segments.confirmEpoch(sealing || closing);
    }

    private void createSegment(int awaitedBytes) {
        if (!segments.isCreating()) {
            var _ = segments.create(awaitedBytes).whenComplete((ignored, failure) -> {
                if (failure != null) {
                    noSegment(AshlarException.in(failure));
                } else {
                    reclaimedInVainNanos = null;
                    placeWaiting();
                }
            });
        }
    }

    /** Stripes without a place cannot be written; those on their way go on. */
    private void noSegment(AshlarException cause) {
        if (cause instanceof AshlarException.Fenced) {
            end(cause);
            return;
        }
        LOG.warn(
                "event=no-segment volume={} waiting={} reason=\"{}\"",
                writer.name(),
                window.size(),
                cause.getMessage());
        Deque<InFlight> unplaced = new ArrayDeque<>();
        while (!window.isEmpty() && window.getLast().place == null) {
            unplaced.addFirst(window.removeLast());
        }
        if (cause instanceof AshlarException.NoSpace && !closing && mayFindSpace()) {
            waitForSpace(unplaced, cause);
        } else {
            unplaced.addAll(parked);
            parked.clear();
            unplaced.forEach(inFlight -> fail(inFlight, cause));
        }
        onRoom.run();
        tellIfIdle();
    }

    private boolean mayFindSpace() {
        return reclaiming || mayReclaim() || isSpaceExpected();
    }

    private boolean mayReclaim() {
        Long inVain = reclaimedInVainNanos;
        return inVain == null || cluster.loop().nanoTime() - inVain > RECLAIM_AGAIN_NANOS;
    }

    private boolean isSpaceExpected() {
        return cluster.loop().nanoTime() < spaceUntilNanos;
    }

    /**
     * Until what is dead has been given back, and is free, nothing but the map is written: there is room
     * for that, unless it is the first to find none.
     */
    private void waitForSpace(Deque<InFlight> unplaced, AshlarException cause) {
        boolean mapHasRoom = !unplaced.isEmpty() && unplaced.getFirst().encoded.isData();
        Deque<InFlight> data = new ArrayDeque<>();
        for (InFlight inFlight : unplaced) {
            if (inFlight.encoded.isData()) {
                data.addFirst(inFlight);
            } else if (mapHasRoom) {
                window.add(inFlight);
            } else {
                fail(inFlight, cause);
            }
        }
        data.forEach(parked::addFirst);
        if (mapHasRoom) {
            placeWaiting();
        }
        if (!reclaiming && mayReclaim()) {
            giveBack();
        } else if (!reclaiming) {
            lookForSpaceSoon();
        }
    }

    private void giveBack() {
        reclaiming = true;
        var _ = reclaim.get().whenComplete((any, failure) -> {
            reclaiming = false;
            long now = cluster.loop().nanoTime();
            if (failure == null && any) {
                spaceUntilNanos = now + SPACE_WITHIN_NANOS;
            } else {
                reclaimedInVainNanos = now;
            }
            placeParked();
        });
    }

    private void lookForSpaceSoon() {
        if (!lookingForSpace) {
            lookingForSpace = true;
            cluster.loop().schedule(LOOK_FOR_SPACE_NANOS, () -> {
                lookingForSpace = false;
                placeParked();
            });
        }
    }

    private void placeParked() {
        window.addAll(parked);
        parked.clear();
        placeWaiting();
        onRoom.run();
    }

    private void send(InFlight inFlight, OpenSegment segment) {
        Stripe stripe = segment.place(
                writer.volume(), inFlight.encoded, acknowledged, cluster.loop().wallMillis());
        Place place = new Place(segment, stripe, cluster.loop().nanoTime());
        inFlight.place = place;
        for (int i = 0; i < stripe.geometry().participants(); i++) {
            LogSegment.Shard shard = segment.segment().shard(stripe.shardOfParticipant(i));
            AppendCell append = AppendCell.newBuilder()
                    .setShard(shard.ref())
                    .setOffset(stripe.identity().offset())
                    .setEpoch(writer.epoch())
                    .build();
            cluster.transport()
                    .call(
                            cluster.loop(),
                            shard.address().orElseThrow(),
                            Request.newBuilder().setAppendCell(append).build(),
                            inFlight.encoded.record(stripe, i),
                            cluster.config().hangBound().toNanos(),
                            new Appended(inFlight, place, shard, i));
        }
    }

    /** One participant's answer. An answer for a place that was given up means nothing any more. */
    private final class Appended implements Transport.ReplyHandler {
        private final InFlight inFlight;
        private final Place place;
        private final LogSegment.Shard shard;
        private final int participant;

        Appended(InFlight inFlight, Place place, LogSegment.Shard shard, int participant) {
            this.inFlight = inFlight;
            this.place = place;
            this.shard = shard;
            this.participant = participant;
        }

        @Override
        public void answered(Response response, Buffer bulk) {
            bulk.release();
            if (inFlight.place == place && !sealing && ended == null) {
                place.tookNanos[participant] = cluster.loop().nanoTime() - place.sentNanos;
                place.unanswered--;
                if (place.unanswered == 0) {
                    slow.stripeAnswered(place.segment, place.stripe, place.tookNanos);
                    acknowledgeInOrder();
                    leaveSlow();
                }
            }
        }

        @Override
        public void failed(AshlarException cause) {
            if (inFlight.place == place) {
                segments.avoid(shard.node());
                if (cluster.loop().nanoTime() - place.sentNanos
                        >= cluster.config().hangBound().toNanos()) {
                    slow.silent(shard);
                }
                sealAndPlaceAnew("node " + shard.node() + ": " + cause.getMessage());
            }
        }
    }

    private void acknowledgeInOrder() {
        while (!window.isEmpty()) {
            InFlight head = window.getFirst();
            Place place = head.place;
            if (place == null || place.unanswered > 0) {
                break;
            }
            window.removeFirst();
            place.segment.acknowledge(place.stripe);
            acknowledged = place.segment.acknowledged();
            stripes++;
            head.encoded.release();
            head.outcome.acknowledged(place.segment.segment(), place.stripe);
            onRoom.run();
            var _ = segments.sealFull().exceptionally(this::commandFailed);
        }
        tellIfIdle();
    }

    private void leaveSlow() {
        if (sealing || closing || ended != null || !slow.isTimeToLeave()) {
            return;
        }
        var _ = slow.leave().whenComplete((ignored, failure) -> {
            if (failure != null && AshlarException.in(failure) instanceof AshlarException.Fenced) {
                end(AshlarException.in(failure));
            } else {
                placeWaiting();
            }
        });
    }

    /** Drives that answer slowly, as the coordinator is told. */
    List<SlowDrive> slowDrives() {
        return slow.found();
    }

    /** Done when nothing is in flight any more, acknowledged or failed. */
    CompletableFuture<Void> whenIdle() {
        if (idle == null) {
            idle = new CompletableFuture<>();
        }
        CompletableFuture<Void> waiting = idle;
        tellIfIdle();
        return waiting;
    }

    private void tellIfIdle() {
        if (idle != null && window.isEmpty() && parked.isEmpty() && !sealing) {
            CompletableFuture<Void> waiting = idle;
            idle = null;
            waiting.complete(null);
        }
    }

    /** Seals a segment that lost a shard while nothing was written to it. */
    void rollIfOpen(Collection<SegmentId> lost) {
        if (segments.holdsAny(lost)) {
            segments.shun(lost);
            sealAndPlaceAnew("the coordinator lost a shard of an open segment");
        }
    }

    private void sealAndPlaceAnew(String reason) {
        if (sealing || ended != null) {
            return;
        }
        sealing = true;
        rolls++;
        LOG.warn(
                "event=roll volume={} unacknowledged={} reason=\"{}\"",
                writer.name(),
                window.size(),
                reason);
        var _ = segments.sealAll(false)
                .thenRun(() -> {
                    sealing = false;
                    window.forEach(inFlight -> inFlight.place = null);
                    placeWaiting();
                    tellIfIdle();
                })
                .exceptionally(this::commandFailed);
    }

    /**
     * A command that can only fail for good: the epoch is not ours any more, nothing waits for a
     * coordinator any more, or a bug.
     */
    private @Nullable Void commandFailed(Throwable failure) {
        end(AshlarException.in(failure));
        return null;
    }

    /** Fails all that is not acknowledged, and all to come. */
    void end(AshlarException cause) {
        if (ended == null) {
            ended = cause;
            segments.end();
            LOG.warn(
                    "event=writer-ended volume={} reason=\"{}\"",
                    writer.name(),
                    cause.getMessage());
            List<InFlight> all = new ArrayList<>(window);
            all.addAll(parked);
            window.clear();
            parked.clear();
            all.forEach(inFlight -> fail(inFlight, cause));
            sealing = false;
            tellIfIdle();
        }
    }

    private static void fail(InFlight inFlight, AshlarException cause) {
        inFlight.encoded.release();
        inFlight.outcome.failed(cause);
    }

    /**
     * Seals everything, once nothing is in flight; the end of a writer. What cannot be sealed now,
     * the next one to open the volume takes over: all that was acknowledged is durable.
     */
    CompletableFuture<Void> seal() {
        if (ended != null) {
            return CompletableFuture.completedFuture(null);
        }
        closing = true;
        return segments.sealAll(true)
                .exceptionally(failure -> {
                    LOG.warn(
                            "event=not-sealed volume={} reason=\"{}\"",
                            writer.name(),
                            AshlarException.in(failure).getMessage());
                    return null;
                })
                .thenRun(() -> {
                    ended = new AshlarException.Invalid("volume " + writer.name() + " is closed");
                    segments.end();
                });
    }
}
