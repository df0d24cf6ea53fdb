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
import java.util.function.BooleanSupplier;
import java.util.function.Function;
import java.util.function.Supplier;

/**
 * Gives back the segments that no root needs: those that lie before the place from which the oldest
 * retained root is replayed, and to which neither the map, nor what it is writing just now, nor any
 * retained root refers. Nothing new ever refers to such a segment. What the roots of earlier
 * writers refer to is read from their runs, so that also writers that each commit a root or two
 * give back what they leave. The coordinator checks the order again. Lives on the cluster's loop.
 */
final class SegmentFreeing {
    private static final Logger LOG = LoggerFactory.getLogger(SegmentFreeing.class);
    static final int RETAINED_ROOTS = 3;

    private static final int MAX_AT_ONCE = 512;
    private static final long AGAIN_NANOS = 30_000_000_000L;

    private final Cluster cluster;
    private final WriterIdentity writer;
    private final LogSegments segments;
    private final Deque<Retained> retained = new ArrayDeque<>();
    private @Nullable Sources sources;
    private boolean busy;
    private long freedCount;
    private @Nullable CompletableFuture<Void> settled;

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
     * What tells who needs a segment.
     *
     * @param now the segments to which the map refers, and what it is writing
     * @param ofRoot reads the segments to which a retained root refers
     * @param ended whether nothing is to be given back any more
     */
    record Sources(
            Supplier<Set<SegmentId>> now,
            Function<Root, CompletableFuture<Set<SegmentId>>> ofRoot,
            BooleanSupplier ended) {}

    /** Begins, once the log is replayed. */
    void begin(Sources told) {
        sources = told;
        cluster.loop().execute(this::look);
    }

    /** Segments given back since the volume was opened. */
    long freedCount() {
        return freedCount;
    }

    /** Done when nothing more can be given back until another root is committed, or not now. */
    CompletableFuture<Void> whenSettled() {
        if (settled == null) {
            settled = new CompletableFuture<>();
        }
        CompletableFuture<Void> wanted = settled;
        cluster.loop().execute(this::look);
        return wanted;
    }

    private void settle() {
        if (settled != null && !busy) {
            CompletableFuture<Void> wanted = settled;
            settled = null;
            wanted.complete(null);
        }
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
            if (sources != null) {
                Set<SegmentId> now = Set.copyOf(sources.now().get());
                if (committed.root.getNumber() == newestRoot()) {
                    committed.references = now;
                }
                look(sources, now);
            }
        });
    }

    private void look() {
        if (sources != null && !sources.ended().getAsBoolean()) {
            look(sources, sources.now().get());
        }
        settle();
    }

    private void look(Sources from, Set<SegmentId> now) {
        if (busy || retained.isEmpty()) {
            return;
        }
        Retained oldest = retained.getFirst();
        List<SegmentId> unused = segmentsBefore(oldest.position);
        unused.removeIf(now::contains);
        if (unused.isEmpty()) {
            return;
        }
        for (Retained root : retained) {
            if (root.references == null) {
                readReferences(from, root);
                return;
            }
        }
        List<Id> free = new ArrayList<>();
        for (SegmentId segment : unused) {
            if (!isNeededByRoot(segment) && free.size() < MAX_AT_ONCE) {
                free.add(segment.toProto());
            }
        }
        if (!free.isEmpty()) {
            ask(oldest.root.getNumber(), free);
        }
    }

    /** Those that are sealed, and that a replay from there does not read. */
    private List<SegmentId> segmentsBefore(LogPosition position) {
        long sequence = sequenceOf(position);
        List<SegmentId> before = new ArrayList<>();
        for (LogSegment segment : segments.inLogOrder()) {
            if (segment.isSealed() && segment.sequence() < sequence) {
                before.add(segment.id());
            }
        }
        return before;
    }

    /** 0 where it is not in the log: nothing lies before it then. */
    private long sequenceOf(LogPosition position) {
        for (LogSegment segment : segments.inLogOrder()) {
            if (segment.id().equals(position.segment())) {
                return segment.sequence();
            }
        }
        return 0;
    }

    private boolean isNeededByRoot(SegmentId segment) {
        for (Retained root : retained) {
            if (root.refersTo(segment)) {
                return true;
            }
        }
        return false;
    }

    private void readReferences(Sources from, Retained root) {
        busy = true;
        var _ = from.ofRoot()
                .apply(root.root)
                .whenComplete((found, failure) -> cluster.loop().execute(() -> {
                    busy = false;
                    if (failure == null) {
                        root.references = found;
                        look();
                    } else {
                        lookLater("what root " + root.root.getNumber() + " refers to", failure);
                    }
                }));
    }

    private void ask(long root, List<Id> free) {
        busy = true;
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
                .whenComplete((response, failure) -> cluster.loop().execute(() -> {
                    busy = false;
                    if (failure == null) {
                        freed(response.getSegmentsFreed());
                    } else {
                        lookLater("the coordinator's answer", failure);
                    }
                }));
    }

    private void lookLater(String wanted, Throwable failure) {
        LOG.warn(
                "event=segments-not-freed volume={} wanted=\"{}\" reason=\"{}\"",
                writer.name(),
                wanted,
                AshlarException.in(failure).getMessage());
        cluster.loop().schedule(AGAIN_NANOS, this::look);
        settle();
    }

    private void freed(SegmentsFreed answer) {
        for (Id id : answer.getSegmentsList()) {
            segments.remove(SegmentId.of(id));
        }
        LOG.info(
                "event=segments-freed volume={} count={}",
                writer.name(),
                answer.getSegmentsCount());
        freedCount += answer.getSegmentsCount();
        if (answer.getSegmentsCount() > 0) {
            look();
        } else {
            settle();
        }
    }
}
