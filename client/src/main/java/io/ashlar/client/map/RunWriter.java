package io.ashlar.client.map;

import io.ashlar.client.AshlarException;
import io.ashlar.client.format.MapEntry;
import io.ashlar.client.format.MapPageFormat;
import io.ashlar.client.format.RunDirectory;
import io.ashlar.client.format.RunDirectoryFormat;
import io.ashlar.client.format.RunIndexFormat;
import io.ashlar.client.log.LogSegment;
import io.ashlar.client.model.MapRoot;
import io.ashlar.client.model.SegmentId;
import io.ashlar.client.model.Stripe;
import io.ashlar.client.stripe.StripeRef;
import io.ashlar.client.transport.Buffer;
import io.ashlar.ec.Crc32c;

import org.jspecify.annotations.Nullable;

import java.lang.foreign.MemorySegment;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.concurrent.CompletableFuture;

/**
 * Writes a run: entries in the order of their blocks go into data pages, those into batches that are
 * appended, up to two at a time, and in the end the directory. Entries that continue each other are
 * joined.
 */
final class RunWriter {
    private static final int APPENDS_IN_FLIGHT = 2;
    private static final int MAX_JOINED_BLOCKS = 4096;
    private static final int BATCH_BYTES = MapStore.MAX_PAGES * MapPageFormat.PAGE_BYTES;

    /** The batches in flight and the one at hand. */
    static final int MAX_BYTES = (APPENDS_IN_FLIGHT + 1) * BATCH_BYTES;

    private final MapStore store;
    private final Runnable progressed;
    private final MapPageFormat.Writer page = new MapPageFormat.Writer();
    private final RunIndexFormat.Writer index = new RunIndexFormat.Writer();
    private final List<byte[]> batch = new ArrayList<>();
    private final List<@Nullable PagePlace> places = new ArrayList<>();
    private final MapEntry pending = new MapEntry();

    private final Map<SegmentId, Integer> segmentIndexes = new HashMap<>();
    private final List<LogSegment> segments = new ArrayList<>();
    private long[] segmentBlocks = new long[16];
    private final Map<Stripe.Geometry, Integer> geometryIndexes = new HashMap<>();
    private final List<Stripe.Geometry> geometries = new ArrayList<>();
    private final List<Translation> translations = new ArrayList<>();

    private final List<MapRoot.Pages> directoryPages = new ArrayList<>();
    private final List<Long> fenceBlocks = new ArrayList<>();
    private final List<Integer> fencePages = new ArrayList<>();
    private final List<Integer> fenceCrcs = new ArrayList<>();
    private long entryCount;
    private long lostBlocks;
    private int pageCount;
    private int inFlight;
    private @Nullable AshlarException failure;

    /**
     * A writer.
     *
     * @param progressed run whenever {@link #isBlocked} may have changed
     */
    RunWriter(MapStore store, Runnable progressed) {
        this.store = store;
        this.progressed = progressed;
    }

    /** From a source's numbers of segments and geometries to this run's; -1 where not yet known. */
    private static final class Translation {
        int[] segments = new int[0];
        int[] geometries = new int[0];
    }

    /** Whether to wait before the next {@link #add}. */
    boolean isBlocked() {
        return inFlight >= APPENDS_IN_FLIGHT;
    }

    int pageCount() {
        return pageCount;
    }

    /** What the directory takes while it grows. */
    long directoryBytes() {
        return 72L * places.size() + 60L * fencePages.size() + 80L * segments.size();
    }

    /** What an append failed with. */
    @Nullable
    AshlarException failure() {
        return failure;
    }

