package io.ashlar.client.map;

import io.ashlar.client.format.MapEntry;
import io.ashlar.client.log.LogSegment;
import io.ashlar.client.model.Stripe;

import org.jspecify.annotations.Nullable;

import java.util.ArrayList;
import java.util.Arrays;
import java.util.HashMap;
import java.util.IdentityHashMap;
import java.util.Iterator;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;

/**
 * The newest part of a map, in memory: disjoint ranges of blocks in order. A range of consecutive
 * blocks in consecutive pieces of one stripe is one entry, whatever is put later wins, and overlaps
 * are split.
 *
 * <p>Entries stand in chunks of up to 128, in parallel arrays of primitives: about 30 bytes each. A
 * chunk's key is a lower bound of its entries and lies above those of all chunks before it, so a
 * chunk that loses its entries (but for the first one, at 0) can go without a word to its
 * neighbours. What entries of one stripe have in common, CRCs included, stands once and goes with
 * the last of them; it is accounted in full until then.
 */
final class MemoryTable {
    private static final int CHUNK_ENTRIES = 128;
    private static final int FIRST_CHUNK_ENTRIES = 8;
    private static final int ENTRY_BYTES = 20;

    /** The chunk, its three arrays, and its node and key in the tree. */
    private static final int CHUNK_BYTES = 32 + 3 * 16 + 40 + 24;

    private static final int STRIPE_BYTES = 48;
    private static final int SEGMENT_BYTES = 96;

    private final TreeMap<Long, Chunk> chunks = new TreeMap<>();
    private final IdentityHashMap<LogSegment, TableSegment> segmentsOf = new IdentityHashMap<>();
    private final List<TableSegment> segments = new ArrayList<>();
    private final Map<Stripe.Geometry, Integer> geometryIndexes = new HashMap<>();
    private final List<Stripe.Geometry> geometries = new ArrayList<>();
    private final TableStripe zero = new TableStripe();
    private final TableStripe lost = new TableStripe();
    private long entryCount;
    private long memoryBytes;
    private long storedBlocks;

    MemoryTable() {
        addChunk(0L, new Chunk(FIRST_CHUNK_ENTRIES));
    }

    /** A segment, and how many blocks of it the table refers to. */
    static final class TableSegment {
        final LogSegment segment;
        final int index;
        long blocks;

        TableSegment(LogSegment segment, int index) {
            this.segment = segment;
            this.index = index;
        }
    }

    /** What the entries of a stripe have in common. */
    static final class TableStripe {
        private @Nullable TableSegment segment;
        private int geometryIndex;
        private long number;
        private long offset;

        /** By piece; null where the stripe has a single block, whose CRC stands here. */
        private int @Nullable [] crcs;

        private int onlyCrc;
        private long liveBlocks;

        private long memoryBytes() {
            return STRIPE_BYTES + (crcs == null ? 0 : 16 + 4L * crcs.length);
        }
    }

    private static final class Chunk {
        private long[] firsts;

        /** Blocks in the lower half, first piece in the upper; of zero and lost ranges blocks. */
        private long[] shapes;

        private TableStripe[] stripes;
        private int size;

        Chunk(int capacity) {
            firsts = new long[capacity];
            shapes = new long[capacity];
            stripes = new TableStripe[capacity];
        }

        long bytes() {
            return CHUNK_BYTES + (long) ENTRY_BYTES * firsts.length;
        }

        /** The last entry that begins at or before the block, or -1. */
        int floor(long block) {
            int low = 0;
            int high = size - 1;
            while (low <= high) {
                int middle = (low + high) >>> 1;
                if (firsts[middle] <= block) {
                    low = middle + 1;
                } else {
                    high = middle - 1;
                }
            }
            return high;
        }

        void insert(int at, long first, long shape, TableStripe stripe) {
            System.arraycopy(firsts, at, firsts, at + 1, size - at);
            System.arraycopy(shapes, at, shapes, at + 1, size - at);
            System.arraycopy(stripes, at, stripes, at + 1, size - at);
            firsts[at] = first;
            shapes[at] = shape;
            stripes[at] = stripe;
            size++;
        }

