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
 * have moved them, or a node come back elsewhere. Once in a while for each segment. Lives on the
 * cluster's loop.
 */
public final class Placements {
    private static final Logger LOG = LoggerFactory.getLogger(Placements.class);
    private static final long PAUSE_NANOS = 1_000_000_000L;
    private static final long TIMEOUT_NANOS = 3_000_000_000L;

    private final Cluster cluster;
    private final Map<LogSegment, Long> askedAt = new HashMap<>();

    public Placements(Cluster cluster) {
        this.cluster = cluster;
    }

    /** Tells whether any shard is known to be elsewhere now. */
    CompletableFuture<Boolean> refresh(LogSegment segment) {
        long now = cluster.loop().nanoTime();
        Long last = askedAt.get(segment);
        if (last != null && now - last < PAUSE_NANOS) {
            return CompletableFuture.completedFuture(false);
        }
        askedAt.put(segment, now);
        Request request = Request.newBuilder()
                .setListSegments(
                        ListSegments.newBuilder().setSegment(segment.id().toProto()))
                .build();
        return cluster.coordinator().call(request, TIMEOUT_NANOS).handle((response, failure) -> {
            if (failure != null || response.getSegmentList().getSegmentsCount() != 1) {
                return false;
            }
            List<LogSegment.Shard> before = segment.shards();
            try {
                segment.moveTo(response.getSegmentList().getSegments(0));
            } catch (AshlarException e) {
                LOG.warn(
                        "event=bad-placement segment={} reason=\"{}\"",
                        segment.id(),
                        e.getMessage());
            }
            return !before.equals(segment.shards());
        });
    }
}
