package io.ashlar.client.map;

import io.ashlar.client.AshlarException;
import io.ashlar.client.format.MapEntry;
import io.ashlar.client.format.MapPageFormat;
import io.ashlar.client.format.RunDirectory;
import io.ashlar.client.format.RunDirectoryFormat;
import io.ashlar.client.log.LogSegment;
import io.ashlar.client.model.MapRoot;
import io.ashlar.client.model.Stripe;
import io.ashlar.client.stripe.StripeRef;

import java.lang.foreign.MemorySegment;
import java.util.Arrays;
import java.util.List;
import java.util.Set;
import java.util.concurrent.CompletableFuture;

/** A run of a map: its directory, in memory, and thereby where each of its pages lies. Immutable. */
final class Run implements StripeNames {
    private static final long OBJECT_BYTES = 256;

    private final RunDirectory directory;
    private final LogSegment[] segments;
    private final List<MapRoot.Pages> directoryPages;

    Run(RunDirectory directory, LogSegment[] segments, List<MapRoot.Pages> directoryPages) {
        this.directory = directory;
        this.segments = segments;
        this.directoryPages = directoryPages;
    }

    /** Reads the directory that a root tells of. */
    static CompletableFuture<Run> open(MapStore store, MapRoot.Run root) {
        List<MapRoot.Pages> groups = root.directory();
        int pageCount = groups.stream().mapToInt(group -> group.crcs().size()).sum();
        byte[] bytes = new byte[pageCount * MapPageFormat.PAGE_BYTES];
        CompletableFuture<Void> read = CompletableFuture.completedFuture(null);
        int at = 0;
        for (MapRoot.Pages group : groups) {
            int start = at;
            read = read.thenCompose(ignored -> readGroup(store, group, bytes, start));
            at += group.crcs().size() * MapPageFormat.PAGE_BYTES;
        }
        return read.thenCompose(ignored -> {
            try {
                RunDirectory directory = RunDirectoryFormat.read(bytes);
                if (directory.pageCount() != root.pageCount()
                        || directory.entryCount() != root.entryCount()) {
                    throw new AshlarException.Corrupt("the map's root names a run of "
                            + root.pageCount() + " pages, its directory one of "
                            + directory.pageCount() + "; open the volume from an older root");
                }
                LogSegment[] segments = new LogSegment[directory.segments().size()];
                for (int i = 0; i < segments.length; i++) {
                    segments[i] = store.segment(directory.segments().get(i));
                }
                return CompletableFuture.completedFuture(
                        new Run(directory, segments, root.directory()));
            } catch (AshlarException e) {
                return CompletableFuture.failedFuture(e);
            }
        });
    }

    private static CompletableFuture<Void> readGroup(
            MapStore store, MapRoot.Pages group, byte[] target, int at) {
        StripeRef stripe;
        try {
            stripe = stripe(store, group);
        } catch (AshlarException e) {
            return CompletableFuture.failedFuture(e);
        }
        int[] crcs = group.crcs().stream().mapToInt(Integer::intValue).toArray();
        return PageReads.checked(store, new PagePlace(stripe, group.firstPiece()), crcs)
                .thenAccept(buffer -> {
                    MemorySegment.copy(
                            buffer.segment(),
                            0,
                            MemorySegment.ofArray(target),
                            at,
                            buffer.sizeBytes());
                    buffer.release();
                });
    }

    private static StripeRef stripe(MapStore store, MapRoot.Pages group) throws AshlarException {
        return new StripeRef(
                store.segment(group.segment()),
                group.stripeNumber(),
                group.stripeOffset(),
                group.geometry());
    }

    /** Adds the stripes that its pages lie in. */
    void addStripes(MapStore store, Set<StripeRef> stripes) throws AshlarException {
        for (int page = 0; page < pageCount(); page += directory.batchPages()) {
            stripes.add(place(page).stripe());
        }
        for (MapRoot.Pages group : directoryPages) {
            stripes.add(stripe(store, group));
        }
    }

    RunDirectory.Fences fences() {
        return directory.fences();
    }

    int pageCount() {
        return directory.pageCount();
    }

    long entryCount() {
        return directory.entryCount();
    }

    long lostBlocks() {
        return directory.lostBlocks();
    }

    long memoryBytes() {
        return OBJECT_BYTES
                + 36L * segments.length
                + 56L * directory.geometries().size()
                + 28L * directory.batches().count()
                + 16L * directory.fences().count()
                + 120L * directoryPages.size();
    }

    /** Pages from this one that lie one behind another. */
    int pagesToBatchEnd(int page) {
        return directory.batchPages() - page % directory.batchPages();
    }

    PagePlace place(int page) {
        RunDirectory.Batches batches = directory.batches();
        int batch = page / directory.batchPages();
        StripeRef stripe = new StripeRef(
                segments[batches.segmentIndexes()[batch]],
                batches.stripeNumbers()[batch],
                batches.stripeOffsets()[batch],
                directory.geometries().get(batches.geometryIndexes()[batch]));
        return new PagePlace(stripe, batches.firstPieces()[batch] + page % directory.batchPages());
    }

    /** The last index page that begins at or before the block; 0 where all begin behind it. */
    int fence(long block) {
        int found = Arrays.binarySearch(directory.fences().firstBlocks(), block);
        return found >= 0 ? found : Math.max(0, -found - 2);
    }

    @Override
    public LogSegment segment(int index) {
        return segments[index];
    }

    @Override
    public Stripe.Geometry geometry(int index) {
        return directory.geometries().get(index);
    }

    /** Holds an entry of one of the run's pages to the run's tables. */
    void check(MapEntry entry) throws AshlarException.Corrupt {
        if (entry.kind != MapEntry.Kind.STORED) {
            return;
        }
        boolean named = entry.segmentIndex < segments.length
                && entry.geometryIndex < directory.geometries().size();
        if (named) {
            Stripe.Geometry geometry = geometry(entry.geometryIndex);
            long pieces = (long) geometry.d() * geometry.piecesPerCell();
            named = entry.firstPiece + entry.blockCount <= pieces;
        }
        if (!named) {
            throw new AshlarException.Corrupt("the map says that block " + entry.firstBlock
                    + " lies at piece " + entry.firstPiece + " of a stripe of geometry "
                    + entry.geometryIndex + " in segment " + entry.segmentIndex
                    + ", which its run does not have; restore the volume from a backup");
        }
    }

    /** Adds what the run refers to. */
    void countReferences(SegmentReferences.Counter counter) {
        for (int i = 0; i < segments.length; i++) {
            counter.addBlocks(segments[i].id(), directory.segmentBlocks()[i]);
        }
        RunDirectory.Batches batches = directory.batches();
        for (int i = 0; i < batches.count(); i++) {
            int pages = Math.min(directory.batchPages(), pageCount() - i * directory.batchPages());
            counter.addPages(segments[batches.segmentIndexes()[i]].id(), pages);
        }
        for (MapRoot.Pages pages : directoryPages) {
            counter.addPages(pages.segment(), pages.crcs().size());
        }
    }

    MapRoot.Run root(int level, boolean full) {
        return new MapRoot.Run(level, full, entryCount(), pageCount(), directoryPages);
    }
}
