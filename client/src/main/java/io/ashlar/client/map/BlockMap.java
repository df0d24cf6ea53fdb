package io.ashlar.client.map;

import io.ashlar.client.AshlarException;
import io.ashlar.client.model.Extent;
import io.ashlar.client.model.LogPosition;
import io.ashlar.client.model.MapRoot;
import io.ashlar.client.model.Stripe;
import io.ashlar.client.stripe.StripeRef;
import io.ashlar.client.transport.Loop;

import org.jspecify.annotations.Nullable;

import java.util.ArrayList;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Optional;
import java.util.Set;
import java.util.concurrent.CompletableFuture;

/**
 * Where each block of a volume lives now. A block is unwritten or zeroed (reads as zeroes), lost
 * (reads fail: its newest content could not be recovered, and older content must not be shown), or a
 * piece of a stripe with the CRC of its bytes.
 *
 * <p>It is an LSM tree of extents [1]. What is installed goes into a table in memory. A table that
 * is full, or that a checkpoint covers, is frozen, written into the volume's log as an immutable
 * sorted run, and let go once a root that lists the run is committed. Runs are merged in the
 * background ({@link MergePolicy}). Memory is bounded by {@link MapLimits}, whatever the volume's
 * size. A random write costs its share of a few merges instead of a page of its own.
 *
 * <p>What is not covered by a committed root is found again by replaying the log from {@link
 * MapRoot#position}. Lives on its volume's loop; nothing here blocks.
 *
 * <p>[1] O'Neil, Cheng, Gawlick, O'Neil: The log-structured merge-tree. Acta Informatica 33, 1996.
 */
public final class BlockMap {
    /** Blocks that {@link #visit} looks up at a time. */
    public static final int WINDOW_BLOCKS = 8192;

    private final Loop loop;
    private final MapStore store;
    private final long blockCount;
    private final MapLimits limits;
    private final MapRuns runs;
    private final List<Waiter> checkpoints = new ArrayList<>();
    private final List<CompletableFuture<Void>> roomWaiters = new ArrayList<>();
    private MemoryTable active = new MemoryTable();
    private LogPosition position;

    /** Counts what a root has to cover: stripes with extents, the map's own having none, and losses. */
    private long installs;

    private long committedInstalls;
    private @Nullable AshlarException ended;

    private BlockMap(Loop loop, MapStore store, MapLimits limits, MapRoot root, RunList list) {
        this.loop = loop;
        this.store = store;
        this.blockCount = root.blockCount();
        this.limits = limits;
        this.position = root.position();
        this.runs = new MapRuns(loop, store, limits, root, list, new Commits());
    }

    private record Waiter(long installs, CompletableFuture<Void> done) {}

    /**
     * Opens the map that a root stands for: reads the directories of its runs.
     *
     * @param root {@link MapRoot#empty} for a volume without one
     */
    public static CompletableFuture<BlockMap> open(
            Loop loop, MapStore store, MapLimits limits, MapRoot root) {
        return openRuns(store, root)
                .thenApply(list -> new BlockMap(loop, store, limits, root, list));
    }

    private static CompletableFuture<RunList> openRuns(MapStore store, MapRoot root) {
        List<RunList.Placed> placed = new ArrayList<>();
        CompletableFuture<Void> opened = CompletableFuture.completedFuture(null);
        for (MapRoot.Run run : root.runs()) {
            opened = opened.thenCompose(ignored -> Run.open(store, run))
                    .thenAccept(found ->
                            placed.add(new RunList.Placed(found, run.level(), run.full())));
        }
        return opened.thenApply(ignored -> new RunList(placed));
    }

    /** What a root refers to that is not this map's own: a retained one, a snapshot. */
    public static CompletableFuture<SegmentReferences> references(MapStore store, MapRoot root) {
        return openRuns(store, root).thenApply(list -> {
            SegmentReferences.Counter counter = new SegmentReferences.Counter();
            list.all().forEach(run -> run.countReferences(counter));
            return counter.sum();
        });
    }

