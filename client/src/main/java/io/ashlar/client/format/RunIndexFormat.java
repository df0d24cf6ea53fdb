package io.ashlar.client.format;

import io.ashlar.client.AshlarException;

import java.lang.invoke.MethodHandles;
import java.lang.invoke.VarHandle;
import java.nio.ByteOrder;
import java.util.Arrays;

/**
 * An index page of a run of the map: the data pages right before it. Little-endian; the page's
 * CRC32C stands in the run's directory (see {@link RunDirectoryFormat}).
 *
 * <pre>
 * offset  size  field
 *      0     4  magic "AMIX"
 *      4     2  format version
 *      6     2  n: count of data pages, 1 to 510
 *      8     8  first block of the first data page
 *     16   4*n  first block of each data page, less that of the first
 * 16+4*n   4*n  CRC32C of each data page
 * </pre>
 */
public final class RunIndexFormat {
    public static final int MAGIC = 0x58494D41;
    public static final int VERSION = 1;
    public static final int MAX_PAGES = 510;

    /** First blocks further apart than this do not stand in one index page. */
    public static final long MAX_SPAN_BLOCKS = 0xFFFF_FFFFL;

    private static final int HEADER_BYTES = 16;

    private static final VarHandle SHORT =
            MethodHandles.byteArrayViewVarHandle(short[].class, ByteOrder.LITTLE_ENDIAN);
    private static final VarHandle INT =
            MethodHandles.byteArrayViewVarHandle(int[].class, ByteOrder.LITTLE_ENDIAN);
    private static final VarHandle LONG =
            MethodHandles.byteArrayViewVarHandle(long[].class, ByteOrder.LITTLE_ENDIAN);

    private RunIndexFormat() {}

    /** Gathers the data pages of one index page after another. */
    public static final class Writer {
        private final int[] offsets = new int[MAX_PAGES];
        private final int[] crcs = new int[MAX_PAGES];
        private long firstBlock;
        private int count;

        public int count() {
            return count;
        }

        public long firstBlock() {
            return firstBlock;
        }

        /** Whether a data page that begins with this block has no room any more. */
        public boolean isFullFor(long block) {
            return count == MAX_PAGES || (count > 0 && block - firstBlock > MAX_SPAN_BLOCKS);
        }

        public void add(long block, int crc) {
            if (isFullFor(block)) {
                throw new IllegalStateException("an index page has no room for block " + block);
            }
            if (count == 0) {
                firstBlock = block;
            }
            offsets[count] = (int) (block - firstBlock);
            crcs[count++] = crc;
        }

        /** The page, owned by the caller; the writer goes on with an empty one. */
        public byte[] finish() {
            byte[] page = new byte[MapPageFormat.PAGE_BYTES];
            INT.set(page, 0, MAGIC);
            SHORT.set(page, 4, (short) VERSION);
            SHORT.set(page, 6, (short) count);
            LONG.set(page, 8, firstBlock);
            for (int i = 0; i < count; i++) {
                INT.set(page, HEADER_BYTES + 4 * i, offsets[i]);
                INT.set(page, HEADER_BYTES + 4 * (count + i), crcs[i]);
            }
            count = 0;
            return page;
        }
    }

    /**
     * Holds an index page to its layout, and returns its count of data pages.
     *
     * @param expectedFirst block that the directory says it begins with
     * @param maxPages data pages that lie before it in the run
     */
    public static int check(byte[] page, long expectedFirst, int maxPages)
            throws AshlarException.Corrupt {
        int count = (short) SHORT.get(page, 6);
        long first = (long) LONG.get(page, 8);
        boolean sane = (int) INT.get(page, 0) == MAGIC
                && (short) SHORT.get(page, 4) == VERSION
                && count >= 1
                && count <= Math.min(MAX_PAGES, maxPages)
                && first == expectedFirst
                && (int) INT.get(page, HEADER_BYTES) == 0;
        for (int i = 1; sane && i < count; i++) {
            sane = firstBlock(page, i) > firstBlock(page, i - 1);
        }
        if (!sane) {
            throw new AshlarException.Corrupt("an index page of the map is malformed: it says it"
                    + " has " + count + " pages from block " + first + ", expected block "
                    + expectedFirst + "; restore the volume from a backup");
        }
        return count;
    }

    /** Data pages of a checked index page. */
    public static int count(byte[] page) {
        return (short) SHORT.get(page, 6);
    }

    /** The block that a data page begins with. */
    public static long firstBlock(byte[] page, int index) {
        return (long) LONG.get(page, 8)
                + Integer.toUnsignedLong((int) INT.get(page, HEADER_BYTES + 4 * index));
    }

    /** CRC32C of a data page. */
    public static int crc(byte[] page, int index) {
        return (int) INT.get(page, HEADER_BYTES + 4 * (count(page) + index));
    }

    /** CRC32C of data pages one behind another. */
    public static int[] crcs(byte[] page, int index, int pageCount) {
        int[] crcs = new int[pageCount];
        Arrays.setAll(crcs, i -> crc(page, index + i));
        return crcs;
    }

    /** The last data page that begins at or before the block; -1 where all begin behind it. */
    public static int find(byte[] page, long block) {
        int low = 0;
        int high = count(page) - 1;
        while (low <= high) {
            int middle = (low + high) >>> 1;
            if (firstBlock(page, middle) <= block) {
                low = middle + 1;
            } else {
                high = middle - 1;
            }
        }
        return high;
    }
}
