package io.ashlar.client.map;

import io.ashlar.client.transport.Loop;

import java.util.List;
import java.util.concurrent.CompletableFuture;

/**
 * Counts the blocks that read as errors by a list of runs. Each run knows how many it has, but not
 * which of them newer runs hide; so where any has some, the list is looked through. A commit waits
 * for that, and it is given a bounded time: of what it did not come to, or could not read, as many
 * blocks are counted as the runs leave possible. Lives on its loop.
 */
final class LossCount {
    static final long MAX_NANOS = 2_000_000_000L;

    private final Loop loop;
    private final PageCache cache;
    private final List<Run> runs;
    private final long blockCount;

    /** Lost blocks of all runs, hidden or not. */
    private final long possible;

    private final CompletableFuture<Long> counted = new CompletableFuture<>();
    private long at;
    private long found;

    /**
     * @param runs newest first
     */
    LossCount(Loop loop, PageCache cache, List<Run> runs, long blockCount) {
        this.loop = loop;
        this.cache = cache;
        this.runs = runs;
        this.blockCount = blockCount;
        this.possible = runs.stream().mapToLong(Run::lostBlocks).sum();
    }

    /** Never fails. */
    CompletableFuture<Long> run() {
        if (possible == 0) {
            return CompletableFuture.completedFuture(0L);
        }
        Loop.Timer deadline = loop.schedule(MAX_NANOS, this::finish);
        goOn();
        return counted.whenComplete((ignored, failure) -> deadline.cancel());
    }

    private void goOn() {
        if (counted.isDone()) {
            return;
        }
        if (at == blockCount) {
            finish();
            return;
        }
        long end = Math.min(blockCount, at + BlockMap.WINDOW_BLOCKS);
        var _ = new Lookup(cache, List.of(), runs, at, end)
                .run()
                .whenComplete((extents, failure) -> {
                    if (failure != null) {
                        finish();
                    } else if (!counted.isDone()) {
                        found += lostIn(extents);
                        at = end;
                        loop.execute(this::goOn);
                    }
                });
    }

    private static long lostIn(List<MapExtent> extents) {
        return extents.stream()
                .filter(MapExtent.Lost.class::isInstance)
                .mapToLong(MapExtent::blockCount)
                .sum();
    }

    /** What was found is in the runs too: so many are left for the rest. */
    private void finish() {
        counted.complete(Math.min(found + blockCount - at, possible));
    }
}