    public long blockCount() {
        return blockCount;
    }

    /** The newest committed root. */
    public MapRoot root() {
        return runs.root();
    }

    /** Behind the last stripe that was installed. */
    public LogPosition position() {
        return position;
    }

    /** Installs what an acknowledged stripe holds: its extents in order, later ones win. */
    public void install(StripeRef ref, Stripe stripe) {
        MemoryTable.TableStripe put = null;
        int crcIndex = 0;
        for (Extent extent : stripe.extents()) {
            long inside = Math.min(extent.endBlock(), blockCount) - extent.firstBlock();
            switch (extent.kind()) {
                case ZERO -> {
                    if (inside > 0) {
                        active.putZero(extent.firstBlock(), inside);
                    }
                }
                case DATA -> {
                    put = put == null ? tableStripe(ref, stripe) : put;
                    if (inside > 0) {
                        int piece = extent.startBytes() / Stripe.PIECE_BYTES;
                        active.putStored(put, extent.firstBlock(), (int) inside, piece);
                    }
                    crcIndex += extent.blockCount();
                }
            }
        }
        if (crcIndex != stripe.blockCrcCount()) {
            throw new IllegalStateException(stripe + " has " + stripe.blockCrcCount()
                    + " block CRCs for " + crcIndex + " blocks");
        }
        changed(ref, stripe);
    }

    /** The block CRCs by piece. */
    private MemoryTable.TableStripe tableStripe(StripeRef ref, Stripe stripe) {
        int pieces = 0;
        for (Extent extent : stripe.extents()) {
            if (extent.kind() == Extent.Kind.DATA) {
                int first = extent.startBytes() / Stripe.PIECE_BYTES;
                pieces = Math.max(pieces, first + extent.blockCount());
            }
        }
        int[] crcs = new int[pieces];
        int crcIndex = 0;
        for (Extent extent : stripe.extents()) {
            if (extent.kind() == Extent.Kind.DATA) {
                int first = extent.startBytes() / Stripe.PIECE_BYTES;
                for (int i = 0; i < extent.blockCount(); i++) {
                    crcs[first + i] = stripe.blockCrc(crcIndex++);
                }
            }
        }
        return active.stripe(ref.segment(), ref.number(), ref.offset(), ref.geometry(), crcs);
    }

    private void changed(StripeRef ref, Stripe stripe) {
        position = new LogPosition(
                ref.segment().id(), stripe.identity().number() + 1, stripe.endOffset());
        if (!stripe.extents().isEmpty()) {
            installs++;
            freezeIfFull();
        }
    }

    /** Marks the extents of a stripe that cannot be decoded any more. */
    public void lose(Stripe stripe) {
        for (Extent extent : stripe.extents()) {
            long inside = Math.min(extent.endBlock(), blockCount) - extent.firstBlock();
            if (inside > 0) {
                active.putLost(extent.firstBlock(), inside);
            }
        }
        Stripe.Identity identity = stripe.identity();
        position = new LogPosition(identity.segment(), identity.number() + 1, stripe.endOffset());
        installs++;
        freezeIfFull();
    }

    /** Marks every block: a stripe is lost of which nothing tells what it held. */
    public void loseAll() {
        active.putLost(0, blockCount);
        installs++;
    }

    /**
     * What the map says of blocks, in order and without a gap. It is what held when it was asked,
     * whatever is installed before the answer is there.
     */
    public CompletableFuture<List<MapExtent>> lookUp(long firstBlock, long count) {
        if (firstBlock < 0 || count < 0 || firstBlock > blockCount - count) {
            throw new IllegalStateException(
                    "blocks " + firstBlock + "+" + count + " looked up in a map of " + blockCount);
        }
        if (count == 0) {
            return CompletableFuture.completedFuture(List.of());
        }
        MapRuns.Frozen frozen = runs.frozen();
        List<MemoryTable> tables =
                frozen == null ? List.of(active) : List.of(active, frozen.table());
        MapRuns.Version version = runs.pin();
        CompletableFuture<List<MapExtent>> extents = new Lookup(
                        runs.cache(), tables, version.runs(), firstBlock, firstBlock + count)
                .run();
        return extents.whenComplete((ignored, failure) -> runs.unpin(version));
    }

