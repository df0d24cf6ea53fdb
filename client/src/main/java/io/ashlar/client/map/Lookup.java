package io.ashlar.client.map;

import io.ashlar.client.AshlarException;
import io.ashlar.client.format.MapEntry;
import io.ashlar.client.format.MapPageFormat;
import io.ashlar.client.format.RunDirectory;
import io.ashlar.client.format.RunIndexFormat;
import io.ashlar.client.stripe.StripeRef;

import java.util.ArrayList;
import java.util.Arrays;
import java.util.Comparator;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.concurrent.CompletableFuture;

/**
 * Looks up what the map says of some blocks. What the tables know is taken down at once, because
 * they change; for what they leave open all runs are asked in parallel, first for their index
 * pages, then for their data pages, and then the newest run that knows a block decides. Where
 * everything is in memory the answer is there at once.
 */
final class Lookup {
    private final PageCache cache;
    private final List<Run> runs;
    private final List<MapExtent> found = new ArrayList<>();

    /** Blocks that the tables say nothing of. */
    private final List<Gap> gaps = new ArrayList<>();

    private final Map<PageCache.Key, byte[]> pages = new HashMap<>();

    /**
     * Takes down what the tables say.
     *
     * @param tables newest first
     * @param runs newest first
     */
    Lookup(PageCache cache, List<MemoryTable> tables, List<Run> runs, long from, long to) {
        this.cache = cache;
        this.runs = runs;
        ask(tables, 0, from, to);
    }

    private record Gap(long from, long to) {}

    private void ask(List<MemoryTable> tables, int number, long from, long to) {
        if (number == tables.size()) {
            gaps.add(new Gap(from, to));
            return;
        }
        long at = from;
        EntryCursor cursor = tables.get(number).cursor(from);
        try {
            while (cursor.next() == EntryCursor.Move.READY && cursor.entry().firstBlock < to) {
                MapEntry entry = cursor.entry();
                long first = Math.max(entry.firstBlock, at);
                if (first > at) {
                    ask(tables, number + 1, at, first);
                }
                at = Math.min(entry.endBlock(), to);
                found.add(extent(entry, first, at, cursor));
            }
        } catch (AshlarException e) {
            throw new IllegalStateException("a table in memory failed", e);
        }
        if (at < to) {
            ask(tables, number + 1, at, to);
        }
    }

    /** What the map says of every block, in order. */
    CompletableFuture<List<MapExtent>> run() {
        if (gaps.isEmpty() || runs.isEmpty()) {
            return answer();
        }
        List<CompletableFuture<Void>> waits = new ArrayList<>();
        for (Run run : runs) {
            gaps.forEach(gap -> needIndex(run, gap, waits));
        }
        return waits.isEmpty() ? readData() : all(waits).thenCompose(ignored -> readData());
    }

    private CompletableFuture<List<MapExtent>> readData() {
        List<CompletableFuture<Void>> waits = new ArrayList<>();
        for (Run run : runs) {
            gaps.forEach(gap -> needData(run, gap, waits));
        }
        return waits.isEmpty() ? answer() : all(waits).thenCompose(ignored -> answer());
    }

    private static CompletableFuture<Void> all(List<CompletableFuture<Void>> waits) {
        return waits.size() == 1
                ? waits.getFirst()
                : CompletableFuture.allOf(waits.toArray(CompletableFuture[]::new));
    }

    private void needIndex(Run run, Gap gap, List<CompletableFuture<Void>> waits) {
        RunDirectory.Fences fences = run.fences();
        int last = run.fence(gap.to - 1);
        for (int i = run.fence(gap.from); i <= last; i++) {
            need(run, fences.pages()[i], new int[] {fences.crcs()[i]}, i, waits);
        }
    }

    private void needData(Run run, Gap gap, List<CompletableFuture<Void>> waits) {
        int last = run.fence(gap.to - 1);
        for (int i = run.fence(gap.from); i <= last; i++) {
            byte[] index = page(run, run.fences().pages()[i]);
            int from = Math.max(0, RunIndexFormat.find(index, gap.from));
            int to = RunIndexFormat.find(index, gap.to - 1);
            if (from <= to) {
                int[] crcs = RunIndexFormat.crcs(index, from, to - from + 1);
                need(run, run.fences().firstDataPage(i) + from, crcs, -1, waits);
            }
        }
    }

