package io.ashlar.client.format;

import io.ashlar.client.AshlarException;
import io.ashlar.client.model.SegmentId;
import io.ashlar.client.model.Stripe;

import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.util.ArrayList;
import java.util.List;

/**
 * The directory of a run of the map: what is read, and kept in memory, when a volume is opened. It
 * is cut into pages of 4096 bytes, whose places and CRC32Cs stand in the root (see {@link
 * MapRootFormat}). Little-endian.
 *
 * <pre>
 * offset  size  field
 *      0     8  magic "ASHLRUND"
 *      8     2  format version
 *     10     2  zero
 *     12     4  used bytes; the rest of the last page is zero
 *     16     8  entries of the run
 *     24     8  lost blocks among them
 *     32     4  data and index pages
 *     36     4  pages of a batch; the last may have fewer
 *     40     4  s: count of segments
 *     44     4  g: count of geometries
 *     48     4  b: count of batches
 *     52     4  f: count of index pages
 *     56  24*s  segments: id 16, stored blocks that the run refers to 8
 *    ...  12*g  geometries: k 1, m 1, d 1, zero 1, header bytes 4, cell bytes 4
 *    ...  28*b  batches: segment 4, geometry 4, stripe number 8, stripe offset 8, first piece 4
 *    ...  16*f  index pages: first block 8, number among the pages 4, CRC32C 4
 * </pre>
 */
public final class RunDirectoryFormat {
    public static final long MAGIC = 0x444E5552_4C485341L;
    public static final int VERSION = 1;

    private static final int FIXED_BYTES = 56;
    private static final int SEGMENT_BYTES = 24;
    private static final int BATCH_BYTES = 28;
    private static final int FENCE_BYTES = 16;

    private RunDirectoryFormat() {}

    /** Whole pages. */
    public static byte[] write(RunDirectory directory) {
        RunDirectory.Batches batches = directory.batches();
        RunDirectory.Fences fences = directory.fences();
        long used = usedBytes(
                directory.segments().size(),
                directory.geometries().size(),
                batches.count(),
                fences.count());
        long whole = Math.ceilDiv(used, MapPageFormat.PAGE_BYTES) * MapPageFormat.PAGE_BYTES;
        ByteBuffer bytes =
                ByteBuffer.allocate(Math.toIntExact(whole)).order(ByteOrder.LITTLE_ENDIAN);
        bytes.putLong(MAGIC).putShort((short) VERSION).putShort((short) 0).putInt((int) used);
        bytes.putLong(directory.entryCount()).putLong(directory.lostBlocks());
        bytes.putInt(directory.pageCount()).putInt(directory.batchPages());
        bytes.putInt(directory.segments().size()).putInt(directory.geometries().size());
        bytes.putInt(batches.count()).putInt(fences.count());
        for (int i = 0; i < directory.segments().size(); i++) {
            SegmentId id = directory.segments().get(i);
            bytes.putLong(id.high()).putLong(id.low()).putLong(directory.segmentBlocks()[i]);
        }
        directory.geometries().forEach(geometry -> GeometryField.put(bytes, geometry));
        for (int i = 0; i < batches.count(); i++) {
            bytes.putInt(batches.segmentIndexes()[i]).putInt(batches.geometryIndexes()[i]);
            bytes.putLong(batches.stripeNumbers()[i]).putLong(batches.stripeOffsets()[i]);
            bytes.putInt(batches.firstPieces()[i]);
        }
        for (int i = 0; i < fences.count(); i++) {
            bytes.putLong(fences.firstBlocks()[i]).putInt(fences.pages()[i]);
            bytes.putInt(fences.crcs()[i]);
        }
        return bytes.array();
    }

    private static long usedBytes(long segments, long geometries, long batches, long fences) {
        return FIXED_BYTES
                + SEGMENT_BYTES * segments
                + GeometryField.SIZE_BYTES * geometries
                + BATCH_BYTES * batches
                + FENCE_BYTES * fences;
    }