    /**
     * Adds the first blocks of a source's entry, which lie behind all added before.
     *
     * @param sourceNumber numbers the sources from 0
     */
    void add(EntryCursor source, int sourceNumber, long blockCount) {
        MapEntry entry = source.entry();
        int segment = 0;
        int geometry = 0;
        if (entry.kind == MapEntry.Kind.STORED) {
            segment = segmentIndex(source, sourceNumber, entry.segmentIndex);
            geometry = geometryIndex(source, sourceNumber, entry.geometryIndex);
            segmentBlocks[segment] += blockCount;
        } else if (entry.kind == MapEntry.Kind.LOST) {
            lostBlocks += blockCount;
        }
        if (!continues(entry, segment, geometry, blockCount)) {
            writePending();
            pending.kind = entry.kind;
            pending.firstBlock = entry.firstBlock;
            pending.blockCount = 0;
            pending.segmentIndex = segment;
            pending.geometryIndex = geometry;
            pending.stripeNumber = entry.stripeNumber;
            pending.stripeOffset = entry.stripeOffset;
            pending.firstPiece = entry.firstPiece;
            pending.crcAt = 0;
        }
        if (entry.kind == MapEntry.Kind.STORED) {
            int had = (int) pending.blockCount;
            int all = had + (int) blockCount;
            if (pending.crcs.length < all) {
                pending.crcs = Arrays.copyOf(pending.crcs, Math.max(all, 2 * had));
            }
            System.arraycopy(entry.crcs, entry.crcAt, pending.crcs, had, (int) blockCount);
        }
        pending.blockCount += blockCount;
    }

    private boolean continues(MapEntry entry, int segment, int geometry, long blockCount) {
        if (pending.blockCount == 0
                || pending.kind != entry.kind
                || pending.endBlock() != entry.firstBlock) {
            return false;
        }
        return entry.kind != MapEntry.Kind.STORED
                || (pending.stripeOffset == entry.stripeOffset
                        && pending.stripeNumber == entry.stripeNumber
                        && pending.segmentIndex == segment
                        && pending.geometryIndex == geometry
                        && pending.firstPiece + pending.blockCount == entry.firstPiece
                        && pending.blockCount + blockCount <= MAX_JOINED_BLOCKS);
    }

    private Translation translation(int sourceNumber) {
        while (translations.size() <= sourceNumber) {
            translations.add(new Translation());
        }
        return translations.get(sourceNumber);
    }

    private int segmentIndex(EntryCursor source, int sourceNumber, int index) {
        Translation translation = translation(sourceNumber);
        translation.segments = grown(translation.segments, index);
        int known = translation.segments[index];
        if (known < 0) {
            known = indexOf(source.segment(index));
            translation.segments[index] = known;
        }
        return known;
    }

    private int geometryIndex(EntryCursor source, int sourceNumber, int index) {
        Translation translation = translation(sourceNumber);
        translation.geometries = grown(translation.geometries, index);
        int known = translation.geometries[index];
        if (known < 0) {
            known = indexOf(source.geometry(index));
            translation.geometries[index] = known;
        }
        return known;
    }

    private static int[] grown(int[] table, int index) {
        if (index < table.length) {
            return table;
        }
        int[] larger = Arrays.copyOf(table, Math.max(16, 2 * index));
        Arrays.fill(larger, table.length, larger.length, -1);
        return larger;
    }

    private int indexOf(LogSegment segment) {
        return segmentIndexes.computeIfAbsent(segment.id(), added -> {
            segments.add(segment);
            if (segments.size() > segmentBlocks.length) {
                segmentBlocks = Arrays.copyOf(segmentBlocks, 2 * segmentBlocks.length);
            }
            return segments.size() - 1;
        });
    }

    private int indexOf(Stripe.Geometry geometry) {
        return geometryIndexes.computeIfAbsent(geometry, added -> {
            geometries.add(added);
            return geometries.size() - 1;
        });
    }

    private void writePending() {
        while (pending.blockCount > 0) {
            int added = page.add(pending);
            if (added == 0) {
                finishPage();
                continue;
            }
            entryCount++;
            if (pending.kind == MapEntry.Kind.STORED && added < pending.blockCount) {
                pending.trimTo(pending.firstBlock + added);
            } else {
                pending.blockCount = 0;
            }
        }
    }

    private void finishPage() {
        long first = page.firstBlock();
        if (index.isFullFor(first)) {
            finishIndexPage();
        }
        byte[] done = page.finish();
        index.add(first, Crc32c.of(done));
        addPage(done);
    }

    private void finishIndexPage() {
        long first = index.firstBlock();
        byte[] done = index.finish();
        fenceBlocks.add(first);
        fencePages.add(pageCount);
        fenceCrcs.add(Crc32c.of(done));
        addPage(done);
    }

    private void addPage(byte[] done) {
        batch.add(done);
        pageCount++;
        if (batch.size() == MapStore.MAX_PAGES) {
            appendBatch();
        }
    }

    private void appendBatch() {
        int number = places.size();
        places.add(null);
        inFlight++;
        var _ = store.append(takeBatch()).whenComplete((place, failed) -> {
            inFlight--;
            if (failed == null) {
                places.set(number, place);
            } else {
                failure = failure == null ? AshlarException.in(failed) : failure;
            }
            progressed.run();
        });
    }

