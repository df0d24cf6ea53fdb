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
    private final Map<LogSegment, Refresh> refreshes = new HashMap<>();

    public Placements(Cluster cluster) {
        this.cluster = cluster;
    }

    /** When it was asked, and whether any shard was elsewhere. */
    private record Refresh(long atNanos, CompletableFuture<Boolean> moved) {}

    /** Tells whether any shard is known to be elsewhere since a moment ago. */
    public CompletableFuture<Boolean> refresh(LogSegment segment) {
        long now = cluster.loop().nanoTime();
        Refresh last = refreshes.get(segment);
        if (last == null || now - last.atNanos >= PAUSE_NANOS) {
            last = new Refresh(now, ask(segment));
            refreshes.put(segment, last);
        }
        return last.moved;
    }

    private CompletableFuture<Boolean> ask(LogSegment segment) {
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
