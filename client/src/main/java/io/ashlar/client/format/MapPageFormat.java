package io.ashlar.client.format;

import io.ashlar.client.AshlarException;
import io.ashlar.client.model.Stripe;

import java.lang.invoke.MethodHandles;
import java.lang.invoke.VarHandle;
import java.nio.ByteOrder;

/**
 * A data page of a run of the map: entries in the order of their blocks. Little-endian; the page's
 * CRC32C stands in the index page that refers to it (see {@link RunIndexFormat}) and covers all
 * 4096 bytes.
 *
 * <pre>
 * offset  size  field
 *      0     4  magic "AMPG"
 *      4     2  format version
 *      6     2  n: count of entries, at least 1
 *      8     2  used bytes; the rest is zero
 *     10     6  zero
 *     16     8  first block of the first entry
 *     24   ...  n entries
 *
 * entry, all numbers but the CRCs as varints (7 bits a byte, lowest first):
 *           v  gap * 4 + kind; gap: blocks since the entry before (0 for the first);
 *              kind: 0 one stored block, 1 stored blocks, 2 zeroes, 3 lost
 *           v  count of blocks; absent for kind 0
 *         for kinds 0 and 1:
 *           v  segment, by its place in the run's table
 *           v  geometry, by its place in the run's table
 *           v  stripe number
 *           v  stripe offset / 4096
 *           v  first piece
 *         4*c  CRC32C of each of the c blocks
 * </pre>
 */
public final class MapPageFormat {
    public static final int PAGE_BYTES = 4096;
    public static final int MAGIC = 0x47504D41;
    public static final int VERSION = 1;

    /** Blocks beyond this number are refused: far above any volume, far below overflow. */
    public static final long MAX_BLOCK = 1L << 52;

    private static final int HEADER_BYTES = 24;
    private static final int MAX_VARINT_BYTES = 9;

    /** The numbers of an entry at their longest. */
    private static final int MAX_ENTRY_HEAD_BYTES = 7 * MAX_VARINT_BYTES;

    private static final int ONE = 0;
    private static final int STORED = 1;
    private static final int ZERO = 2;
    private static final int LOST = 3;

    private static final VarHandle SHORT =
            MethodHandles.byteArrayViewVarHandle(short[].class, ByteOrder.LITTLE_ENDIAN);
    private static final VarHandle INT =
            MethodHandles.byteArrayViewVarHandle(int[].class, ByteOrder.LITTLE_ENDIAN);
    private static final VarHandle LONG =
            MethodHandles.byteArrayViewVarHandle(long[].class, ByteOrder.LITTLE_ENDIAN);

    private MapPageFormat() {}

    /** Fills one page after another. */
    public static final class Writer {
        private byte[] page = new byte[PAGE_BYTES];
        private int used = HEADER_BYTES;
        private int entryCount;
        private long firstBlock;
        private long endBlock;

        public boolean isEmpty() {
            return entryCount == 0;
        }

        public long firstBlock() {
            return firstBlock;
        }

        /**
         * Adds an entry, or the first blocks of it where not all of their CRCs have room.
         *
         * @return blocks that were added; 0 where the page is full
         */
        public int add(MapEntry entry) {
            check(entry);
            int blocks = 0;
            int room = PAGE_BYTES - used - MAX_ENTRY_HEAD_BYTES;
            boolean stored = entry.kind == MapEntry.Kind.STORED;
            if (stored) {
                blocks = (int) Math.min(entry.blockCount, room / Integer.BYTES);
            }
            if (room < 0 || (stored && (blocks <= 0 || splitsNeedlessly(entry, blocks)))) {
                return 0;
            }
            if (entryCount == 0) {
                firstBlock = entry.firstBlock;
                endBlock = firstBlock;
            }
            long gap = entry.firstBlock - endBlock;
            switch (entry.kind) {
                case STORED -> putStored(entry, gap, blocks);
                case ZERO -> putRange(entry, gap << 2 | ZERO);
                case LOST -> putRange(entry, gap << 2 | LOST);
            }
            entryCount++;
            endBlock = stored ? entry.firstBlock + blocks : entry.endBlock();
            return stored ? blocks : 1;
        }

        /** A long entry may be cut at the page's end, but not into crumbs. */
        private boolean splitsNeedlessly(MapEntry entry, int blocks) {
            return blocks < entry.blockCount && entryCount > 0 && blocks < 64;
        }

        private void check(MapEntry entry) {
            boolean sane = entry.blockCount > 0
                    && entry.firstBlock >= 0
                    && entry.endBlock() <= MAX_BLOCK
                    && (entryCount == 0 || entry.firstBlock >= endBlock);
            if (!sane) {
                throw new IllegalStateException("blocks " + entry.firstBlock + "+"
                        + entry.blockCount + " do not follow block " + endBlock + " in a map page");
            }
        }

        private void putStored(MapEntry entry, long gap, int blocks) {
            if (blocks == 1) {
                putVarint(gap << 2 | ONE);
            } else {
                putVarint(gap << 2 | STORED);
                putVarint(blocks);
            }
            putVarint(entry.segmentIndex);
            putVarint(entry.geometryIndex);
            putVarint(entry.stripeNumber);
            putVarint(entry.stripeOffset / Stripe.PIECE_BYTES);
            putVarint(entry.firstPiece);
            for (int i = 0; i < blocks; i++, used += Integer.BYTES) {
                INT.set(page, used, entry.crcs[entry.crcAt + i]);
            }
        }

