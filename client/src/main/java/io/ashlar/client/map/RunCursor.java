package io.ashlar.client.map;

import io.ashlar.client.AshlarException;
import io.ashlar.client.format.MapEntry;
import io.ashlar.client.format.MapPageFormat;
import io.ashlar.client.format.RunDirectory;
import io.ashlar.client.format.RunIndexFormat;
import io.ashlar.client.log.LogSegment;
import io.ashlar.client.model.Stripe;

import org.jspecify.annotations.Nullable;

import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Deque;
import java.util.List;

/**
 * Walks over all entries of a run, past the page cache, with pages read ahead: up to two reads of 16
 * pages. Their CRCs come from the index page, of which one is held at a time.
 */
final class RunCursor implements EntryCursor {
    private static final int READ_PAGES = 16;
    private static final int READS_AHEAD = 2;

    /** Data pages read ahead, the page at hand, and the index page with the one that follows it. */
    static final int MAX_BYTES = (READ_PAGES * READS_AHEAD + 3) * MapPageFormat.PAGE_BYTES;

    private final MapStore store;
    private final Run run;
    private final Runnable arrived;
    private final MapPageFormat.Cursor entries = new MapPageFormat.Cursor();
    private final Deque<Read> reads = new ArrayDeque<>();

    /** The index page whose data pages are read next, and how many of them have been asked for. */
    private byte @Nullable [] index;

    private int nextFence;
    private int nextOfIndex;
    private boolean indexAsked;
    private boolean opened;
    private boolean closed;
    private @Nullable AshlarException failure;

    /**
     * Begins to read.
     *
     * @param arrived run whenever a wait may be over
     */
    RunCursor(MapStore store, Run run, Runnable arrived) {
        this.store = store;
        this.run = run;
        this.arrived = arrived;
        readAhead();
    }

    /** Data pages on their way, or arrived and not yet walked over. */
    private static final class Read {
        final long[] firstBlocks;

        @Nullable
        List<byte[]> pages;

        int next;

        Read(long[] firstBlocks) {
            this.firstBlocks = firstBlocks;
        }
    }

    /** What arrives from now on is dropped. */
    void close() {
        closed = true;
        reads.clear();
    }

    private void readAhead() {
        while (!closed && failure == null && reads.size() < READS_AHEAD) {
            byte[] page = index;
            if (page != null && nextOfIndex < RunIndexFormat.count(page)) {
                readData(page);
            } else if (!indexAsked && nextFence < run.fences().count()) {
                readIndex();
            } else {
                return;
            }
        }
    }

    private void readIndex() {
        RunDirectory.Fences fences = run.fences();
        int fence = nextFence;
        indexAsked = true;
        int[] crcs = {fences.crcs()[fence]};
        var _ = PageReads.checked(store, run.place(fences.pages()[fence]), crcs)
                .whenComplete((buffer, failed) -> {
                    if (failed != null) {
                        fail(AshlarException.in(failed));
                        return;
                    }
                    byte[] page = PageReads.page(buffer, 0);
                    buffer.release();
                    try {
                        int count = RunIndexFormat.check(
                                page, fences.firstBlocks()[fence], fences.dataPageCount(fence));
                        if (count != fences.dataPageCount(fence)) {
                            throw new AshlarException.Corrupt("an index page of the map lists "
                                    + count + " pages, its directory "
                                    + fences.dataPageCount(fence));
                        }
                    } catch (AshlarException.Corrupt e) {
                        fail(e);
                        return;
                    }
                    index = page;
                    nextOfIndex = 0;
                    nextFence = fence + 1;
                    indexAsked = false;
                    readAhead();
                });
    }

    private void readData(byte[] page) {
        int first = run.fences().firstDataPage(nextFence - 1) + nextOfIndex;
        int count = Math.min(
                Math.min(READ_PAGES, run.pagesToBatchEnd(first)),
                RunIndexFormat.count(page) - nextOfIndex);
        long[] firstBlocks = new long[count];
        for (int i = 0; i < count; i++) {
            firstBlocks[i] = RunIndexFormat.firstBlock(page, nextOfIndex + i);
        }
        int[] crcs = RunIndexFormat.crcs(page, nextOfIndex, count);
        nextOfIndex += count;
        Read read = new Read(firstBlocks);
        reads.add(read);
        var _ = PageReads.checked(store, run.place(first), crcs).whenComplete((buffer, failed) -> {
            if (failed != null) {
                fail(AshlarException.in(failed));
                return;
            }
            List<byte[]> pages = new ArrayList<>(count);
            for (int i = 0; i < count; i++) {
                pages.add(PageReads.page(buffer, i));
            }
            buffer.release();
            read.pages = pages;
            tell();
        });
    }

    private void fail(AshlarException cause) {
        failure = failure == null ? cause : failure;
        tell();
    }

    private void tell() {
        if (!closed) {
            arrived.run();
        }
    }

    @Override
    public Move next() throws AshlarException {
        while (true) {
            if (failure != null) {
                throw failure;
            }
            if (opened) {
                if (entries.next()) {
                    run.check(entries.entry());
                    return Move.READY;
                }
                opened = false;
            }
            Read read = reads.peek();
            if (read == null) {
                return nextFence == run.fences().count() && !indexAsked ? Move.END : Move.WAITING;
            }
            List<byte[]> pages = read.pages;
            if (pages == null) {
                return Move.WAITING;
            }
            entries.open(pages.get(read.next), read.firstBlocks[read.next]);
            opened = true;
            if (++read.next == pages.size()) {
                reads.remove();
                readAhead();
            }
        }
    }

    @Override
    public MapEntry entry() {
        return entries.entry();
    }

    @Override
    public LogSegment segment(int index) {
        return run.segment(index);
    }

    @Override
    public Stripe.Geometry geometry(int index) {
        return run.geometry(index);
    }

    @Override
    public long memoryBytes() {
        return MAX_BYTES;
    }
}
