package io.ashlar.client.log;

import io.ashlar.client.AshlarException;
import io.ashlar.client.cluster.Cluster;
import io.ashlar.client.model.DriveId;
import io.ashlar.client.model.LogPosition;
import io.ashlar.client.model.SegmentId;
import io.ashlar.client.model.Stripe;
import io.ashlar.client.protocol.FenceShard;
import io.ashlar.client.protocol.Request;
import io.ashlar.client.protocol.SealSegments;
import io.ashlar.client.protocol.SegmentSeal;
import io.ashlar.client.stripe.EncodedStripe;

import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Collection;
import java.util.Deque;
import java.util.List;
import java.util.Optional;
import java.util.Set;
import java.util.TreeSet;
import java.util.concurrent.CompletableFuture;

/**
 * The end of the log: the segments that a writer has not sealed yet, and a spare one, created ahead
 * when the last is half full. Lives on the volume's loop.
 */
final class OpenSegments {
    private static final Logger LOG = LoggerFactory.getLogger(OpenSegments.class);
    private static final long RETRY_NANOS = 300_000_000L;

    /** Of a segment's size over what the one before holds when it is made. */
    private static final int GROWTH = 4;

    /** Of a shard's end that data leave to the map, in the last segment. */
    private static final int MAP_BYTES = 256 << 10;

    /** How long new segments keep off a node that failed. */
    private static final long AVOID_NANOS = 10_000_000_000L;

    private final Cluster cluster;
    private final WriterIdentity writer;
    private final LogSegments known;
    private final SegmentSupply supply;
    private final DrivePace pace;

    /** In log order; stripes are placed in the last one. */
    private final Deque<OpenSegment> open = new ArrayDeque<>();

    private @Nullable OpenSegment spare;

    /** Whether the spare one lost a shard. */
    private boolean spareIsDamaged;

    /** Spare ones that another took the place of, until they are sealed, which they are at 0. */
    private final List<OpenSegment> discarded = new ArrayList<>();

    private @Nullable CompletableFuture<Void> creation;
    private boolean sealingFull;
    private boolean ended;
    private final Set<String> avoidNodes = new TreeSet<>();
    private SegmentId lastSealed;
    private long lastSealedBytes;

    OpenSegments(
            Cluster cluster,
            WriterIdentity writer,
            LogSegments known,
            LogPosition end,
            DrivePace pace) {
        this.cluster = cluster;
        this.writer = writer;
        this.known = known;
        this.supply = new SegmentSupply(cluster, writer, known.places(), this::shardNotMade);
        this.pace = pace;
        this.lastSealed = end.segment();
        this.lastSealedBytes = end.bytes();
    }

    /**
     * Where this stripe goes next, or null while there is no segment for it. What is left of the last
     * segment while there is no other is the map's: without it nothing could be given back where
     * drives are full.
     */
    @Nullable
    OpenSegment withRoomFor(EncodedStripe stripe) {
        int recordBytes = stripe.geometry().recordBytes();
        OpenSegment last = open.peekLast();
        boolean mayFill = spare != null || !stripe.isData();
        if (last != null && last.hasRoomFor(recordBytes, mayFill ? 0 : MAP_BYTES)) {
            return last;
        }
        OpenSegment next = spare;
        if (next != null && !next.hasRoomFor(recordBytes, 0)) {
            discardSpare();
            return null;
        }
        if (next != null) {
            spare = null;
            link(next);
            open.addLast(next);
        }
        return next;
    }

    /** To the last segment that holds, or will hold, a stripe. */
    private void link(OpenSegment next) {
        OpenSegment last = open.peekLast();
        if (last == null) {
            next.follow(lastSealed, lastSealedBytes);
        } else {
            next.follow(last.segment().id(), last.placedBytes());
        }
    }

    boolean wantsSpare() {
        OpenSegment last = open.peekLast();
        return spare == null && last != null && last.isMoreThanHalfFull();
    }

    /** Whether no segment is open, in use or ahead. */
    boolean isEmpty() {
        return open.isEmpty() && spare == null;
    }