        void remove(int at, TableStripe nothing) {
            size--;
            System.arraycopy(firsts, at + 1, firsts, at, size - at);
            System.arraycopy(shapes, at + 1, shapes, at, size - at);
            System.arraycopy(stripes, at + 1, stripes, at, size - at);
            stripes[size] = nothing;
        }

        void moveTo(Chunk target, int from, int count) {
            System.arraycopy(firsts, from, target.firsts, 0, count);
            System.arraycopy(shapes, from, target.shapes, 0, count);
            System.arraycopy(stripes, from, target.stripes, 0, count);
            target.size = count;
        }
    }

    /** Bytes that the table takes, as the sizes of its objects on a 64-bit JVM add up. */
    long memoryBytes() {
        return memoryBytes;
    }

    long entryCount() {
        return entryCount;
    }

    boolean isEmpty() {
        return entryCount == 0;
    }

    long lostBlocks() {
        return lost.liveBlocks;
    }

    /** Bytes of the entries in a run, roughly. */
    long runBytes() {
        return 12 * entryCount + 4 * storedBlocks;
    }

    /** Segments that the table has referred to, with the blocks it refers to now. */
    List<TableSegment> segments() {
        return segments;
    }

    void putZero(long firstBlock, long blockCount) {
        put(zero, firstBlock, blockCount, blockCount);
    }

    void putLost(long firstBlock, long blockCount) {
        put(lost, firstBlock, blockCount, blockCount);
    }

    /** A stripe of which blocks are to be put. Takes over the CRCs, which stand by piece. */
    TableStripe stripe(
            LogSegment segment, long number, long offset, Stripe.Geometry geometry, int[] crcs) {
        TableStripe stripe = new TableStripe();
        stripe.segment = segmentsOf.computeIfAbsent(segment, added -> {
            TableSegment made = new TableSegment(added, segments.size());
            segments.add(made);
            memoryBytes += SEGMENT_BYTES;
            return made;
        });
        stripe.geometryIndex = geometryIndexes.computeIfAbsent(geometry, added -> {
            geometries.add(added);
            memoryBytes += SEGMENT_BYTES;
            return geometries.size() - 1;
        });
        stripe.number = number;
        stripe.offset = offset;
        if (crcs.length == 1) {
            stripe.onlyCrc = crcs[0];
        } else {
            stripe.crcs = crcs;
        }
        return stripe;
    }

    void putStored(TableStripe stripe, long firstBlock, int blockCount, int firstPiece) {
        put(stripe, firstBlock, blockCount, (long) firstPiece << 32 | blockCount);
    }

    private void put(TableStripe stripe, long first, long count, long shape) {
        if (first < 0 || count < 1) {
            throw new IllegalStateException("blocks " + first + "+" + count + " put into a map");
        }
        Chunk chunk = chunkOf(first).getValue();
        int before = chunk.floor(first);
        if (!isGap(chunk, before, first, first + count)) {
            carve(first, first + count);
            chunk = chunkOf(first).getValue();
            before = chunk.floor(first);
        }
        insert(chunk, before + 1, first, shape, stripe);
        refer(stripe, count);
    }

    /** Whether the blocks lie between an entry and the next one of the same chunk: the usual case. */
    private boolean isGap(Chunk chunk, int before, long first, long end) {
        return before >= 0
                && before + 1 < chunk.size
                && chunk.firsts[before + 1] >= end
                && chunk.firsts[before] + blocks(chunk.stripes[before], chunk.shapes[before])
                        <= first;
    }

    private boolean isRange(TableStripe stripe) {
        return stripe.segment == null;
    }

    private long blocks(TableStripe stripe, long shape) {
        return isRange(stripe) ? shape : shape & 0xFFFF_FFFFL;
    }

