package io.ashlar.client.map;

import io.ashlar.client.AshlarException;
import io.ashlar.client.model.LogPosition;
import io.ashlar.client.model.MapRoot;
import io.ashlar.client.transport.Loop;

import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

import java.util.ArrayList;
import java.util.Collections;
import java.util.HashSet;
import java.util.IdentityHashMap;
import java.util.List;
import java.util.Set;
import java.util.concurrent.CompletableFuture;

/**
 * The runs of a map and what happens to them: a frozen table is written, runs are merged, and what
 * came of it is seen only once the owner of the map has committed a root that lists it. Commits go
 * one at a time; a later one takes all that was finished meanwhile. Whatever fails is tried again
 * after a delay that doubles, except that a fenced map stops for good. Merges have a delay of their
 * own: a run that cannot be read now holds up nothing that does not read it.
 *
 * <p>Invariants: the list that lookups see is the committed one (but for the places of runs, which
 * mean nothing to a lookup); a table is let go only when a root that covers it is committed; a run
 * is input of one merge at most.
 */
final class MapRuns {
    private static final Logger LOG = LoggerFactory.getLogger(MapRuns.class);
    private static final CompletableFuture<Void> NOTHING = CompletableFuture.completedFuture(null);

    private final Loop loop;
    private final MapStore store;
    private final MapLimits limits;
    private final MergePolicy policy;
    private final PageCache cache;
    private final Listener listener;
    private final long blockCount;

    private Version current;
    private final Set<Version> superseded = Collections.newSetFromMap(new IdentityHashMap<>());
    private MapRoot root;
    private @Nullable Frozen frozen;
    private boolean flushing;

    private final List<Job> jobs = new ArrayList<>();
    private final List<Finished> finished = new ArrayList<>();
    private final Set<Run> busy = new HashSet<>();
    private boolean committing;
    private boolean closed;

    /** Of writing the frozen table, and of commits. */
    private final RetryPause writing;

    private final RetryPause merging;
    private @Nullable AshlarException lastFailure;
    private @Nullable CompletableFuture<Void> mergedAll;

    /** Another root is wanted, though there is nothing new. */
    private @Nullable CompletableFuture<Void> renewal;

    private long pagesWritten;

    MapRuns(
            Loop loop,
            MapStore store,
            MapLimits limits,
            MapRoot root,
            RunList list,
            Listener listener) {
        this.loop = loop;
        this.store = store;
        this.limits = limits;
        this.policy = new MergePolicy(limits.basePages());
        this.cache = new PageCache(store, this::cacheBytes);
        this.listener = listener;
        this.blockCount = root.blockCount();
        this.root = root;
        this.current = new Version(list);
        this.writing = new RetryPause(loop, this::goOn);
        this.merging = new RetryPause(loop, this::goOn);
    }

    /** Hears what becomes of frozen tables. */
    interface Listener {
        /** The table's contents are durable, and the next one can be frozen. */
        void committed(Frozen frozen);

        /** Nothing will be committed any more. */
        void ended(AshlarException cause);
    }

    /**
     * A table that takes no more installs.
     *
     * @param position behind the last stripe it covers
     * @param installs counts those that it and all tables before it cover
     */
    record Frozen(MemoryTable table, LogPosition position, long installs) {}

    /** A list of runs that lookups may still read. */
    static final class Version {
        private RunList list;
        private final List<Run> runs;
        private int pins;

        Version(RunList list) {
            this.list = list;
            this.runs = list.all();
        }

        List<Run> runs() {
            return runs;
        }
    }

    private record Job(
            RunMerge merge,
            List<Run> inputs,
            int level,
            @Nullable Frozen flushed) {}

    private record Finished(Job job, @Nullable Run output) {}

    /** The version that is seen now; it stays readable until it is unpinned. */
    Version pin() {
        current.pins++;
        return current;
    }

    void unpin(Version version) {
        version.pins--;
        if (version.pins == 0) {
            superseded.remove(version);
        }
    }