    /**
     * Whether this writer has been fenced, as all nodes of one open segment say. One that is being
     * sealed tells nothing: it may be sealed already, and whoever takes over then does not fence it.
     *
     * @param sealing whether those in use are being sealed
     */
    CompletableFuture<Void> confirmEpoch(boolean sealing) {
        OpenSegment asked = sealing || open.isEmpty() ? spare : open.getLast();
        if (asked == null) {
            return CompletableFuture.failedFuture(new AshlarException.Unavailable(
                    "volume " + writer.name() + " has no open segment"));
        }
        return CompletableFuture.allOf(asked.segment().shards().stream()
                .map(this::confirmEpoch)
                .toArray(CompletableFuture[]::new));
    }

    private CompletableFuture<Void> confirmEpoch(LogSegment.Shard shard) {
        FenceShard fence = FenceShard.newBuilder()
                .setShard(shard.ref())
                .setEpoch(writer.epoch())
                .build();
        return cluster.transport()
                .ask(
                        cluster.loop(),
                        shard.address().orElseThrow(),
                        Request.newBuilder().setFenceShard(fence).build(),
                        List.of(),
                        cluster.config().hangBound().toNanos())
                .thenCompose(answer -> {
                    answer.bulk().release();
                    return answer.response().getShardFenced().getSealed()
                            ? CompletableFuture.failedFuture(new AshlarException.Unavailable(
                                    "shard " + shard.ref().getIndex() + " is sealed"))
                            : CompletableFuture.completedFuture(null);
                });
    }

    boolean isCreating() {
        return creation != null;
    }

    /**
     * Creates the spare segment. While no coordinator answers that waits; what a coordinator refuses
     * for now, because too few domains are up, is tried again until the coordinator's time is over.
     * Where drives have no room for its shards smaller ones do, down to the size of the first.
     *
     * @param awaitedBytes of the record that waits for it, or 0: it is small then, as making it takes
     *     the longer the larger its shards are
     */
    CompletableFuture<Void> create(int awaitedBytes) {
        CompletableFuture<Void> created = new CompletableFuture<>();
        creation = created;
        tryCreate(new Size(awaitedBytes, Long.MAX_VALUE), deadline(), created);
        return created;
    }

    /**
     * Of the shards of a segment that is wanted.
     *
     * @param awaitedBytes of the record that waits for it, or 0
     * @param mostBytes for which drives may have room
     */
    private record Size(int awaitedBytes, long mostBytes) {}

    private long shardBytes(Size size) {
        long leastBytes = Math.max(size.awaitedBytes, cluster.config().firstShardBytes());
        long wantedBytes = size.awaitedBytes > 0 ? leastBytes : nextShardBytes();
        return Math.max(leastBytes, Math.min(wantedBytes, size.mostBytes));
    }

    private Size half(Size size) {
        long halfBytes = shardBytes(size) / 2;
        return new Size(size.awaitedBytes, halfBytes - halfBytes % Stripe.PIECE_BYTES);
    }

    private long deadline() {
        return cluster.loop().nanoTime() + cluster.config().coordinatorTimeout().toNanos();
    }

    /**
     * Segments grow by what was written into the one before, not by how many there were: what a
     * writer reserves and leaves empty when it dies stays small beside what it wrote. A segment that
     * is made ahead, at half of the last one, has twice its size.
     */
    private long nextShardBytes() {
        OpenSegment last = open.peekLast();
        long usedBytes = last == null ? lastSealedBytes : last.placedBytes();
        return Math.clamp(
                GROWTH * usedBytes,
                cluster.config().firstShardBytes(),
                cluster.config().maxShardBytes());
    }

    private SegmentSupply.Wanted wanted(long shardBytes, Optional<SegmentId> insteadOf) {
        return new SegmentSupply.Wanted(
                shardBytes,
                new TreeSet<>(avoidNodes),
                pace.slow(cluster.loop().nanoTime()).keySet(),
                insteadOf);
    }

