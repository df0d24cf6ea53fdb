package io.ashlar.client;

import io.ashlar.client.map.BlockMap;
import io.ashlar.client.map.MapExtent;

import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import java.util.function.Function;

/**
 * Collects what a range of a volume consists of, window by window, so that memory is bounded however
 * long the range is. Lives on the volume's loop.
 *
 * @param <K> the kinds of parts that are told apart
 */
final class ExtentList<K> {
    private static final long WINDOW_BYTES = (16L << 10) * Volume.BLOCK_BYTES;

    private final BlockMap map;
    private final long endOffset;
    private final int maxExtents;
    private final Function<MapExtent, K> kindOf;
    private final List<Part<K>> extents = new ArrayList<>();
    private long nextOffset;

    ExtentList(
            BlockMap map,
            long offset,
            long lengthBytes,
            int maxExtents,
            Function<MapExtent, K> kindOf) {
        this.map = map;
        this.kindOf = kindOf;
        this.nextOffset = offset;
        this.endOffset = offset + lengthBytes;
        this.maxExtents = maxExtents;
    }

    /** A part of the range, in bytes, that is all of a kind. */
    record Part<K>(long offset, long lengthBytes, K kind) {}

    CompletableFuture<List<Part<K>>> collect() {
        CompletableFuture<List<Part<K>>> collected = new CompletableFuture<>();
        goOn(collected);
        return collected;
    }

    /** A loop where the map is in memory: a range may have many windows. */
    private void goOn(CompletableFuture<List<Part<K>>> collected) {
        while (nextOffset < endOffset && extents.size() <= maxExtents) {
            long windowEnd =
                    Math.min(endOffset, nextOffset - nextOffset % WINDOW_BYTES + WINDOW_BYTES);
            long first = nextOffset / Volume.BLOCK_BYTES;
            long end = Math.ceilDiv(windowEnd, Volume.BLOCK_BYTES);
            CompletableFuture<List<MapExtent>> window = map.lookUp(first, end - first);
            if (!window.isDone() || window.isCompletedExceptionally()) {
                var _ = window.whenComplete((found, failure) -> {
                    if (failure != null) {
                        collected.completeExceptionally(failure);
                        return;
                    }
                    try {
                        found.forEach(extent -> add(extent, windowEnd));
                        goOn(collected);
                    } catch (RuntimeException e) {
                        collected.completeExceptionally(e);
                    }
                });
                return;
            }
            window.join().forEach(extent -> add(extent, windowEnd));
        }
        collected.complete(List.copyOf(extents.subList(0, Math.min(extents.size(), maxExtents))));
    }

    private void add(MapExtent extent, long windowEnd) {
        K kind = kindOf.apply(extent);
        long end = Math.min(windowEnd, extent.endBlock() * Volume.BLOCK_BYTES);
        long from = nextOffset;
        if (!extents.isEmpty() && extents.getLast().kind().equals(kind)) {
            from = extents.removeLast().offset();
        }
        extents.add(new Part<>(from, end - from, kind));
        nextOffset = end;
    }
}
