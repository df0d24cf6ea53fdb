package io.ashlar.client.log;

import io.ashlar.client.AshlarException;
import io.ashlar.client.cluster.Cluster;
import io.ashlar.client.format.CellFormat;
import io.ashlar.client.map.BlockMap;
import io.ashlar.client.model.Extent;
import io.ashlar.client.model.LogPosition;
import io.ashlar.client.model.Stripe;
import io.ashlar.client.protocol.RecordLoss;
import io.ashlar.client.protocol.Request;
import io.ashlar.client.protocol.SegmentLoss;
import io.ashlar.client.stripe.Placements;
import io.ashlar.client.stripe.StripeRef;

import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.TreeMap;
import java.util.concurrent.CompletableFuture;

/**
 * Makes the map from the log: the extents of every stripe, in order. The headers of a sealed segment
 * are read from k of its shards, among which every stripe has a participant, and from more where
 * some do not answer. A stripe of which no header is left, although every shard has answered, is
 * data loss: as nothing tells what it held, every block written before it reads as an error
 * (INV-7). That is put on record before anybody is told that the map is made.
 *
 * <p>How long a sealed segment is, is decided: while a node that does not answer may know of a stripe
 * nothing is lost, whatever an operator gave up of the log's end. He can say that a node is gone for
 * good. What the segment's seal declared lost is not asked for again; where its header is found it is
 * replayed. Lives on the cluster's loop.
 */
final class LogReplay {
    private static final Logger LOG = LoggerFactory.getLogger(LogReplay.class);

    private final Cluster cluster;
    private final WriterIdentity writer;
    private final BlockMap map;
    private final Placements placements;
    private final Set<String> goneNodes;

    /** Of sealed segments, not on record yet. */
    private final Map<LogSegment, LostList> found = new LinkedHashMap<>();

    private boolean lost;
    private long stripes;

    /**
     * @param goneNodes that will never answer again
     */
    LogReplay(
            Cluster cluster,
            WriterIdentity writer,
            BlockMap map,
            Placements placements,
            Set<String> goneNodes) {
        this.cluster = cluster;
        this.writer = writer;
        this.map = map;
        this.placements = placements;
        this.goneNodes = goneNodes;
    }

    /** Whether blocks were lost that the map's root does not know to be. */
    boolean hasLost() {
        return lost;
    }

    /**
     * Replays what of these segments, in log order, lies behind a position.
     *
     * @param tails of those that were just taken over
     * @return how many stripes that were
     */
    CompletableFuture<Long> run(
            LogPosition from, List<LogSegment> segments, Map<LogSegment, TailDecision.Tail> tails) {
        long sequence = segments.stream()
                .filter(segment -> segment.id().equals(from.segment()))
                .mapToLong(LogSegment::sequence)
                .findFirst()
                .orElse(0);
        CompletableFuture<Void> replayed = CompletableFuture.completedFuture(null);
        for (LogSegment segment : segments) {
            if (segment.sequence() >= sequence) {
                LogPosition start =
                        segment.sequence() == sequence ? from : new LogPosition(segment.id(), 0, 0);
                TailDecision.Tail tail = tails.get(segment);
                replayed = replayed.thenCompose(ignored -> tail != null
                                ? replayTail(segment, tail, start.bytes())
                                : replaySealed(segment, start))
                        .thenCompose(ignored -> map.whenRoom());
            }
        }
        return replayed.thenCompose(ignored -> record()).thenApply(ignored -> stripes);
    }

    private CompletableFuture<Void> replayTail(
            LogSegment segment, TailDecision.Tail tail, long fromBytes) {
        try {
            for (TailDecision.Verdict verdict : tail.verdicts()) {
                replay(segment, verdict, fromBytes);
            }
        } catch (AshlarException e) {
            return CompletableFuture.failedFuture(e);
        }
        return CompletableFuture.completedFuture(null);
    }

    private void replay(LogSegment segment, TailDecision.Verdict verdict, long fromBytes)
            throws AshlarException.Incompatible {
        switch (verdict) {
            case TailDecision.Verdict.Kept kept -> {
                if (kept.offset() >= fromBytes) {
                    install(segment, kept.stripe());
                }
            }
            case TailDecision.Verdict.Lost lost -> {
                if (lost.offset() >= fromBytes) {
                    LOG.error("event=data-loss stripe=\"{}\"", lost.stripe());
                    map.lose(lost.stripe());
                    this.lost = true;
                }
            }
            case TailDecision.Verdict.LostRange range -> {
                // It may begin before the position, and end behind it.
                long end = range.offset() + range.lengthBytes();
                if (end > fromBytes) {
                    loseAll(segment, Math.max(range.offset(), fromBytes), end);
                }
            }
        }
    }