        private void putRange(MapEntry entry, long token) {
            putVarint(token);
            putVarint(entry.blockCount);
        }

        private void putVarint(long value) {
            long rest = value;
            while (rest > 0x7F) {
                page[used++] = (byte) (rest | 0x80);
                rest >>>= 7;
            }
            page[used++] = (byte) rest;
        }

        /** The page, owned by the caller; the writer goes on with an empty one. */
        public byte[] finish() {
            if (entryCount == 0) {
                throw new IllegalStateException("a map page without an entry");
            }
            byte[] done = page;
            INT.set(done, 0, MAGIC);
            SHORT.set(done, 4, (short) VERSION);
            SHORT.set(done, 6, (short) entryCount);
            SHORT.set(done, 8, (short) used);
            LONG.set(done, 16, firstBlock);
            page = new byte[PAGE_BYTES];
            used = HEADER_BYTES;
            entryCount = 0;
            return done;
        }
    }

    /** Reads the entries of a page; the page must not change meanwhile. */
    public static final class Cursor {
        private final MapEntry entry = new MapEntry();
        private byte[] page = new byte[0];
        private int at;
        private int used;
        private int left;

        /** What {@link #next()} has read last. */
        public MapEntry entry() {
            return entry;
        }

        /**
         * Goes to the start of a page.
         *
         * @param expectedFirst block that the index says the page begins with
         */
        public void open(byte[] opened, long expectedFirst) throws AshlarException.Corrupt {
            page = opened;
            left = (short) SHORT.get(page, 6);
            used = (short) SHORT.get(page, 8);
            at = HEADER_BYTES;
            boolean sane = (int) INT.get(page, 0) == MAGIC
                    && (short) SHORT.get(page, 4) == VERSION
                    && left > 0
                    && used > HEADER_BYTES
                    && used <= PAGE_BYTES;
            long first = (long) LONG.get(page, 16);
            if (!sane || first != expectedFirst || first < 0 || first >= MAX_BLOCK) {
                throw corrupt("its header says it has " + left + " entries in " + used
                        + " bytes from block " + first + ", expected block " + expectedFirst);
            }
            entry.firstBlock = first;
            entry.blockCount = 0;
        }

        /** Reads the next entry; false where the page is at its end. */
        public boolean next() throws AshlarException.Corrupt {
            if (left == 0) {
                if (at != used) {
                    throw corrupt("its entries end at " + at + ", not at " + used);
                }
                return false;
            }
            left--;
            long token = varint();
            long gap = token >>> 2;
            int code = (int) token & 3;
            long count = code == ONE ? 1 : varint();
            long first = entry.endBlock() + gap;
            if (gap > MAX_BLOCK || count < 1 || count > MAX_BLOCK || first > MAX_BLOCK - count) {
                throw corrupt("blocks " + first + "+" + count + " are beyond any volume");
            }
            entry.firstBlock = first;
            entry.blockCount = count;
            switch (code) {
                case ZERO -> entry.kind = MapEntry.Kind.ZERO;
                case LOST -> entry.kind = MapEntry.Kind.LOST;
                default -> readStored(count);
            }
            return true;
        }

        private void readStored(long count) throws AshlarException.Corrupt {
            entry.kind = MapEntry.Kind.STORED;
            entry.segmentIndex = varintInt();
            entry.geometryIndex = varintInt();
            entry.stripeNumber = varint();
            long offsetPieces = varint();
            entry.firstPiece = varintInt();
            if (offsetPieces > Long.MAX_VALUE / Stripe.PIECE_BYTES
                    || count > (used - at) / Integer.BYTES) {
                throw corrupt("an entry of " + count + " blocks at stripe offset " + offsetPieces
                        + " * 4096 has no room");
            }
            entry.stripeOffset = offsetPieces * Stripe.PIECE_BYTES;
            if (entry.crcs.length < count) {
                entry.crcs = new int[(int) Math.max(count, 2L * entry.crcs.length)];
            }
            entry.crcAt = 0;
            for (int i = 0; i < count; i++, at += Integer.BYTES) {
                entry.crcs[i] = (int) INT.get(page, at);
            }
        }

        private int varintInt() throws AshlarException.Corrupt {
            long value = varint();
            if (value > Integer.MAX_VALUE) {
                throw corrupt(value + " where a small number belongs");
            }
            return (int) value;
        }

        private long varint() throws AshlarException.Corrupt {
            long value = 0;
            for (int shift = 0; shift < 7 * MAX_VARINT_BYTES; shift += 7) {
                if (at >= used) {
                    throw corrupt("an entry runs over its end");
                }
                byte next = page[at++];
                value |= (long) (next & 0x7F) << shift;
                if (next >= 0) {
                    return value;
                }
            }
            throw corrupt("a number of more than " + MAX_VARINT_BYTES + " bytes");
        }

        private static AshlarException.Corrupt corrupt(String found) {
            return new AshlarException.Corrupt(
                    "a map page is malformed: " + found + "; restore the volume from a backup");
        }
    }
}