    PageCache cache() {
        return cache;
    }

    MapRoot root() {
        return root;
    }

    @Nullable
    Frozen frozen() {
        return frozen;
    }

    /** Takes a table over. */
    void freeze(Frozen table) {
        if (frozen != null) {
            throw new IllegalStateException("a table is frozen before the last one is durable");
        }
        frozen = table;
        plan();
    }

    /** Merges everything, the frozen table included, into one run. */
    CompletableFuture<Void> mergeAll() {
        if (mergedAll == null) {
            mergedAll = new CompletableFuture<>();
            loop.execute(this::plan);
        }
        return mergedAll;
    }

    /** Has another root committed, also where it is like the one before. */
    CompletableFuture<Void> renewRoot() {
        CompletableFuture<Void> wanted = renewal == null ? new CompletableFuture<>() : renewal;
        renewal = wanted;
        loop.execute(this::commit);
        return wanted;
    }

    /** Abandons whatever is under way. */
    void close() {
        closed = true;
        if (renewal != null) {
            renewal.completeExceptionally(
                    new AshlarException.Unavailable("the map is not written any more"));
        }
        jobs.forEach(job -> job.merge.abandon());
        jobs.clear();
        busy.clear();
        if (mergedAll != null) {
            mergedAll.completeExceptionally(new AshlarException.Unavailable("the map is closed"));
            mergedAll = null;
        }
    }

    private void goOn() {
        commit();
        plan();
    }

    private void plan() {
        if (closed || writing.isOn()) {
            return;
        }
        if (mergedAll != null) {
            planMergeAll();
            return;
        }
        while (true) {
            MergePolicy.Step step = policy.next(current.list, busy, waitingPages(), mayMerge());
            switch (step) {
                case null -> {
                    return;
                }
                case MergePolicy.Flush flush -> start(flush.runs(), flush.level(), true);
                case MergePolicy.Merge merge -> start(merge.runs(), merge.level(), false);
                case MergePolicy.Move move ->
                    current.list = current.list.moved(move.run(), move.level(), move.full());
            }
        }
    }

    /** None begins while a commit is unanswered: what it makes could not be committed either. */
    private boolean mayMerge() {
        long merges = jobs.stream().filter(job -> job.flushed == null).count();
        return !merging.isOn() && !committing && merges < limits.maxMerges();
    }

    /** Pages that the frozen table will take, while it waits. */
    private long waitingPages() {
        Frozen waiting = frozen;
        return waiting == null || flushing ? 0 : waiting.table.runBytes() / 4000 + 1;
    }

    private void planMergeAll() {
        CompletableFuture<Void> wanted = mergedAll;
        if (wanted == null || !jobs.isEmpty() || !finished.isEmpty() || !mayMerge()) {
            return;
        }
        List<Run> all = current.runs;
        boolean flush = waitingPages() > 0;
        if (!flush && all.size() <= 1) {
            mergedAll = null;
            wanted.complete(null);
            plan();
            return;
        }
        long pages = waitingPages() + all.stream().mapToLong(Run::pageCount).sum();
        start(all, policy.levelOf(pages), flush);
    }

    private void start(List<Run> inputs, int level, boolean flush) {
        Frozen flushed = flush ? frozen : null;
        boolean oldest = current.runs.isEmpty()
                || inputs.contains(current.list.runs().getLast().run());
        RunMerge merge =
                new RunMerge(loop, store, flushed == null ? null : flushed.table, inputs, oldest);
        Job job = new Job(merge, List.copyOf(inputs), level, flushed);
        flushing |= flush;
        jobs.add(job);
        busy.addAll(inputs);
        var _ = merge.done().whenComplete((output, failure) -> {
            pagesWritten += merge.pagesWritten();
            jobs.remove(job);
            if (failure == null) {
                pauseOf(job).reset();
                finished.add(new Finished(job, output));
                commit();
            } else {
                busy.removeAll(job.inputs);
                flushing &= flushed == null;
                failed(AshlarException.in(failure), pauseOf(job));
            }
        });
    }