    /** Hears of extents in the order of their blocks. */
    public interface Visitor {
        void extent(MapExtent extent);
    }

    /**
     * Goes through the whole map, window by window: each window is told as it is when it is reached.
     */
    public CompletableFuture<Void> visit(Visitor visitor) {
        CompletableFuture<Void> visited = new CompletableFuture<>();
        visitFrom(0, visitor, visited);
        return visited;
    }

    private void visitFrom(long block, Visitor visitor, CompletableFuture<Void> visited) {
        if (block == blockCount) {
            visited.complete(null);
            return;
        }
        long count = Math.min(WINDOW_BLOCKS, blockCount - block);
        var _ = lookUp(block, count).whenComplete((extents, failure) -> {
            if (failure != null) {
                visited.completeExceptionally(failure);
                return;
            }
            extents.forEach(visitor::extent);
            loop.execute(() -> visitFrom(block + count, visitor, visited));
        });
    }

    /** The stripes that the map itself lies in, as far as it is on drives, once each. */
    public Set<StripeRef> ownStripes() throws AshlarException {
        Set<StripeRef> stripes = new LinkedHashSet<>();
        MapRuns.Version version = runs.pin();
        try {
            for (Run run : version.runs()) {
                run.addStripes(store, stripes);
            }
        } finally {
            runs.unpin(version);
        }
        return stripes;
    }

    /** Blocks that read as errors. Goes through the map only where there may be any. */
    public CompletableFuture<Long> lostBlocks() {
        MapRuns.Frozen frozen = runs.frozen();
        boolean any = active.lostBlocks() > 0
                || (frozen != null && frozen.table().lostBlocks() > 0)
                || runs.hasLostBlocks();
        if (!any) {
            return CompletableFuture.completedFuture(0L);
        }
        long[] lost = new long[1];
        return visit(extent -> {
                    if (extent instanceof MapExtent.Lost) {
                        lost[0] += extent.blockCount();
                    }
                })
                .thenApply(ignored -> lost[0]);
    }

    /**
     * Whether installs are within the bound of memory. Where they are not, the frozen table is not
     * yet durable: whoever makes stripes holds back until {@link #whenRoom}. What is installed all
     * the same is taken.
     */
    public boolean hasRoom() {
        return active.memoryBytes() < limits.tableBytes() || runs.frozen() == null;
    }

    /** Done when there is room, or when there never will be. */
    public CompletableFuture<Void> whenRoom() {
        if (hasRoom()) {
            return CompletableFuture.completedFuture(null);
        }
        if (ended != null) {
            return CompletableFuture.failedFuture(ended);
        }
        CompletableFuture<Void> room = new CompletableFuture<>();
        roomWaiters.add(room);
        return room;
    }

    /**
     * Makes a root that covers everything installed so far, and has it committed. Failures are
     * tried again; only being fenced, or closed, ends the wait.
     */
    public CompletableFuture<Void> checkpoint() {
        if (ended != null) {
            return CompletableFuture.failedFuture(ended);
        }
        if (committedInstalls == installs) {
            return CompletableFuture.completedFuture(null);
        }
        CompletableFuture<Void> done = new CompletableFuture<>();
        checkpoints.add(new Waiter(installs, done));
        freezeForCheckpoint();
        return done;
    }