    private CompletableFuture<Void> replaySealed(LogSegment segment, LogPosition from) {
        if (segment.sealedBytes() <= from.bytes()) {
            return CompletableFuture.completedFuture(null);
        }
        return gather(new Gathered(segment, from), 0, segment.policy().k());
    }

    /** Headers of a sealed segment by offset, from one on, and why shards did not tell theirs. */
    private final class Gathered {
        final LogSegment segment;
        final LogPosition from;
        final TreeMap<Long, Stripe> stripes = new TreeMap<>();
        final List<String> unreachable = new ArrayList<>();
        final List<String> gone = new ArrayList<>();
        final long beganNanos = cluster.loop().nanoTime();

        /** Where its shards were taken to be. */
        final List<LogSegment.Shard> places;

        /** Where they were before that, once these have been asked. */
        @Nullable
        List<LogSegment.Shard> former;

        Gathered(LogSegment segment, LogPosition from) {
            this.segment = segment;
            this.from = from;
            this.places = segment.shards();
        }

        boolean isCovered() {
            return coveredTo() == segment.sealedBytes();
        }

        /** Whether those that were asked are those that were there all the time. */
        boolean hasAskedAll() {
            return places.equals(segment.shards()) && segment.former().equals(former);
        }

        void add(LogSegment.Shard shard, ShardEvidence evidence) {
            switch (evidence) {
                case ShardEvidence.Answered answered -> {
                    for (CellFormat.Cell cell : answered.cells().values()) {
                        Stripe stripe = cell.stripe();
                        if (belongs(stripe)) {
                            stripes.putIfAbsent(stripe.identity().offset(), stripe);
                        }
                    }
                }
                case ShardEvidence.Gone(String reason) ->
                    gone.add("shard " + shard.index() + " is gone (" + reason + ")");
                case ShardEvidence.Unreachable(String reason) -> {
                    String what = "shard " + shard.index() + " on node " + shard.node();
                    if (goneNodes.contains(shard.node())) {
                        gone.add(what + ", which an operator says is gone for good");
                    } else {
                        unreachable.add(what + " (" + reason + ")");
                    }
                }
            }
        }

        List<String> reasons() {
            List<String> reasons = new ArrayList<>(List.of("no header of it is left"));
            reasons.addAll(gone);
            return reasons;
        }

        private boolean belongs(Stripe stripe) {
            Stripe.Identity identity = stripe.identity();
            return identity.segment().equals(segment.id())
                    && identity.epoch() == segment.epoch()
                    && stripe.geometry().policy().equals(segment.policy())
                    && stripe.endOffset() <= segment.sealedBytes();
        }

        /** The first place that no header covers, or the sealed length. */
        long coveredTo() {
            long offset = from.bytes();
            Stripe next = stripes.get(offset);
            while (next != null) {
                offset = next.endOffset();
                next = stripes.get(offset);
            }
            return offset;
        }
    }

    private CompletableFuture<Void> gather(Gathered gathered, int from, int to) {
        LogSegment segment = gathered.segment;
        return ask(gathered, segment.shards().subList(from, to)).thenCompose(ignored -> {
            if (gathered.isCovered()) {
                return installAll(gathered);
            }
            if (to < segment.policy().n()) {
                return gather(gathered, to, segment.policy().n());
            }
            return placements
                    .refresh(segment, gathered.beganNanos)
                    .thenCompose(told -> gathered.hasAskedAll()
                            ? installAll(gathered)
                            : gatherEverywhere(new Gathered(segment, gathered.from)));
        });
    }

    /**
     * A shard that lacks cells tells nothing of them: its former places are asked. They go once it lacks
     * none, so they come first.
     */
    private CompletableFuture<Void> gatherEverywhere(Gathered gathered) {
        LogSegment segment = gathered.segment;
        gathered.former = segment.former();
        return ask(gathered, segment.former())
                .thenCompose(ignored -> gather(gathered, 0, segment.policy().n()));
    }