    private Buffer takeBatch() {
        Buffer buffer = Buffer.allocate(batch.size() * MapPageFormat.PAGE_BYTES);
        for (int i = 0; i < batch.size(); i++) {
            MemorySegment.copy(
                    MemorySegment.ofArray(batch.get(i)),
                    0,
                    buffer.segment(),
                    (long) i * MapPageFormat.PAGE_BYTES,
                    MapPageFormat.PAGE_BYTES);
        }
        batch.clear();
        return buffer;
    }

    /** Ends the pages; to be followed, once nothing is in flight, by {@link #finish}. */
    void endPages() {
        writePending();
        if (!page.isEmpty()) {
            finishPage();
        }
        if (index.count() > 0) {
            finishIndexPage();
        }
        if (!batch.isEmpty()) {
            appendBatch();
        }
    }

    boolean isIdle() {
        return inFlight == 0;
    }

    /** Writes the directory; nothing where no entry was added. */
    CompletableFuture<@Nullable Run> finish() {
        if (entryCount == 0) {
            return CompletableFuture.completedFuture(null);
        }
        RunDirectory directory = directory();
        byte[] bytes = RunDirectoryFormat.write(directory);
        CompletableFuture<Void> written = CompletableFuture.completedFuture(null);
        for (int at = 0; at < bytes.length; at += BATCH_BYTES) {
            byte[] part = Arrays.copyOfRange(bytes, at, Math.min(bytes.length, at + BATCH_BYTES));
            written = written.thenCompose(ignored -> appendDirectory(part));
        }
        return written.thenApply(
                ignored -> new Run(directory, segments.toArray(LogSegment[]::new), directoryPages));
    }

    private CompletableFuture<Void> appendDirectory(byte[] part) {
        List<Integer> crcs = new ArrayList<>();
        MemorySegment bytes = MemorySegment.ofArray(part);
        for (int at = 0; at < part.length; at += MapPageFormat.PAGE_BYTES) {
            crcs.add(Crc32c.of(bytes, at, MapPageFormat.PAGE_BYTES));
        }
        Buffer buffer = Buffer.allocate(part.length);
        buffer.segment().copyFrom(bytes);
        return store.append(buffer).thenAccept(place -> {
            StripeRef stripe = place.stripe();
            directoryPages.add(new MapRoot.Pages(
                    stripe.segment().id(),
                    stripe.number(),
                    stripe.offset(),
                    stripe.geometry(),
                    place.firstPiece(),
                    crcs));
        });
    }

    private RunDirectory directory() {
        int count = places.size();
        var batches = new RunDirectory.Batches(
                new int[count], new int[count], new long[count], new long[count], new int[count]);
        for (int i = 0; i < count; i++) {
            PagePlace place = places.get(i);
            if (place == null) {
                throw new IllegalStateException("batch " + i + " of a run is not yet written");
            }
            StripeRef stripe = place.stripe();
            batches.segmentIndexes()[i] = indexOf(stripe.segment());
            batches.geometryIndexes()[i] = indexOf(stripe.geometry());
            batches.stripeNumbers()[i] = stripe.number();
            batches.stripeOffsets()[i] = stripe.offset();
            batches.firstPieces()[i] = place.firstPiece();
        }
        var fences = new RunDirectory.Fences(
                fenceBlocks.stream().mapToLong(Long::longValue).toArray(),
                fencePages.stream().mapToInt(Integer::intValue).toArray(),
                fenceCrcs.stream().mapToInt(Integer::intValue).toArray());
        return new RunDirectory(
                entryCount,
                lostBlocks,
                pageCount,
                MapStore.MAX_PAGES,
                segments.stream().map(LogSegment::id).toList(),
                Arrays.copyOf(segmentBlocks, segments.size()),
                List.copyOf(geometries),
                batches,
                fences);
    }

    /** Adds the pages that are written already. */
    void countPages(SegmentReferences.Counter counter) {
        for (PagePlace place : places) {
            if (place != null) {
                counter.addPages(place.stripe().segment().id(), MapStore.MAX_PAGES);
            }
        }
        for (MapRoot.Pages pages : directoryPages) {
            counter.addPages(pages.segment(), pages.crcs().size());
        }
    }
}
