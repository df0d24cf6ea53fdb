package io.ashlar.client.log;

import io.ashlar.client.AshlarException;
import io.ashlar.client.cluster.Cluster;
import io.ashlar.client.format.CellFormat;
import io.ashlar.client.map.BlockMap;
import io.ashlar.client.model.Extent;
import io.ashlar.client.model.LogPosition;
import io.ashlar.client.model.Stripe;
import io.ashlar.client.stripe.Placements;
import io.ashlar.client.stripe.StripeRef;

import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import java.util.concurrent.CompletableFuture;

/**
 * Makes the map from the log: the extents of every stripe, in order. The headers of a sealed segment
 * are read from k of its shards, among which every stripe has a participant, and from more where
 * some do not answer. A stripe of which no header is left, although every shard has answered, is
 * data loss: as nothing tells what it held, every block written before it reads as an error
 * (INV-7). Lives on the cluster's loop.
 */
final class LogReplay {
    private static final Logger LOG = LoggerFactory.getLogger(LogReplay.class);

    private final Cluster cluster;
    private final BlockMap map;
    private final Undecided undecided;
    private final Placements placements;
    private long stripes;

    LogReplay(Cluster cluster, BlockMap map, Placements placements, Undecided undecided) {
        this.cluster = cluster;
        this.map = map;
        this.placements = placements;
        this.undecided = undecided;
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
                long fromBytes = segment.sequence() == sequence ? from.bytes() : 0;
                TailDecision.Tail tail = tails.get(segment);
                replayed = replayed.thenCompose(ignored -> tail != null
                                ? replayTail(segment, tail, fromBytes)
                                : replaySealed(segment, fromBytes))
                        .thenCompose(ignored -> map.whenRoom());
            }
        }
        return replayed.thenApply(ignored -> stripes);
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

    private CompletableFuture<Void> replaySealed(LogSegment segment, long fromBytes) {
        if (segment.sealedBytes() <= fromBytes) {
            return CompletableFuture.completedFuture(null);
        }
        return gather(new Gathered(segment, fromBytes), 0, segment.policy().k());
    }

    /** Headers of a sealed segment by offset, from one on, and why shards did not tell theirs. */
    private static final class Gathered {
        final LogSegment segment;
        final long fromBytes;
        final TreeMap<Long, Stripe> stripes = new TreeMap<>();
        final List<String> unreachable = new ArrayList<>();

        Gathered(LogSegment segment, long fromBytes) {
            this.segment = segment;
            this.fromBytes = fromBytes;
        }

        void add(ShardEvidence evidence) {
            switch (evidence) {
                case ShardEvidence.Answered answered -> {
                    for (CellFormat.Cell cell : answered.cells().values()) {
                        Stripe stripe = cell.stripe();
                        if (belongs(stripe)) {
                            stripes.putIfAbsent(stripe.identity().offset(), stripe);
                        }
                    }
                }
                case ShardEvidence.Gone ignored -> {}
                case ShardEvidence.Unreachable(String reason) -> unreachable.add(reason);
            }
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
            long offset = fromBytes;
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
        List<CompletableFuture<ShardEvidence>> readings =
                segment.shards().subList(from, to).stream()
                        .map(shard -> EvidenceReader.ofSealed(
                                cluster, segment, shard, gathered.fromBytes))
                        .toList();
        return CompletableFuture.allOf(readings.toArray(CompletableFuture[]::new))
                .thenCompose(ignored -> {
                    readings.forEach(reading -> gathered.add(reading.join()));
                    if (gathered.coveredTo() == segment.sealedBytes()) {
                        return installAll(gathered);
                    }
                    if (to < segment.policy().n()) {
                        return gather(gathered, to, segment.policy().n());
                    }
                    return placements
                            .refresh(segment)
                            .thenCompose(moved -> moved
                                    ? gather(
                                            new Gathered(segment, gathered.fromBytes),
                                            0,
                                            segment.policy().n())
                                    : installAll(gathered));
                });
    }

    private CompletableFuture<Void> installAll(Gathered gathered) {
        LogSegment segment = gathered.segment;
        try {
            long offset = gathered.fromBytes;
            while (offset < segment.sealedBytes()) {
                Stripe stripe = gathered.stripes.get(offset);
                if (stripe != null) {
                    install(segment, stripe);
                    offset = stripe.endOffset();
                } else {
                    offset = skipHole(gathered, offset);
                }
            }
        } catch (AshlarException e) {
            return CompletableFuture.failedFuture(e);
        }
        return CompletableFuture.completedFuture(null);
    }

    private long skipHole(Gathered gathered, long offset) throws AshlarException.Unavailable {
        LogSegment segment = gathered.segment;
        if (!gathered.unreachable.isEmpty() && undecided == Undecided.BLOCK) {
            throw new AshlarException.Unavailable("no shard that answers knows the stripe at "
                    + offset + " of " + segment + ": "
                    + String.join("; ", gathered.unreachable));
        }
        Long next = gathered.stripes.higherKey(offset);
        long end = next == null ? segment.sealedBytes() : next;
        loseAll(segment, offset, end);
        return end;
    }

    private void loseAll(LogSegment segment, long from, long to) {
        LOG.error("event=data-loss segment={} from={} to={}", segment.id(), from, to);
        map.loseAll();
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