    /** The shape without its first blocks, or with fewer of them. */
    private long shape(TableStripe stripe, long shape, long skipped, long blocks) {
        return isRange(stripe) ? blocks : ((shape >>> 32) + skipped) << 32 | blocks;
    }

    private void refer(TableStripe stripe, long blocks) {
        TableSegment segment = stripe.segment;
        if (segment != null) {
            if (stripe.liveBlocks == 0) {
                memoryBytes += stripe.memoryBytes();
            }
            segment.blocks += blocks;
            storedBlocks += blocks;
        }
        stripe.liveBlocks += blocks;
    }

    private void release(TableStripe stripe, long blocks) {
        stripe.liveBlocks -= blocks;
        TableSegment segment = stripe.segment;
        if (segment != null) {
            segment.blocks -= blocks;
            storedBlocks -= blocks;
            if (stripe.liveBlocks == 0) {
                memoryBytes -= stripe.memoryBytes();
            }
        }
    }

    /** Cuts the blocks out of whatever entries hold them. */
    private void carve(long from, long to) {
        Map.Entry<Long, Chunk> place = chunkOf(from);
        Chunk chunk = place.getValue();
        int at = chunk.floor(from);
        if (at < 0) {
            Map.Entry<Long, Chunk> before = chunks.lowerEntry(place.getKey());
            if (before != null && before.getValue().size > 0) {
                cutEnd(before.getValue(), before.getValue().size - 1, from, to);
            }
        } else if (chunk.firsts[at] < from) {
            cutEnd(chunk, at, from, to);
        }
        while (removeFirstWithin(from, to)) {
            // one entry at a time
        }
    }

    /** Cuts an entry that begins before the blocks. */
    private void cutEnd(Chunk chunk, int at, long from, long to) {
        TableStripe stripe = chunk.stripes[at];
        long shape = chunk.shapes[at];
        long first = chunk.firsts[at];
        long end = first + blocks(stripe, shape);
        if (end <= from) {
            return;
        }
        chunk.shapes[at] = shape(stripe, shape, 0, from - first);
        if (end > to) {
            insert(to, shape(stripe, shape, to - first, end - to), stripe);
        }
        release(stripe, Math.min(end, to) - from);
    }

    /** Removes, up to the blocks' end, the first entry that begins within them. */
    private boolean removeFirstWithin(long from, long to) {
        Map.Entry<Long, Chunk> place = chunkOf(from);
        Chunk chunk = place.getValue();
        int at = chunk.floor(from - 1) + 1;
        if (at == chunk.size) {
            place = chunks.higherEntry(place.getKey());
            if (place == null) {
                return false;
            }
            chunk = place.getValue();
            at = 0;
        }
        long first = chunk.firsts[at];
        if (first >= to) {
            return false;
        }
        TableStripe stripe = chunk.stripes[at];
        long shape = chunk.shapes[at];
        long end = first + blocks(stripe, shape);
        chunk.remove(at, zero);
        entryCount--;
        if (chunk.size == 0 && place.getKey() != 0) {
            chunks.remove(place.getKey());
            memoryBytes -= chunk.bytes();
        }
        if (end > to) {
            insert(to, shape(stripe, shape, to - first, end - to), stripe);
        }
        release(stripe, Math.min(end, to) - first);
        return end < to;
    }

    private Map.Entry<Long, Chunk> chunkOf(long block) {
        Map.Entry<Long, Chunk> place = chunks.floorEntry(block);
        if (place == null) {
            throw new IllegalStateException("no chunk for block " + block);
        }
        return place;
    }

    private void insert(long first, long shape, TableStripe stripe) {
        Chunk chunk = chunkOf(first).getValue();
        insert(chunk, chunk.floor(first) + 1, first, shape, stripe);
    }

