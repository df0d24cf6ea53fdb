package io.ashlar.client.log;

import io.ashlar.client.AshlarException;
import io.ashlar.client.cluster.Cluster;
import io.ashlar.client.model.LogPosition;
import io.ashlar.client.model.SegmentId;
import io.ashlar.client.protocol.FreeSegments;
import io.ashlar.client.protocol.Id;
import io.ashlar.client.protocol.Request;
import io.ashlar.client.protocol.Root;
import io.ashlar.client.protocol.SegmentsFreed;

import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Collection;
import java.util.Deque;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.function.Supplier;

/**
 * Gives back the segments that no root needs. A segment is dead from the first root on to which the
 * map referred to nothing in it; nothing new ever refers to it. It may go when the oldest root that
 * the coordinator retains is that one or a later one, and when that one is replayed from behind it.
 * The coordinator checks both again. Lives on the cluster's loop.
 */
final class SegmentFreeing {
    private static final Logger LOG = LoggerFactory.getLogger(SegmentFreeing.class);
    private static final int RETAINED_ROOTS = 3;
    private static final int MAX_AT_ONCE = 512;

    private final Cluster cluster;
    private final WriterIdentity writer;
    private final LogSegments segments;
    private final Deque<Committed> retained = new ArrayDeque<>();
    private final Map<SegmentId, Long> deadSince = new HashMap<>();
    private Supplier<Set<SegmentId>> referenced = Set::of;
    private boolean hasMap;
    private boolean asking;

    private SegmentFreeing(Cluster cluster, WriterIdentity writer, LogSegments segments) {
        this.cluster = cluster;
        this.writer = writer;
        this.segments = segments;
    }

    /** A root and the place from which it is replayed. */
    private record Committed(long number, LogPosition position) {}

    /**
     * Of a volume with these roots.
     *
     * @param newestFirst that the coordinator retains
     */
    static SegmentFreeing of(
            Cluster cluster, WriterIdentity writer, LogSegments segments, List<Root> newestFirst)
            throws AshlarException {
        SegmentFreeing freeing = new SegmentFreeing(cluster, writer, segments);
        for (Root root : newestFirst) {
            freeing.retained.addFirst(
                    new Committed(root.getNumber(), LogPosition.of(root.getPosition())));
        }
        return freeing;
    }

    /** Begins, with what tells which segments the map refers to. */
    void begin(Supplier<Set<SegmentId>> references) {
        referenced = references;
        hasMap = true;
    }

    /** 0 before the first one. */
    long newestRoot() {
        return retained.isEmpty() ? 0 : retained.getLast().number();
    }

    /**
     * Looks, once whoever waits for the commit has gone over to the new root.
     *
     * @param unreadable roots that have gone with it
     */
    void committed(long number, LogPosition position, Collection<Long> unreadable) {
        retained.removeIf(root -> unreadable.contains(root.number()));
        retained.addLast(new Committed(number, position));
        if (retained.size() > RETAINED_ROOTS) {
            retained.removeFirst();
        }
        cluster.loop().execute(() -> look(number));
    }

    private void look(long root) {
        Committed oldest = retained.getFirst();
        if (!hasMap || root != newestRoot() || oldest.position.equals(LogPosition.START)) {
            return;
        }
        Set<SegmentId> live = referenced.get();
        List<Id> free = new ArrayList<>();
        for (LogSegment segment : segments.inLogOrder()) {
            if (segment.id().equals(oldest.position().segment())) {
                break;
            }
            if (segment.isSealed() && !live.contains(segment.id())) {
                long since = deadSince.computeIfAbsent(segment.id(), ignored -> root);
                if (since <= oldest.number() && free.size() < MAX_AT_ONCE) {
                    free.add(segment.id().toProto());
                }
            }
        }
        if (!free.isEmpty() && !asking) {
            ask(oldest.number(), free);
        }
    }

    private void ask(long root, List<Id> free) {
        asking = true;
        Request request = Request.newBuilder()
                .setFreeSegments(FreeSegments.newBuilder()
                        .setRequestId(cluster.newRequestId())
                        .setVolume(writer.volume().toProto())
                        .setEpoch(writer.epoch())
                        .setRoot(root)
                        .addAllSegments(free))
                .build();
        var _ = cluster.coordinator()
                .call(request, cluster.config().coordinatorTimeout().toNanos())
                .whenComplete((response, failure) -> {
                    asking = false;
                    if (failure == null) {
                        freed(response.getSegmentsFreed());
                    } else {
                        LOG.warn(
                                "event=segments-not-freed volume={} reason=\"{}\"",
                                writer.name(),
                                AshlarException.in(failure).getMessage());
                    }
                });
    }

    private void freed(SegmentsFreed answer) {
        for (Id id : answer.getSegmentsList()) {
            segments.remove(SegmentId.of(id));
            deadSince.remove(SegmentId.of(id));
        }
        LOG.info(
                "event=segments-freed volume={} count={}",
                writer.name(),
                answer.getSegmentsCount());
    }
}
