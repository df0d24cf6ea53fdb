package io.ashlar.client.map;

import io.ashlar.client.format.MapPageFormat;

import org.jspecify.annotations.Nullable;

import java.util.ArrayList;
import java.util.Arrays;
import java.util.HashMap;
import java.util.Iterator;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.concurrent.CompletableFuture;
import java.util.function.LongSupplier;

/**
 * Pages of runs that were read, up to a number of bytes; the least recently used go first. Index
 * pages have precedence: they lose their place to data pages only while they take more than three
 * quarters, because an index page is worth as much as the hundreds of data pages it leads to. A page
 * that is being read is read once, however many ask for it; one that could not be read is read
 * anew for the next who asks.
 */
final class PageCache {
    /** A page with what the maps keep of it. */
    static final int PAGE_MEMORY_BYTES = MapPageFormat.PAGE_BYTES + 16 + 96;

    private static final int MAX_READ_PAGES = 16;

    private final MapStore store;
    private final Map<Key, byte[]> dataPages = new LinkedHashMap<>(64, 0.75f, true);
    private final Map<Key, byte[]> indexPages = new LinkedHashMap<>(64, 0.75f, true);
    private final Map<Key, CompletableFuture<byte[]>> underWay = new HashMap<>();
    private final LongSupplier limitBytes;
    private long pagesRead;

    PageCache(MapStore store, LongSupplier limitBytes) {
        this.store = store;
        this.limitBytes = limitBytes;
    }

    /** A page; runs are compared by identity. */
    record Key(Run run, int page) {}

    /** The page, if it is there. */
    byte @Nullable [] get(Key key, boolean index) {
        return (index ? indexPages : dataPages).get(key);
    }

    /** Reads pages of a run one behind another; those that are there cost nothing. */
    List<CompletableFuture<byte[]>> read(Run run, int firstPage, int[] crcs, boolean index) {
        List<CompletableFuture<byte[]>> pages = new ArrayList<>(crcs.length);
        int at = 0;
        while (at < crcs.length) {
            CompletableFuture<byte[]> known = known(new Key(run, firstPage + at), index);
            if (known != null) {
                pages.add(known);
                at++;
                continue;
            }
            int most = Math.min(
                    Math.min(MAX_READ_PAGES, crcs.length - at),
                    run.pagesToBatchEnd(firstPage + at));
            int count = 1;
            while (count < most && known(new Key(run, firstPage + at + count), index) == null) {
                count++;
            }
            int[] some = Arrays.copyOfRange(crcs, at, at + count);
            pages.addAll(fetch(run, firstPage + at, some, index));
            at += count;
        }
        return pages;
    }

    private @Nullable CompletableFuture<byte[]> known(Key key, boolean index) {
        byte[] page = get(key, index);
        return page != null ? CompletableFuture.completedFuture(page) : underWay.get(key);
    }

    private List<CompletableFuture<byte[]>> fetch(
            Run run, int firstPage, int[] crcs, boolean index) {
        List<CompletableFuture<byte[]>> asked = new ArrayList<>(crcs.length);
        for (int i = 0; i < crcs.length; i++) {
            CompletableFuture<byte[]> page = new CompletableFuture<>();
            underWay.put(new Key(run, firstPage + i), page);
            asked.add(page);
        }
        pagesRead += crcs.length;
        var _ = PageReads.checked(store, run.place(firstPage), crcs)
                .whenComplete((buffer, failure) -> {
                    for (int i = 0; i < crcs.length; i++) {
                        Key key = new Key(run, firstPage + i);
                        underWay.remove(key);
                        if (failure == null) {
                            byte[] page = PageReads.page(buffer, i);
                            keep(key, page, index);
                            asked.get(i).complete(page);
                        } else {
                            asked.get(i).completeExceptionally(failure);
                        }
                    }
                    if (failure == null) {
                        buffer.release();
                    }
                });
        return asked;
    }

    private void keep(Key key, byte[] page, boolean index) {
        (index ? indexPages : dataPages).put(key, page);
        evict();
    }

    /** Gives up what is beyond the limit as it is now. */
    void evict() {
        long limit = limitBytes.getAsLong();
        while (memoryBytes() > limit) {
            long indexBytes = (long) indexPages.size() * PAGE_MEMORY_BYTES;
            boolean fromIndex = dataPages.isEmpty() || indexBytes > limit / 4 * 3;
            Iterator<Key> eldest = (fromIndex ? indexPages : dataPages).keySet().iterator();
            eldest.next();
            eldest.remove();
        }
    }

    /** Gives up the pages of a run that is not looked into any more. */
    void forget(Run run) {
        indexPages.keySet().removeIf(key -> key.run == run);
        dataPages.keySet().removeIf(key -> key.run == run);
    }

    long memoryBytes() {
        return (long) (indexPages.size() + dataPages.size()) * PAGE_MEMORY_BYTES;
    }

    long pagesRead() {
        return pagesRead;
    }
}