    /** Reads a directory and holds it to its layout. */
    public static RunDirectory read(byte[] pages) throws AshlarException.Corrupt {
        ByteBuffer bytes = ByteBuffer.wrap(pages).order(ByteOrder.LITTLE_ENDIAN);
        if (pages.length < MapPageFormat.PAGE_BYTES
                || bytes.getLong() != MAGIC
                || bytes.getShort() != VERSION) {
            throw corrupt("it does not begin as one");
        }
        bytes.getShort();
        int used = bytes.getInt();
        long entryCount = bytes.getLong();
        long lostBlocks = bytes.getLong();
        int pageCount = bytes.getInt();
        int batchPages = bytes.getInt();
        int segmentCount = bytes.getInt();
        int geometryCount = bytes.getInt();
        int batchCount = bytes.getInt();
        int fenceCount = bytes.getInt();
        boolean sane = (segmentCount | geometryCount | batchCount | fenceCount) >= 0
                && used <= pages.length
                && used == usedBytes(segmentCount, geometryCount, batchCount, fenceCount)
                && entryCount > 0
                && lostBlocks >= 0
                && pageCount >= 2
                && batchPages >= 1
                && fenceCount >= 1
                && batchCount == (pageCount + batchPages - 1L) / batchPages;
        if (!sane) {
            throw corrupt("its counts do not agree");
        }
        List<SegmentId> segments = new ArrayList<>(segmentCount);
        long[] blocks = new long[segmentCount];
        for (int i = 0; i < segmentCount; i++) {
            segments.add(new SegmentId(bytes.getLong(), bytes.getLong()));
            blocks[i] = bytes.getLong();
            if (blocks[i] < 0) {
                throw corrupt("it counts " + blocks[i] + " blocks in " + segments.getLast());
            }
        }
        List<Stripe.Geometry> geometries = new ArrayList<>(geometryCount);
        for (int i = 0; i < geometryCount; i++) {
            geometries.add(GeometryField.get(bytes));
        }
        RunDirectory.Batches batches =
                readBatches(bytes, batchCount, batchPages, segmentCount, geometries);
        RunDirectory.Fences fences = readFences(bytes, fenceCount, pageCount);
        return new RunDirectory(
                entryCount,
                lostBlocks,
                pageCount,
                batchPages,
                List.copyOf(segments),
                blocks,
                List.copyOf(geometries),
                batches,
                fences);
    }

    private static RunDirectory.Batches readBatches(
            ByteBuffer bytes,
            int count,
            int batchPages,
            int segmentCount,
            List<Stripe.Geometry> geometries)
            throws AshlarException.Corrupt {
        var batches = new RunDirectory.Batches(
                new int[count], new int[count], new long[count], new long[count], new int[count]);
        for (int i = 0; i < count; i++) {
            int segment = bytes.getInt();
            int geometry = bytes.getInt();
            long number = bytes.getLong();
            long offset = bytes.getLong();
            int piece = bytes.getInt();
            boolean sane = segment >= 0
                    && segment < segmentCount
                    && geometry >= 0
                    && geometry < geometries.size()
                    && number >= 0
                    && offset >= 0
                    && piece >= 0
                    && piece < GeometryField.pieces(geometries.get(geometry))
                    && batchPages <= CellFormat.MAX_CELL_BYTES;
            if (!sane) {
                throw corrupt("batch " + i + " lies at piece " + piece + " of stripe " + number
                        + " at " + offset + ", segment " + segment + ", geometry " + geometry);
            }
            batches.segmentIndexes()[i] = segment;
            batches.geometryIndexes()[i] = geometry;
            batches.stripeNumbers()[i] = number;
            batches.stripeOffsets()[i] = offset;
            batches.firstPieces()[i] = piece;
        }
        return batches;
    }

    private static RunDirectory.Fences readFences(ByteBuffer bytes, int count, int pageCount)
            throws AshlarException.Corrupt {
        var fences = new RunDirectory.Fences(new long[count], new int[count], new int[count]);
        long lastBlock = -1;
        int lastPage = -1;
        for (int i = 0; i < count; i++) {
            long block = bytes.getLong();
            int page = bytes.getInt();
            boolean sane = block > lastBlock
                    && block < MapPageFormat.MAX_BLOCK
                    && page > lastPage + 1
                    && page - lastPage - 1 <= RunIndexFormat.MAX_PAGES;
            if (!sane) {
                throw corrupt("index page " + i + " is page " + page + " from block " + block);
            }
            fences.firstBlocks()[i] = block;
            fences.pages()[i] = page;
            fences.crcs()[i] = bytes.getInt();
            lastBlock = block;
            lastPage = page;
        }
        if (lastPage != pageCount - 1) {
            throw corrupt("its last index page is page " + lastPage + " of " + pageCount);
        }
        return fences;
    }

    private static AshlarException.Corrupt corrupt(String found) {
        return new AshlarException.Corrupt("the directory of a run of the map is malformed: "
                + found + "; open the volume from an older root");
    }
}
