package io.ashlar.bench.map;

import io.ashlar.client.format.CellFormat;
import io.ashlar.client.log.LogSegment;
import io.ashlar.client.map.BlockMap;
import io.ashlar.client.map.MapLimits;
import io.ashlar.client.map.MapStats;
import io.ashlar.client.model.Extent;
import io.ashlar.client.model.LogPosition;
import io.ashlar.client.model.SegmentId;
import io.ashlar.client.model.Stripe;
import io.ashlar.client.model.VolumeId;
import io.ashlar.client.stripe.StripeRef;

import java.io.IOException;
import java.lang.foreign.MemorySegment;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.SplittableRandom;
import java.util.concurrent.CompletableFuture;
import java.util.function.Consumer;

/**
 * Random 4 KiB writes, 32 to a stripe as at queue depth 32, told to a map whose pages go to a file.
 * At every power of ten from a million on, and at the end, it is checkpointed, opened again and
 * looked into.
 */
public final class MapMeasurement {
    private static final int STRIPE_BLOCKS = 32;
    private static final int SHARD_BYTES = 64 << 20;
    private static final int TASKS_PER_STRIPE = 8;
    private static final int LOOKUPS = 50_000;
    private static final long SEED = 1;

    /** Bytes that a block written at random takes in a table: what a tree's batch is made of. */
    private static final int TABLE_ENTRY_BYTES = 35;

    private final long blockCount;
    private final long tailStripes;
    private final DirectLoop loop = new DirectLoop();
    private final FileMapStore store;
    private final SplittableRandom random = new SplittableRandom(SEED);
    private final Stripe.Geometry geometry = new Stripe.Geometry(
            FileMapStore.POLICY,
            FileMapStore.POLICY.k(),
            4096,
            STRIPE_BLOCKS / FileMapStore.POLICY.k() * Stripe.PIECE_BYTES);
    private BlockMap map;
    private LogSegment segment;
    private long number;
    private long mostMemoryBytes;
    private long replayed;

    private MapMeasurement(long blockCount, long tailStripes, Path directory) throws IOException {
        this.blockCount = blockCount;
        this.tailStripes = tailStripes;
        this.store = new FileMapStore(directory, blockCount);
        this.segment = store.newSegment();
        this.map = open();
    }

    /**
     * What was found after so many writes.
     *
     * @param runBytesPerWrite map written, directories and roots included, per 4 KiB write
     * @param treeBytesPerWrite what a tree of pages would have written
     * @param mostMemoryBytes accounted at any time so far
     * @param heapBytes of the process after a collection, segments included
     * @param replayMillis that opening takes with a tail behind the root: decoding its headers and
     *     installing what they say; fetching them is not in it
     * @param pagesPerLookup pages read for a block looked up at random, the cache being warm
     * @param entryBytes of the runs, per entry
     */
    public record Figures(
            long writes,
            double runBytesPerWrite,
            double treeBytesPerWrite,
            long mostMemoryBytes,
            long heapBytes,
            double openMillis,
            double replayMillis,
            double pagesPerLookup,
            int runCount,
            double entryBytes,
            long fileBytes,
            double nanosPerWrite) {}

    /**
     * Measures a volume of so many blocks.
     *
     * @param tailStripes behind the root when the map is opened, of 32 random blocks each
     */
    public static List<Figures> measure(
            long blockCount,
            long writes,
            long tailStripes,
            Path directory,
            Consumer<Figures> progress)
            throws IOException {
        MapMeasurement measurement = new MapMeasurement(blockCount, tailStripes, directory);
        try {
            return measurement.run(writes, progress);
        } finally {
            measurement.store.close();
        }
    }

    private BlockMap open() {
        return await(BlockMap.open(loop, store, MapLimits.DEFAULT, store.root()));
    }

    private <T> T await(CompletableFuture<T> future) {
        loop.runUntil(future::isDone);
        return future.join();
    }

    private List<Figures> run(long writes, Consumer<Figures> progress) {
        int leafEntries = 4096 / 14;
        int batchEntries = Math.toIntExact(2 * MapLimits.DEFAULT.tableBytes() / TABLE_ENTRY_BYTES);
        PageTree tree = new PageTree(blockCount, leafEntries, batchEntries);
        List<Figures> all = new ArrayList<>();
        long next = Math.min(1_000_000, writes);
        long nanos = 0;
        long from = System.nanoTime();
        long[] blocks = new long[STRIPE_BLOCKS];
        for (long done = 0; done < writes; ) {
            fillRandomly(blocks);
            write(blocks);
            done += STRIPE_BLOCKS;
            if (done >= next || done % (1 << 20) == 0) {
                nanos += System.nanoTime() - from;
                store.free(map.references());
                if (done >= next) {
                    Figures figures = look(done, tree, (double) nanos / done);
                    all.add(figures);
                    progress.accept(figures);
                    replayed += tailStripes * STRIPE_BLOCKS;
                    next = Math.min(next * 10, writes);
                }
                from = System.nanoTime();
            }
            for (long block : blocks) {
                tree.write(block);
            }
        }
        return all;
    }