    /**
     * Has another root committed, also where nothing is new: what only roots before it refer to is
     * needed no more once so many have followed as are retained.
     */
    public CompletableFuture<Void> renewRoot() {
        return ended != null ? CompletableFuture.failedFuture(ended) : runs.renewRoot();
    }

    private void freezeForCheckpoint() {
        if (runs.frozen() == null && ended == null) {
            freeze();
        }
    }

    private void freezeIfFull() {
        if (active.memoryBytes() >= limits.tableBytes() && runs.frozen() == null && ended == null) {
            freeze();
        }
    }

    private void freeze() {
        MemoryTable table = active;
        active = new MemoryTable();
        runs.freeze(new MapRuns.Frozen(table, position, installs));
    }

    private final class Commits implements MapRuns.Listener {
        @Override
        public void committed(MapRuns.Frozen frozen) {
            committedInstalls = frozen.installs();
            for (Waiter waiter : List.copyOf(checkpoints)) {
                if (waiter.installs <= committedInstalls) {
                    checkpoints.remove(waiter);
                    waiter.done.complete(null);
                }
            }
            freezeIfFull();
            if (!checkpoints.isEmpty()) {
                freezeForCheckpoint();
            }
            if (hasRoom()) {
                List<CompletableFuture<Void>> waiters = List.copyOf(roomWaiters);
                roomWaiters.clear();
                waiters.forEach(waiter -> waiter.complete(null));
            }
        }

        @Override
        public void ended(AshlarException cause) {
            end(cause);
        }
    }

    /** Merges all runs into one, after a checkpoint: references are then exact. */
    CompletableFuture<Void> mergeAll() {
        return checkpoint().thenCompose(ignored -> runs.mergeAll());
    }

    /** Abandons what is under way; what is not in a committed root is found by replay. */
    public void close(AshlarException cause) {
        runs.close();
        end(cause);
    }

    private void end(AshlarException cause) {
        if (ended != null) {
            return;
        }
        ended = cause;
        checkpoints.forEach(waiter -> waiter.done.completeExceptionally(cause));
        checkpoints.clear();
        roomWaiters.forEach(waiter -> waiter.completeExceptionally(cause));
        roomWaiters.clear();
    }

    /**
     * What tables and runs refer to in each segment. To these belong what lookups and merges under
     * way still need, but not what other roots, retained or of snapshots, refer to.
     */
    public SegmentReferences references() {
        SegmentReferences.Counter counter = new SegmentReferences.Counter();
        countTable(active, counter);
        MapRuns.Frozen frozen = runs.frozen();
        if (frozen != null) {
            countTable(frozen.table(), counter);
        }
        runs.countReferences(counter);
        return counter.sum();
    }

    private static void countTable(MemoryTable table, SegmentReferences.Counter counter) {
        for (MemoryTable.TableSegment segment : table.segments()) {
            counter.addBlocks(segment.segment.id(), segment.blocks);
        }
    }

    /** Whether nothing is being written or merged. */
    public boolean isIdle() {
        return runs.isIdle();
    }

    public MapStats stats() {
        MapRuns.Frozen frozen = runs.frozen();
        long frozenBytes = frozen == null ? 0 : frozen.table().memoryBytes();
        long frozenEntries = frozen == null ? 0 : frozen.table().entryCount();
        List<RunList.Placed> placed = runs.list().runs();
        AshlarException failure = runs.lastFailure();
        return new MapStats(
                active.memoryBytes() + frozenBytes,
                runs.directoryBytes(),
                runs.cache().memoryBytes(),
                runs.mergeBytes(),
                active.entryCount()
                        + frozenEntries
                        + placed.stream()
                                .mapToLong(one -> one.run().entryCount())
                                .sum(),
                placed.size(),
                placed.stream().mapToLong(one -> one.run().pageCount()).sum(),
                runs.pagesWritten(),
                runs.cache().pagesRead(),
                failure == null ? Optional.empty() : Optional.of(failure.getMessage()));
    }
}