    private OpenSegment isCreated(LogSegment segment) {
        OpenSegment made = new OpenSegment(segment);
        known.add(segment);
        spare = made;
        spareIsDamaged = false;
        creation = null;
        return made;
    }

    private void tryCreate(Size size, long deadline, CompletableFuture<Void> created) {
        var _ = supply.create(() -> wanted(shardBytes(size), Optional.empty()))
                .whenComplete((segment, failure) -> {
                    if (failure == null) {
                        isCreated(segment);
                        created.complete(null);
                        return;
                    }
                    AshlarException cause = AshlarException.in(failure);
                    Size smaller = half(size);
                    if (cause instanceof AshlarException.NoSpace
                            && shardBytes(smaller) < shardBytes(size)
                            && !ended) {
                        tryCreate(smaller, deadline, created);
                        return;
                    }
                    boolean unanswered = cause instanceof AshlarException.Unavailable silence
                            && !silence.isAnswered();
                    long until = unanswered ? deadline() : deadline;
                    boolean again = !ended
                            && cause instanceof AshlarException.Unavailable
                            && cluster.loop().nanoTime() < until;
                    if (again) {
                        cluster.loop().schedule(RETRY_NANOS, () -> tryCreate(size, until, created));
                    } else {
                        creation = null;
                        created.completeExceptionally(cause);
                    }
                });
    }

    /** Whether stripes go to a segment of which one of these drives holds a shard. */
    boolean endsOn(Set<DriveId> drives) {
        OpenSegment last = open.peekLast();
        return last != null && !last.isLeft() && last.isOn(drives);
    }

    /**
     * Lets the log go on in a segment on none of these drives that is no weaker: the spare one, if it
     * is one, else one that is made for that and becomes the spare one. The last segment takes no
     * more stripes then. Fails where there is no such segment now; that is not tried again.
     */
    CompletableFuture<Void> leaveLast(Set<DriveId> drives) {
        OpenSegment ahead = spare;
        if (ahead != null && !spareIsDamaged && !ahead.isOn(drives) && !isWeaker(ahead)) {
            open.getLast().leave();
            return CompletableFuture.completedFuture(null);
        }
        CompletableFuture<Void> created = new CompletableFuture<>();
        creation = created;
        SegmentId last = open.getLast().segment().id();
        var _ = supply.create(() -> wanted(nextShardBytes(), Optional.of(last)))
                .whenComplete((segment, failure) -> {
                    if (failure == null) {
                        discardSpare();
                        OpenSegment made = isCreated(segment);
                        if (endsOn(drives) && !made.isOn(drives)) {
                            open.getLast().leave();
                        }
                        created.complete(null);
                    } else {
                        creation = null;
                        created.completeExceptionally(AshlarException.in(failure));
                    }
                });
        return created;
    }

    private static boolean isWeaker(OpenSegment segment) {
        return segment.segment().isWeaker();
    }

    /** Where that fails the writer is fenced, and hears of it from its next command too. */
    private void discardSpare() {
        OpenSegment unused = spare;
        if (unused != null) {
            spare = null;
            discarded.add(unused);
            var _ = command(List.of(unused.seal()))
                    .thenRun(() -> sealed(unused))
                    .exceptionally(failure -> {
                        LOG.warn(
                                "event=spare-not-sealed volume={} segment={} reason=\"{}\"",
                                writer.name(),
                                unused.segment().id(),
                                AshlarException.in(failure).getMessage());
                        return null;
                    });
        }
    }

    /**
     * The writer has ended, or wants to: nothing waits for a coordinator any more, but for the
     * answer to what it was asked.
     */
    void end() {
        ended = true;
    }

    private void shardNotMade(LogSegment.Shard shard, boolean silent) {
        if (silent) {
            long boundNanos = cluster.config().hangBound().toNanos();
            pace.silent(shard.drive(), boundNanos, cluster.loop().nanoTime());
        }
        avoid(shard.node());
    }

    /** Keeps new segments off a node for a while, also one that is just being created. */
    void avoid(String node) {
        if (avoidNodes.add(node)) {
            cluster.loop().schedule(AVOID_NANOS, () -> avoidNodes.remove(node));
        }
        supply.giveUpOn(node);
    }