    private void write(long[] blocks) {
        install(nextStripe(blocks));
        loop.run(TASKS_PER_STRIPE);
        if (number % 64 == 0) {
            mostMemoryBytes = Math.max(mostMemoryBytes, map.stats().memoryBytes());
        }
    }

    private void install(Stripe stripe) {
        map.install(StripeRef.of(segment, stripe), stripe);
        if (!map.hasRoom()) {
            await(map.whenRoom());
        }
    }

    private Stripe nextStripe(long[] blocks) {
        List<Extent> extents = new ArrayList<>(STRIPE_BLOCKS);
        int[] crcs = new int[STRIPE_BLOCKS];
        for (int i = 0; i < STRIPE_BLOCKS; i++) {
            crcs[i] = random.nextInt();
            extents.add(
                    new Extent(blocks[i], 1, i * 4096, 4096, Extent.Kind.DATA, Extent.Codec.RAW));
        }
        if ((number + 1) * geometry.recordBytes() > SHARD_BYTES) {
            segment = store.newSegment();
            number = 0;
        }
        Stripe stripe = new Stripe(
                Stripe.Type.DATA,
                new Stripe.Identity(
                        new VolumeId(1, 1),
                        segment.id(),
                        number,
                        number * geometry.recordBytes(),
                        1),
                new Stripe.Links(SegmentId.NONE, 0, LogPosition.START, 0),
                geometry,
                extents,
                crcs,
                new int[geometry.participants() * geometry.piecesPerCell()]);
        number++;
        return stripe;
    }

    /**
     * Opens the map and installs what the headers of a tail say, each read from as many shards as a
     * replay asks. The map goes on with it.
     */
    private double replayMillis() {
        long nanos = 0;
        long from = System.nanoTime();
        map = open();
        nanos += System.nanoTime() - from;
        MemorySegment header = MemorySegment.ofArray(new byte[geometry.headerBytes()]);
        long[] blocks = new long[STRIPE_BLOCKS];
        for (long i = 0; i < tailStripes; i++) {
            fillRandomly(blocks);
            CellFormat.write(nextStripe(blocks), 0, header);
            from = System.nanoTime();
            CellFormat.Cell cell = null;
            for (int shard = 0; shard < geometry.policy().k(); shard++) {
                cell = CellFormat.read(header);
            }
            if (cell == null) {
                throw new IllegalStateException("a header is not what was written");
            }
            install(cell.stripe());
            nanos += System.nanoTime() - from;
        }
        return nanos / 1e6;
    }

    private void fillRandomly(long[] blocks) {
        for (int i = 0; i < blocks.length; i++) {
            blocks[i] = random.nextLong(blockCount);
        }
    }

    private Figures look(long done, PageTree tree, double nanosPerWrite) {
        await(map.checkpoint());
        loop.runUntil(map::isIdle);
        store.free(map.references());
        double openMillis = openMillis();
        for (int i = 0; i < LOOKUPS; i++) {
            await(map.lookUp(random.nextLong(blockCount), 1));
        }
        long before = map.stats().pagesRead();
        for (int i = 0; i < LOOKUPS; i++) {
            await(map.lookUp(random.nextLong(blockCount), 1));
        }
        MapStats stats = map.stats();
        double pagesPerLookup = (double) (stats.pagesRead() - before) / LOOKUPS;
        mostMemoryBytes = Math.max(mostMemoryBytes, stats.memoryBytes());
        long writtenBytes = store.writtenBytes();
        double entryBytes = 4096.0 * stats.runPages() / stats.entryCount();
        double replayMillis = replayMillis();
        return new Figures(
                done,
                (double) writtenBytes / (done + replayed),
                4096.0 * tree.pagesWritten() / done,
                mostMemoryBytes,
                heapBytes(),
                openMillis,
                replayMillis,
                pagesPerLookup,
                stats.runCount(),
                entryBytes,
                store.fileBytes(),
                nanosPerWrite);
    }

    /** The median of several. */
    private double openMillis() {
        double[] millis = new double[9];
        for (int i = 0; i < millis.length; i++) {
            long from = System.nanoTime();
            BlockMap opened = open();
            millis[i] = (System.nanoTime() - from) / 1e6;
            if (!opened.root().equals(map.root())) {
                throw new IllegalStateException("another root was opened");
            }
        }
        Arrays.sort(millis);
        return millis[millis.length / 2];
    }

    private static long heapBytes() {
        System.gc();
        return Runtime.getRuntime().totalMemory() - Runtime.getRuntime().freeMemory();
    }
}