    private CompletableFuture<Void> ask(Gathered gathered, List<LogSegment.Shard> shards) {
        List<CompletableFuture<ShardEvidence>> readings = shards.stream()
                .map(shard -> EvidenceReader.ofSealed(
                        cluster, gathered.segment, shard, gathered.from.bytes()))
                .toList();
        return CompletableFuture.allOf(readings.toArray(CompletableFuture[]::new))
                .thenRun(() -> {
                    for (int i = 0; i < shards.size(); i++) {
                        gathered.add(shards.get(i), readings.get(i).join());
                    }
                });
    }

    private CompletableFuture<Void> installAll(Gathered gathered) {
        LogSegment segment = gathered.segment;
        LogPosition at = gathered.from;
        try {
            while (at.bytes() < segment.sealedBytes()) {
                Stripe stripe = gathered.stripes.get(at.bytes());
                if (stripe != null) {
                    install(segment, stripe);
                    at = new LogPosition(
                            segment.id(), stripe.identity().number() + 1, stripe.endOffset());
                } else {
                    at = skipHole(gathered, at);
                }
            }
        } catch (AshlarException e) {
            return CompletableFuture.failedFuture(e);
        }
        return CompletableFuture.completedFuture(null);
    }

    private LogPosition skipHole(Gathered gathered, LogPosition from)
            throws AshlarException.Unavailable {
        LogSegment segment = gathered.segment;
        Map.Entry<Long, Stripe> next = gathered.stripes.higherEntry(from.bytes());
        LogPosition to = next == null
                ? new LogPosition(segment.id(), segment.stripeCount(), segment.sealedBytes())
                : new LogPosition(segment.id(), next.getValue().identity().number(), next.getKey());
        long lostUntil = segment.lostUntil(from.bytes());
        if (lostUntil > from.bytes()) {
            to = lostUntil < to.bytes()
                    ? new LogPosition(segment.id(), from.stripes() + 1, lostUntil)
                    : to;
        } else {
            requireAnswered(gathered, from);
            found.computeIfAbsent(segment, ignored -> new LostList())
                    .add(
                            from.stripes(),
                            Math.max(0, to.stripes() - from.stripes()),
                            from.bytes(),
                            to.bytes(),
                            String.join("; ", gathered.reasons()));
        }
        loseAll(segment, from.bytes(), to.bytes());
        return to;
    }

    private static void requireAnswered(Gathered gathered, LogPosition hole)
            throws AshlarException.Unavailable {
        if (!gathered.unreachable.isEmpty()) {
            throw new AshlarException.Unavailable("no shard that answers knows stripe "
                    + hole.stripes() + " of " + gathered.segment + " at " + hole.bytes() + ": "
                    + String.join("; ", gathered.unreachable)
                    + ": start these nodes again; or, where they will never come back, give up on"
                    + " record what only they know of (ashlar volume recover NAME --accept-loss"
                    + " --gone NODE)");
        }
    }

    private void loseAll(LogSegment segment, long from, long to) {
        LOG.error("event=data-loss segment={} from={} to={}", segment.id(), from, to);
        map.loseAll();
        lost = true;
    }

    private CompletableFuture<Void> record() {
        if (found.isEmpty()) {
            return CompletableFuture.completedFuture(null);
        }
        RecordLoss.Builder record = RecordLoss.newBuilder()
                .setRequestId(cluster.newRequestId())
                .setVolume(writer.volume().toProto())
                .setEpoch(writer.epoch());
        found.forEach((segment, losses) -> record.addLosses(SegmentLoss.newBuilder()
                .setSegment(segment.id().toProto())
                .addAllLost(losses.entries())));
        return cluster.coordinator()
                .call(
                        Request.newBuilder().setRecordLoss(record).build(),
                        cluster.config().coordinatorTimeout().toNanos())
                .thenAccept(ignored -> {});
    }

    private void install(LogSegment segment, Stripe stripe) throws AshlarException.Incompatible {
        for (Extent extent : stripe.extents()) {
            if (extent.codec() != Extent.Codec.RAW) {
                throw new AshlarException.Incompatible(
                        stripe + " is compressed, which this release does not read");
            }
        }
        map.install(StripeRef.of(segment, stripe), stripe);
        stripes++;
    }
}
