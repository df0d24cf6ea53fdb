package io.ashlar.client.format;

import io.ashlar.client.AshlarException;
import io.ashlar.client.model.LogPosition;
import io.ashlar.client.model.MapRoot;
import io.ashlar.client.model.SegmentId;
import io.ashlar.client.model.Stripe;
import io.ashlar.ec.Crc32c;

import java.lang.foreign.MemorySegment;
import java.nio.BufferUnderflowException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.util.ArrayList;
import java.util.List;

/**
 * A root of a volume's map: the list of its runs. Little-endian.
 *
 * <pre>
 * offset  size  field
 *      0     8  magic "ASHLROOT"
 *      8     4  CRC32C of [12, used bytes)
 *     12     4  used bytes; what follows is zero
 *     16     2  format version
 *     18     2  r: count of runs
 *     20     4  zero
 *     24     8  blocks of the volume
 *     32    16  replay position: segment
 *     48     8  replay position: stripes of that segment
 *     56     8  replay position: bytes of that segment
 *     64   ...  r runs, newest first
 *
 * run:
 *      0     2  level
 *      2     1  1 where it waits to be merged into the next level, else 0
 *      3     1  zero
 *      4     4  data and index pages
 *      8     8  entries
 *     16     4  p: count of groups of directory pages
 *     20   ...  p groups
 *
 * group of directory pages:
 *      0    16  segment
 *     16     8  stripe number
 *     24     8  stripe offset
 *     32    12  geometry: k 1, m 1, d 1, zero 1, header bytes 4, cell bytes 4
 *     44     4  first piece
 *     48     4  c: count of pages
 *     52   4*c  CRC32C of each
 * </pre>
 */
public final class MapRootFormat {
    public static final long MAGIC = 0x544F4F52_4C485341L;
    public static final int VERSION = 1;

    private static final int CRC_FROM = 12;
    private static final int FIXED_BYTES = 64;
    private static final int RUN_BYTES = 20;
    private static final int PAGES_BYTES = 52;

    private MapRootFormat() {}

    /** The root's bytes, without padding. */
    public static byte[] write(MapRoot root) {
        int used = FIXED_BYTES;
        for (MapRoot.Run run : root.runs()) {
            used += RUN_BYTES;
            for (MapRoot.Pages pages : run.directory()) {
                used += PAGES_BYTES + 4 * pages.crcs().size();
            }
        }
        ByteBuffer bytes = ByteBuffer.allocate(used).order(ByteOrder.LITTLE_ENDIAN);
        bytes.putLong(MAGIC).putInt(0).putInt(used);
        bytes.putShort((short) VERSION).putShort((short) root.runs().size()).putInt(0);
        bytes.putLong(root.blockCount());
        LogPosition position = root.position();
        putId(bytes, position.segment());
        bytes.putLong(position.stripes()).putLong(position.bytes());
        root.runs().forEach(run -> putRun(bytes, run));
        MemorySegment all = MemorySegment.ofArray(bytes.array());
        bytes.putInt(8, Crc32c.of(all, CRC_FROM, used - CRC_FROM));
        return bytes.array();
    }

    private static void putRun(ByteBuffer bytes, MapRoot.Run run) {
        bytes.putShort((short) run.level()).put((byte) (run.full() ? 1 : 0)).put((byte) 0);
        bytes.putInt(run.pageCount()).putLong(run.entryCount());
        bytes.putInt(run.directory().size());
        for (MapRoot.Pages pages : run.directory()) {
            putId(bytes, pages.segment());
            bytes.putLong(pages.stripeNumber()).putLong(pages.stripeOffset());
            GeometryField.put(bytes, pages.geometry());
            bytes.putInt(pages.firstPiece()).putInt(pages.crcs().size());
            pages.crcs().forEach(bytes::putInt);
        }
    }

    private static void putId(ByteBuffer bytes, SegmentId id) {
        bytes.putLong(id.high()).putLong(id.low());
    }

    /** Reads a root and holds it to its layout; zeroes may follow it. */
    public static MapRoot read(byte[] padded) throws AshlarException {
        ByteBuffer bytes = ByteBuffer.wrap(padded).order(ByteOrder.LITTLE_ENDIAN);
        if (padded.length < FIXED_BYTES || bytes.getLong() != MAGIC) {
            throw corrupt("it does not begin as one");
        }
        int crc = bytes.getInt();
        int used = bytes.getInt();
        if (used < FIXED_BYTES
                || used > padded.length
                || crc != Crc32c.of(MemorySegment.ofArray(padded), CRC_FROM, used - CRC_FROM)) {
            throw corrupt("its checksum does not hold");
        }
        int version = bytes.getShort();
        if (version != VERSION) {
            throw new AshlarException.Incompatible("the map's root is of format version " + version
                    + ", this release knows " + VERSION + ": use a newer one");
        }
        bytes.limit(used);
        try {
            return readChecked(bytes);
        } catch (BufferUnderflowException e) {
            throw corrupt("it ends early");
        }
    }

    private static MapRoot readChecked(ByteBuffer bytes) throws AshlarException.Corrupt {
        int runCount = bytes.getShort();
        bytes.getInt();
        long blockCount = bytes.getLong();
        var position = new LogPosition(getId(bytes), bytes.getLong(), bytes.getLong());
        if (runCount < 0 || blockCount < 0 || blockCount > MapPageFormat.MAX_BLOCK) {
            throw corrupt("it has " + runCount + " runs of " + blockCount + " blocks");
        }
        List<MapRoot.Run> runs = new ArrayList<>();
        for (int i = 0; i < runCount; i++) {
            runs.add(getRun(bytes));
        }
        if (bytes.hasRemaining()) {
            throw corrupt(bytes.remaining() + " bytes follow its runs");
        }
        return new MapRoot(blockCount, position, runs);
    }

    private static MapRoot.Run getRun(ByteBuffer bytes) throws AshlarException.Corrupt {
        int level = bytes.getShort();
        int full = bytes.get();
        bytes.get();
        int pageCount = bytes.getInt();
        long entryCount = bytes.getLong();
        int groups = bytes.getInt();
        if (level < 0 || full < 0 || full > 1 || groups < 1) {
            throw corrupt("a run of level " + level + " has " + groups + " groups of pages");
        }
        List<MapRoot.Pages> directory = new ArrayList<>();
        for (int i = 0; i < groups; i++) {
            SegmentId segment = getId(bytes);
            long number = bytes.getLong();
            long offset = bytes.getLong();
            Stripe.Geometry geometry = GeometryField.get(bytes);
            int piece = bytes.getInt();
            int count = bytes.getInt();
            boolean sane = number >= 0
                    && offset >= 0
                    && piece >= 0
                    && count >= 1
                    && count <= GeometryField.pieces(geometry) - piece
                    && count <= bytes.remaining() / Integer.BYTES;
            if (!sane) {
                throw corrupt(count + " directory pages at piece " + piece + " of stripe " + number
                        + " of segment " + segment + ", which is " + geometry);
            }
            List<Integer> crcs = new ArrayList<>(count);
            for (int page = 0; page < count; page++) {
                crcs.add(bytes.getInt());
            }
            directory.add(new MapRoot.Pages(segment, number, offset, geometry, piece, crcs));
        }
        return new MapRoot.Run(level, full == 1, entryCount, pageCount, directory);
    }

    private static SegmentId getId(ByteBuffer bytes) {
        return new SegmentId(bytes.getLong(), bytes.getLong());
    }

    private static AshlarException.Corrupt corrupt(String found) {
        return new AshlarException.Corrupt(
                "the map's root is malformed: " + found + "; open the volume from an older root");
    }
}