    private void insert(Chunk place, int index, long first, long shape, TableStripe stripe) {
        Chunk chunk = place;
        int at = index;
        if (chunk.size == CHUNK_ENTRIES) {
            // Blocks that come in order fill chunks to their end.
            int kept = at == CHUNK_ENTRIES ? CHUNK_ENTRIES : CHUNK_ENTRIES / 2;
            Chunk behind = new Chunk(CHUNK_ENTRIES);
            chunk.moveTo(behind, kept, CHUNK_ENTRIES - kept);
            chunk.size = kept;
            Arrays.fill(chunk.stripes, kept, CHUNK_ENTRIES, zero);
            addChunk(kept == CHUNK_ENTRIES ? first : behind.firsts[0], behind);
            if (at > kept || kept == CHUNK_ENTRIES) {
                at -= kept;
                chunk = behind;
            }
        } else if (chunk.size == chunk.firsts.length) {
            memoryBytes += (long) ENTRY_BYTES * chunk.size;
            Chunk larger = new Chunk(2 * chunk.size);
            chunk.moveTo(larger, 0, chunk.size);
            chunk.firsts = larger.firsts;
            chunk.shapes = larger.shapes;
            chunk.stripes = larger.stripes;
        }
        chunk.insert(at, first, shape, stripe);
        entryCount++;
    }

    private void addChunk(long key, Chunk chunk) {
        chunks.put(key, chunk);
        memoryBytes += chunk.bytes();
    }

    /** Walks from the entry that holds the block, or else the one behind it; no change meanwhile. */
    EntryCursor cursor(long fromBlock) {
        return new Cursor(fromBlock);
    }

    private final class Cursor implements EntryCursor {
        private final MapEntry entry = new MapEntry();
        private final int[] onlyCrc = new int[1];
        private final Iterator<Chunk> rest;
        private @Nullable Chunk chunk;
        private int at;

        Cursor(long fromBlock) {
            long key = chunkOf(fromBlock).getKey();
            Chunk start = chunkOf(fromBlock).getValue();
            int index = start.floor(fromBlock);
            Map.Entry<Long, Chunk> before = chunks.lowerEntry(key);
            if (index < 0 && before != null && before.getValue().size > 0) {
                key = before.getKey();
                index = before.getValue().size - 1;
            }
            rest = chunks.tailMap(key).values().iterator();
            chunk = rest.next();
            at = Math.max(index, 0);
            if (index >= 0) {
                long end = chunk.firsts[at] + blocks(chunk.stripes[at], chunk.shapes[at]);
                at += end <= fromBlock ? 1 : 0;
            }
        }

        @Override
        public Move next() {
            while (chunk != null && at == chunk.size) {
                chunk = rest.hasNext() ? rest.next() : null;
                at = 0;
            }
            if (chunk == null) {
                return Move.END;
            }
            TableStripe stripe = chunk.stripes[at];
            long shape = chunk.shapes[at];
            entry.firstBlock = chunk.firsts[at];
            entry.blockCount = blocks(stripe, shape);
            TableSegment segment = stripe.segment;
            if (segment == null) {
                entry.kind = stripe == lost ? MapEntry.Kind.LOST : MapEntry.Kind.ZERO;
            } else {
                entry.kind = MapEntry.Kind.STORED;
                entry.segmentIndex = segment.index;
                entry.geometryIndex = stripe.geometryIndex;
                entry.stripeNumber = stripe.number;
                entry.stripeOffset = stripe.offset;
                entry.firstPiece = (int) (shape >>> 32);
                setCrcs(stripe);
            }
            at++;
            return Move.READY;
        }

        private void setCrcs(TableStripe stripe) {
            if (stripe.crcs != null) {
                entry.crcs = stripe.crcs;
                entry.crcAt = entry.firstPiece;
            } else {
                onlyCrc[0] = stripe.onlyCrc;
                entry.crcs = onlyCrc;
                entry.crcAt = 0;
            }
        }

        @Override
        public MapEntry entry() {
            return entry;
        }

        @Override
        public LogSegment segment(int index) {
            return segments.get(index).segment;
        }

        @Override
        public Stripe.Geometry geometry(int index) {
            return geometries.get(index);
        }

        @Override
        public long memoryBytes() {
            return 0;
        }
    }
}