    boolean holdsAny(Collection<SegmentId> ids) {
        return open.stream().anyMatch(segment -> ids.contains(segment.segment().id()))
                || (spare != null && ids.contains(spare.segment().id()));
    }

    /** The spare segment, if it is one of these, is not to be used. */
    void shun(Collection<SegmentId> ids) {
        spareIsDamaged = spare != null && ids.contains(spare.segment().id());
    }

    /**
     * Seals the first segment once the log has gone on in the next and all of its stripes are
     * acknowledged.
     */
    CompletableFuture<Void> sealFull() {
        OpenSegment first = open.peekFirst();
        if (sealingFull || open.size() < 2 || first == null || !first.isSettled()) {
            return CompletableFuture.completedFuture(null);
        }
        sealingFull = true;
        return command(List.of(first.seal())).thenRun(() -> {
            sealingFull = false;
            if (open.peekFirst() == first) {
                open.removeFirst();
                sealed(first);
            }
        });
    }

    /**
     * Seals every segment at what is acknowledged in it, in one command, repeated until it is
     * answered. The spare one is kept if it is on no avoided node.
     *
     * @param forGood the spare one is sealed too, also one that is just being created; and where no
     *     coordinator answers in its time, that is left to whoever opens the volume next
     */
    CompletableFuture<Void> sealAll(boolean forGood) {
        if (forGood) {
            end();
        }
        if (forGood && creation != null) {
            return creation.handle((ignored, failure) -> failure == null)
                    .thenCompose(ignored -> sealAll(true));
        }
        List<OpenSegment> all = new ArrayList<>(open);
        all.addAll(discarded);
        OpenSegment unused = spare;
        if (unused != null && (forGood || spareIsDamaged || isAvoided(unused))) {
            all.add(unused);
            spare = null;
            spareIsDamaged = false;
        }
        if (all.isEmpty()) {
            return CompletableFuture.completedFuture(null);
        }
        List<SegmentSeal> seals = all.stream().map(OpenSegment::seal).toList();
        return command(seals).thenRun(() -> {
            for (OpenSegment segment : all) {
                open.remove(segment);
                sealed(segment);
            }
        });
    }

    private boolean isAvoided(OpenSegment segment) {
        return segment.segment().shards().stream()
                .anyMatch(shard -> avoidNodes.contains(shard.node()));
    }

    private void sealed(OpenSegment segment) {
        discarded.remove(segment);
        LogPosition end = segment.acknowledged();
        segment.segment().sealed(end.bytes(), end.stripes());
        if (end.bytes() > 0) {
            lastSealed = end.segment();
            lastSealedBytes = end.bytes();
        } else {
            known.remove(end.segment());
        }
        LOG.info(
                "event=segment-sealed volume={} segment={} stripes={} bytes={}",
                writer.name(),
                end.segment(),
                end.stripes(),
                end.bytes());
    }

    /** Repeated until it is answered, or until nothing waits for a coordinator any more. */
    private CompletableFuture<Void> command(List<SegmentSeal> seals) {
        Request request = Request.newBuilder()
                .setSealSegments(SealSegments.newBuilder()
                        .setRequestId(cluster.newRequestId())
                        .setVolume(writer.volume().toProto())
                        .setEpoch(writer.epoch())
                        .addAllSeals(seals))
                .build();
        CompletableFuture<Void> answered = new CompletableFuture<>();
        send(request, answered);
        return answered;
    }

    private void send(Request request, CompletableFuture<Void> answered) {
        var _ = cluster.coordinator()
                .call(request, cluster.config().coordinatorTimeout().toNanos())
                .whenComplete((response, failure) -> {
                    if (failure == null) {
                        answered.complete(null);
                        return;
                    }
                    AshlarException cause = AshlarException.in(failure);
                    if (cause instanceof AshlarException.Unavailable && !ended) {
                        cluster.loop().schedule(RETRY_NANOS, () -> send(request, answered));
                    } else {
                        answered.completeExceptionally(cause);
                    }
                });
    }
}
