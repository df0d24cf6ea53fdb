package io.ashlar.client.stripe;

import io.ashlar.client.AshlarException;
import io.ashlar.client.cluster.Cluster;
import io.ashlar.client.log.LogSegment;
import io.ashlar.client.protocol.ListSegments;
import io.ashlar.client.protocol.Request;

import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.concurrent.CompletableFuture;

/**
 * Asks the coordinator where a segment's shards are now, when reading found them missing: repair may
 * have moved them, or a node come back elsewhere. A read that failed waits for the answer; one that
 * could be decoded without the shard does not, but {@link #suspect} lets later ones go to the new
 * place. At most one question for each segment is under way, and one that was answered is not asked
 * again for a while. Lives on the cluster's loop.
 */
public final class Placements {
    private static final Logger LOG = LoggerFactory.getLogger(Placements.class);
    private static final long PAUSE_NANOS = 1_000_000_000L;
    private static final long TIMEOUT_NANOS = 3_000_000_000L;

    /** A node may stay away for long before repair moves its shards: asked less and less often. */
    private static final long MAX_PAUSE_NANOS = 16_000_000_000L;

    /** Suspicions are many when a node dies: more than this are not followed in a second. */
    private static final int MAX_SUSPECTED = 32;

    private static final long SUSPECTED_WITHIN_NANOS = 1_000_000_000L;

    private final Cluster cluster;

    /** The last question of each segment that was ever asked for. */
    private final Map<LogSegment, Refresh> refreshes = new HashMap<>();

    private long suspectingSince;
    private int suspected;

    public Placements(Cluster cluster) {
        this.cluster = cluster;
    }

    /** A question, and whether it found any shard elsewhere. */
    private record Refresh(long atNanos, long pauseNanos, CompletableFuture<Boolean> moved) {

        CompletableFuture<Void> told() {
            return moved.thenApply(ignored -> null);
        }

        /** Whether it is answered and that may not be so any more. */
        boolean isOlderThan(long nanos, long now) {
            return moved.isDone() && now - atNanos >= nanos;
        }

        /** Before a mere suspicion leads to the next question. */
        long nextPauseNanos() {
            boolean inVain =
                    !moved.isDone() || moved.isCompletedExceptionally() || !moved.getNow(false);
            return inVain ? Math.min(2 * pauseNanos, MAX_PAUSE_NANOS) : PAUSE_NANOS;
        }

        boolean knowsNoSuchSegment() {
            return moved.isCompletedExceptionally()
                    && AshlarException.in(moved.exceptionNow()) instanceof AshlarException.NotFound;
        }
    }

    /**
     * Done when the segment's shards are where they were a moment ago; fails where nobody tells, which
     * does not say that they have not moved.
     */
    CompletableFuture<Void> refresh(LogSegment segment) {
        long now = cluster.loop().nanoTime();
        Refresh last = refreshes.get(segment);
        return last == null || last.isOlderThan(PAUSE_NANOS, now)
                ? askNow(segment).told()
                : last.told();
    }

    /**
     * Done when the segment's shards are where they were at that time, or later: for who is about to
     * take some for gone, which he missed since then.
     */
    public CompletableFuture<Void> refresh(LogSegment segment, long sinceNanos) {
        Refresh last = refreshes.get(segment);
        if (last == null || (last.moved.isDone() && last.atNanos < sinceNanos)) {
            return askNow(segment).told();
        }
        if (last.atNanos < sinceNanos) {
            return last.moved
                    .handle((ignored, failure) -> null)
                    .thenCompose(ignored -> refresh(segment, sinceNanos));
        }
        return last.told();
    }

    private Refresh askNow(LogSegment segment) {
        Refresh last = refreshes.get(segment);
        long pauseNanos = last == null ? PAUSE_NANOS : last.nextPauseNanos();
        Refresh next = new Refresh(cluster.loop().nanoTime(), pauseNanos, ask(segment));
        refreshes.put(segment, next);
        return next;
    }

    /**
     * Whether the coordinator has said that there is no such segment any more. Of one that was still
     * open that says nothing: a leader that was deposed may not have heard of it.
     */
    boolean isFreed(LogSegment segment) {
        Refresh last = refreshes.get(segment);
        return segment.isSealed() && last != null && last.knowsNoSuchSegment();
    }

    /**
     * A node does not have, or does not tell, what a shard of this segment should hold. Nobody waits
     * for what comes of it. Of an open segment there is nothing to ask: repair never touches one.
     */
    void suspect(LogSegment segment) {
        long now = cluster.loop().nanoTime();
        Refresh last = refreshes.get(segment);
        if (!segment.isSealed() || (last != null && !last.isOlderThan(last.pauseNanos, now))) {
            return;
        }
        if (suspected == 0 || now - suspectingSince >= SUSPECTED_WITHIN_NANOS) {
            suspectingSince = now;
            suspected = 0;
        }
        if (suspected < MAX_SUSPECTED) {
            suspected++;
            var _ = refresh(segment);
        }
    }

    private CompletableFuture<Boolean> ask(LogSegment segment) {
        Request request = Request.newBuilder()
                .setListSegments(
                        ListSegments.newBuilder().setSegment(segment.id().toProto()))
                .build();
        return cluster.coordinator().call(request, TIMEOUT_NANOS).thenCompose(response -> {
            List<LogSegment.Shard> before = segment.shards();
            try {
                if (response.getSegmentList().getSegmentsCount() != 1) {
                    throw new AshlarException.Incompatible("asked for " + segment
                            + ", the coordinator tells of "
                            + response.getSegmentList().getSegmentsCount() + " segments");
                }
                segment.moveTo(
                        response.getSegmentList().getSegments(0),
                        response.getSegmentList().getFormerList());
            } catch (AshlarException e) {
                LOG.warn(
                        "event=bad-placement segment={} reason=\"{}\"",
                        segment.id(),
                        e.getMessage());
                return CompletableFuture.failedFuture(e);
            }
            return CompletableFuture.completedFuture(!before.equals(segment.shards()));
        });
    }
}
