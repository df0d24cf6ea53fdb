package io.ashlar.client;

import io.ashlar.client.HealthExtent.Health;
import io.ashlar.client.cluster.Cluster;
import io.ashlar.client.map.MapExtent;
import io.ashlar.client.model.SegmentId;
import io.ashlar.client.protocol.DegradedSegment;
import io.ashlar.client.protocol.DegradedSegments;
import io.ashlar.client.protocol.Id;
import io.ashlar.client.protocol.ListDegraded;
import io.ashlar.client.protocol.Request;

import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

import java.util.HashMap;
import java.util.Map;
import java.util.concurrent.CompletableFuture;

/**
 * Which segments of a volume survive fewer losses than its policy says, as the coordinator tells. What
 * it told holds for a second, as whoever looks at a volume asks for one range after the other. Lives
 * on the volume's loop.
 */
final class SegmentHealth {
    private static final Logger LOG = LoggerFactory.getLogger(SegmentHealth.class);
    private static final long HOLDS_NANOS = 1_000_000_000L;
    private static final long TIMEOUT_NANOS = 3_000_000_000L;

    private final Cluster cluster;
    private final Id volume;
    private @Nullable CompletableFuture<View> last;
    private long askedNanos;

    SegmentHealth(Cluster cluster, Id volume) {
        this.cluster = cluster;
        this.volume = volume;
    }

    /**
     * What was told at a time.
     *
     * @param degraded all others are whole; null where nobody told
     */
    record View(@Nullable Map<SegmentId, Health> degraded) {
        Health of(MapExtent extent) {
            return switch (extent) {
                case MapExtent.Zero ignored -> Health.WHOLE;
                case MapExtent.Lost ignored -> Health.LOST;
                case MapExtent.Stored stored ->
                    degraded == null
                            ? Health.UNKNOWN
                            : degraded.getOrDefault(stored.stripe().segment().id(), Health.WHOLE);
            };
        }
    }

    CompletableFuture<View> view() {
        long now = cluster.loop().nanoTime();
        CompletableFuture<View> told = last;
        if (told == null || (told.isDone() && now - askedNanos >= HOLDS_NANOS)) {
            askedNanos = now;
            told = ask(Id.getDefaultInstance(), new HashMap<>()).exceptionally(failure -> {
                LOG.warn("event=health-unknown reason=\"{}\"", failure.getMessage());
                return new View(null);
            });
            last = told;
        }
        return told;
    }

    private CompletableFuture<View> ask(Id after, Map<SegmentId, Health> degraded) {
        Request request = Request.newBuilder()
                .setListDegraded(ListDegraded.newBuilder().setVolume(volume).setAfter(after))
                .build();
        return cluster.coordinator().call(request, TIMEOUT_NANOS).thenCompose(response -> {
            DegradedSegments told = response.getDegradedSegments();
            for (DegradedSegment segment : told.getSegmentsList()) {
                degraded.put(SegmentId.of(segment.getSegment()), healthOf(segment));
            }
            boolean more = told.getMore() && told.getSegmentsCount() > 0;
            return more
                    ? ask(told.getSegments(told.getSegmentsCount() - 1).getSegment(), degraded)
                    : CompletableFuture.completedFuture(new View(degraded));
        });
    }

    private static Health healthOf(DegradedSegment segment) {
        if (segment.getLost()) {
            return Health.LOST;
        }
        return segment.getSurvivableLosses() < 0 ? Health.UNAVAILABLE : Health.DEGRADED;
    }
}
