package io.ashlar.client.log;

import io.ashlar.client.AshlarException;
import io.ashlar.client.cluster.Cluster;
import io.ashlar.client.format.CellFormat;
import io.ashlar.client.map.BlockMap;
import io.ashlar.client.model.Extent;
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
    private final Placements placements;

    LogReplay(Cluster cluster, BlockMap map, Placements placements) {
        this.cluster = cluster;
        this.map = map;
        this.placements = placements;
    }

    /**
     * Replays all segments in log order.
     *
     * @param tails of those that were just taken over
     */
    CompletableFuture<Void> run(
            List<LogSegment> segments, Map<LogSegment, TailDecision.Tail> tails) {
        CompletableFuture<Void> replayed = CompletableFuture.completedFuture(null);
        for (LogSegment segment : segments) {
            TailDecision.Tail tail = tails.get(segment);
            replayed = replayed.thenCompose(
                    ignored -> tail != null ? replayTail(segment, tail) : replaySealed(segment));
        }
        return replayed;
    }

    private CompletableFuture<Void> replayTail(LogSegment segment, TailDecision.Tail tail) {
        try {
            for (TailDecision.Verdict verdict : tail.verdicts()) {
                switch (verdict) {
                    case TailDecision.Verdict.Kept kept -> install(segment, kept.stripe());
                    case TailDecision.Verdict.Lost lost -> {
                        LOG.error("event=data-loss stripe=\"{}\"", lost.stripe());
                        map.lose(lost.stripe());
                    }
                    case TailDecision.Verdict.LostRange range ->
                        loseAll(segment, range.offset(), range.offset() + range.lengthBytes());
                }
            }
        } catch (AshlarException e) {
            return CompletableFuture.failedFuture(e);
        }
        return CompletableFuture.completedFuture(null);
    }

    private CompletableFuture<Void> replaySealed(LogSegment segment) {
        if (segment.sealedBytes() == 0) {
            return CompletableFuture.completedFuture(null);
        }
        return gather(segment, new Gathered(segment), 0, segment.policy().k());
    }

    /** Headers of a sealed segment by offset, and why shards did not tell theirs. */
    private static final class Gathered {
        final LogSegment segment;
        final TreeMap<Long, Stripe> stripes = new TreeMap<>();
        final List<String> unreachable = new ArrayList<>();

        Gathered(LogSegment segment) {
            this.segment = segment;
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
            long offset = 0;
            Stripe next = stripes.get(offset);
            while (next != null) {
                offset = next.endOffset();
                next = stripes.get(offset);
            }
            return offset;
        }
    }

    private CompletableFuture<Void> gather(
            LogSegment segment, Gathered gathered, int from, int to) {
        List<CompletableFuture<ShardEvidence>> readings =
                segment.shards().subList(from, to).stream()
                        .map(shard -> EvidenceReader.ofSealed(cluster, segment, shard))
                        .toList();
        return CompletableFuture.allOf(readings.toArray(CompletableFuture[]::new))
                .thenCompose(ignored -> {
                    readings.forEach(reading -> gathered.add(reading.join()));
                    if (gathered.coveredTo() == segment.sealedBytes()) {
                        return installAll(segment, gathered);
                    }
                    if (to < segment.policy().n()) {
                        return gather(segment, gathered, to, segment.policy().n());
                    }
                    return placements
                            .refresh(segment)
                            .thenCompose(moved -> moved
                                    ? gather(
                                            segment,
                                            new Gathered(segment),
                                            0,
                                            segment.policy().n())
                                    : installAll(segment, gathered));
                });
    }

    private CompletableFuture<Void> installAll(LogSegment segment, Gathered gathered) {
        try {
            long offset = 0;
            while (offset < segment.sealedBytes()) {
                Stripe stripe = gathered.stripes.get(offset);
                if (stripe != null) {
                    install(segment, stripe);
                    offset = stripe.endOffset();
                } else {
                    offset = skipHole(segment, gathered, offset);
                }
            }
        } catch (AshlarException e) {
            return CompletableFuture.failedFuture(e);
        }
        return CompletableFuture.completedFuture(null);
    }

    private long skipHole(LogSegment segment, Gathered gathered, long offset)
            throws AshlarException.Unavailable {
        if (!gathered.unreachable.isEmpty()) {
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
    }
}