    private RetryPause pauseOf(Job job) {
        return job.flushed == null ? merging : writing;
    }

    private void commit() {
        boolean wanted = !finished.isEmpty() || renewal != null;
        if (closed || writing.isOn() || committing || !wanted) {
            return;
        }
        committing = true;
        CompletableFuture<Void> renewing = renewal;
        List<Finished> parts = List.copyOf(finished);
        LogPosition position = root.position();
        for (Finished part : parts) {
            position = part.job.flushed == null ? position : part.job.flushed.position();
        }
        RunList list = with(parts);
        MapRoot next = new MapRoot(blockCount, position, list.roots());
        var _ = new LossCount(loop, cache, list.all(), blockCount)
                .run()
                .thenCompose(lost -> closed ? NOTHING : store.commit(next, lost))
                .whenComplete((ignored, failure) -> {
                    committing = false;
                    if (closed) {
                        return;
                    }
                    if (failure == null) {
                        if (renewing != null) {
                            renewal = null;
                        }
                        committed(next, parts);
                        if (renewing != null) {
                            renewing.complete(null);
                        }
                    } else {
                        failed(AshlarException.in(failure), writing);
                    }
                });
    }

    private RunList with(List<Finished> parts) {
        RunList list = current.list;
        for (Finished part : parts) {
            list = list.merged(part.job.inputs, part.output, part.job.level);
        }
        return list;
    }

    private void committed(MapRoot next, List<Finished> parts) {
        writing.reset();
        root = next;
        Version before = current;
        current = new Version(with(parts));
        if (before.pins > 0) {
            superseded.add(before);
        }
        finished.removeAll(parts);
        Frozen done = null;
        for (Finished part : parts) {
            busy.removeAll(part.job.inputs);
            part.job.inputs.forEach(cache::forget);
            if (part.job.flushed != null) {
                done = part.job.flushed;
                frozen = null;
                flushing = false;
            }
        }
        cache.evict();
        if (done != null) {
            listener.committed(done);
        }
        goOn();
    }

    /** What directories take is the cache's loss. */
    private long cacheBytes() {
        return Math.max(limits.pageBytes() / 8, limits.pageBytes() - directoryBytes());
    }

    private void failed(AshlarException cause, RetryPause pause) {
        lastFailure = cause;
        if (closed) {
            return;
        }
        if (cause instanceof AshlarException.Fenced) {
            close();
            listener.ended(cause);
            return;
        }
        LOG.warn(
                "event=map-write-failed retryMillis={} cause=\"{}\"",
                pause.nextNanos() / 1_000_000,
                cause.getMessage());
        pause.begin();
    }

    /** Adds what all runs refer to: those seen, those being read, those being made. */
    void countReferences(SegmentReferences.Counter counter) {
        Set<Run> runs = new HashSet<>(current.runs);
        superseded.forEach(version -> runs.addAll(version.runs));
        for (Finished part : finished) {
            if (part.output != null) {
                runs.add(part.output);
            }
        }
        runs.forEach(run -> run.countReferences(counter));
        jobs.forEach(job -> job.merge.countPages(counter));
    }

    boolean hasLostBlocks() {
        return current.runs.stream().anyMatch(run -> run.lostBlocks() > 0);
    }

    long directoryBytes() {
        return current.runs.stream().mapToLong(Run::memoryBytes).sum()
                + jobs.stream().mapToLong(job -> job.merge.directoryBytes()).sum();
    }

    long mergeBytes() {
        return jobs.stream().mapToLong(job -> job.merge.memoryBytes()).sum();
    }

    RunList list() {
        return current.list;
    }

    long pagesWritten() {
        return pagesWritten
                + jobs.stream().mapToLong(job -> job.merge.pagesWritten()).sum();
    }

    boolean isIdle() {
        return jobs.isEmpty() && finished.isEmpty() && !committing && frozen == null;
    }

    @Nullable
    AshlarException lastFailure() {
        return lastFailure;
    }
}