    /** Asks for pages, of which one is the index page of a fence, or none where that is -1. */
    private void need(
            Run run, int first, int[] crcs, int fence, List<CompletableFuture<Void>> waits) {
        boolean index = fence >= 0;
        if (crcs.length == 1) {
            PageCache.Key key = new PageCache.Key(run, first);
            byte[] page = pages.containsKey(key) ? null : cache.get(key, index);
            if (page != null) {
                pages.put(key, page);
            }
            if (pages.containsKey(key)) {
                return;
            }
        }
        List<CompletableFuture<byte[]>> asked = cache.read(run, first, crcs, index);
        for (int i = 0; i < asked.size(); i++) {
            PageCache.Key key = new PageCache.Key(run, first + i);
            waits.add(asked.get(i).thenCompose(page -> {
                try {
                    if (index) {
                        checkIndex(run, page, fence);
                    }
                } catch (AshlarException.Corrupt e) {
                    return CompletableFuture.failedFuture(e);
                }
                pages.put(key, page);
                return CompletableFuture.completedFuture(null);
            }));
        }
    }

    private static void checkIndex(Run run, byte[] page, int fence) throws AshlarException.Corrupt {
        RunDirectory.Fences fences = run.fences();
        int count = RunIndexFormat.check(
                page, fences.firstBlocks()[fence], fences.dataPageCount(fence));
        if (count != fences.dataPageCount(fence)) {
            throw new AshlarException.Corrupt("an index page of the map lists " + count
                    + " pages, its directory " + fences.dataPageCount(fence));
        }
    }

    private byte[] page(Run run, int number) {
        byte[] page = pages.get(new PageCache.Key(run, number));
        if (page == null) {
            throw new IllegalStateException("page " + number + " of a run was not read");
        }
        return page;
    }

    private CompletableFuture<List<MapExtent>> answer() {
        try {
            for (Gap gap : gaps) {
                ask(0, gap.from, gap.to);
            }
        } catch (AshlarException.Corrupt e) {
            return CompletableFuture.failedFuture(e);
        }
        found.sort(Comparator.comparingLong(MapExtent::firstBlock));
        return CompletableFuture.completedFuture(found);
    }

    /** What the run of this number, and where it says nothing the older ones, say. */
    private void ask(int number, long from, long to) throws AshlarException.Corrupt {
        if (number == runs.size()) {
            found.add(new MapExtent.Zero(from, to - from));
            return;
        }
        Run run = runs.get(number);
        long at = from;
        int last = run.fence(to - 1);
        for (int i = run.fence(from); i <= last; i++) {
            byte[] index = page(run, run.fences().pages()[i]);
            int lastPage = RunIndexFormat.find(index, to - 1);
            for (int j = Math.max(0, RunIndexFormat.find(index, from)); j <= lastPage; j++) {
                byte[] page = page(run, run.fences().firstDataPage(i) + j);
                at = askPage(number, page, RunIndexFormat.firstBlock(index, j), at, to);
            }
        }
        if (at < to) {
            ask(number + 1, at, to);
        }
    }

    /** Returns the block behind the last one that the page has settled. */
    private long askPage(int number, byte[] page, long pageFirst, long from, long to)
            throws AshlarException.Corrupt {
        Run run = runs.get(number);
        MapPageFormat.Cursor cursor = new MapPageFormat.Cursor();
        cursor.open(page, pageFirst);
        MapEntry entry = cursor.entry();
        long at = from;
        while (at < to && cursor.next() && entry.firstBlock < to) {
            run.check(entry);
            if (entry.endBlock() <= at) {
                continue;
            }
            long first = Math.max(entry.firstBlock, at);
            if (first > at) {
                ask(number + 1, at, first);
            }
            at = Math.min(entry.endBlock(), to);
            found.add(extent(entry, first, at, run));
        }
        return at;
    }

    private static MapExtent extent(MapEntry entry, long from, long to, StripeNames names) {
        return switch (entry.kind) {
            case ZERO -> new MapExtent.Zero(from, to - from);
            case LOST -> new MapExtent.Lost(from, to - from);
            case STORED -> {
                int skipped = (int) (from - entry.firstBlock);
                int crcAt = entry.crcAt + skipped;
                yield new MapExtent.Stored(
                        from,
                        new StripeRef(
                                names.segment(entry.segmentIndex),
                                entry.stripeNumber,
                                entry.stripeOffset,
                                names.geometry(entry.geometryIndex)),
                        entry.firstPiece + skipped,
                        Arrays.copyOfRange(entry.crcs, crcAt, crcAt + (int) (to - from)));
            }
        };
    }
}
