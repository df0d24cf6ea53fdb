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

import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Collection;
import java.util.Deque;
import java.util.List;
import java.util.Set;
import java.util.concurrent.CompletableFuture;
import java.util.function.Function;
import java.util.function.Supplier;

/**
 * Gives back the segments that no root needs: those that lie before the place from which the oldest
 * retained root is replayed, and to which neither the map, nor what it is writing just now, nor any
 * retained root refers. Nothing new ever refers to such a segment. What the roots of earlier writers
 * refer to is read from their runs, so that also writers that each commit a root or two give back what
 * they leave. The coordinator checks the order again. Lives on the cluster's loop.
 */
final class SegmentFreeing {
    private static final Logger LOG = LoggerFactory.getLogger(SegmentFreeing.class);
    private static final int RETAINED_ROOTS = 3;
    private static final int MAX_AT_ONCE = 512;

    private final Cluster cluster;
    private final WriterIdentity writer;
    private final LogSegments segments;
    private final Deque<Retained> retained = new ArrayDeque<>();
    private Supplier<Set<SegmentId>> referenced = Set::of;
    private @Nullable Function<Root, CompletableFuture<Set<SegmentId>>> reader;
    private boolean asking;

    private SegmentFreeing(Cluster cluster, WriterIdentity writer, LogSegments segments) {
        this.cluster = cluster;
        this.writer = writer;
        this.segments = segments;
    }

    /** A root that the coordinator keeps. */
    private static final class Retained {
        private final Root root;
        private final LogPosition position;

        /** The segments to which it refers; null: not known yet. */
        private @Nullable Set<SegmentId> references;

        Retained(Root root, LogPosition position) {
            this.root = root;
            this.position = position;
        }

        boolean refersTo(SegmentId segment) {
            return references == null || references.contains(segment);
        }
    }

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
            freeing.retained.addFirst(new Retained(root, LogPosition.of(root.getPosition())));
        }
        return freeing;
    }

    /**
     * Begins, once the log is replayed.
     *
     * @param references tells which segments the map and what it is writing refer to
     * @param ofRoot reads which segments a retained root refers to
     */
    void begin(
            Supplier<Set<SegmentId>> references,
            Function<Root, CompletableFuture<Set<SegmentId>>> ofRoot) {
        referenced = references;
        reader = ofRoot;
        cluster.loop().execute(this::look);
    }

    /** 0 before the first one. */
    long newestRoot() {
        return retained.isEmpty() ? 0 : retained.getLast().root.getNumber();
    }

    /**
     * Looks, once whoever waits for the commit has gone over to the new root.
     *
     * @param unreadable roots that have gone with it
     */
    void committed(Root root, LogPosition position, Collection<Long> unreadable) {
        Retained committed = new Retained(root, position);
        retained.removeIf(one -> unreadable.contains(one.root.getNumber()));
        retained.addLast(committed);
        if (retained.size() > RETAINED_ROOTS) {
            retained.removeFirst();
        }
        cluster.loop().execute(() -> {
            if (reader != null && committed.root.getNumber() == newestRoot()) {
                committed.references = Set.copyOf(referenced.get());
            }
            look();
        });
    }

    private void look() {
        if (reader == null || asking || retained.isEmpty()) {
            return;
        }
        Retained oldest = retained.getFirst();
        List<LogSegment> before = segmentsBefore(oldest.position);
        if (before.isEmpty() || readsReferences(reader)) {
            return;
        }
        Set<SegmentId> now = referenced.get();
        List<Id> free = new ArrayList<>();
        for (LogSegment segment : before) {
            boolean needed = now.contains(segment.id()) || isNeededByRoot(segment.id());
            if (segment.isSealed() && !needed && free.size() < MAX_AT_ONCE) {
                free.add(segment.id().toProto());
            }
        }
        if (!free.isEmpty()) {
            ask(oldest.root.getNumber(), free);
        }
    }

    /** Those that no retained root is replayed from, nor from what comes before them. */
    private List<LogSegment> segmentsBefore(LogPosition position) {
        List<LogSegment> before = new ArrayList<>();
        for (LogSegment segment : segments.inLogOrder()) {
            if (position.equals(LogPosition.START) || segment.id().equals(position.segment())) {
                break;
            }
            before.add(segment);
        }
        return before;
    }

    private boolean isNeededByRoot(SegmentId segment) {
        for (Retained root : retained) {
            if (root.refersTo(segment)) {
                return true;
            }
        }
        return false;
    }

    /** Whether a root's references are not known: they are read, and then it is looked again. */
    private boolean readsReferences(Function<Root, CompletableFuture<Set<SegmentId>>> ofRoot) {
        for (Retained one : retained) {
            if (one.references == null) {
                asking = true;
                var _ = ofRoot.apply(one.root).whenComplete((found, failure) -> {
                    asking = false;
                    if (failure == null) {
                        one.references = found;
                        look();
                    } else {
                        LOG.warn(
                                "event=root-references-not-read volume={} root={} reason=\"{}\"",
                                writer.name(),
                                one.root.getNumber(),
                                AshlarException.in(failure).getMessage());
                    }
                });
                return true;
            }
        }
        return false;
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
        }
        LOG.info(
                "event=segments-freed volume={} count={}",
                writer.name(),
                answer.getSegmentsCount());
    }
}
