package io.ashlar.client.format;

import static java.nio.ByteOrder.LITTLE_ENDIAN;

import io.ashlar.client.model.Extent;
import io.ashlar.client.model.LogPosition;
import io.ashlar.client.model.Policy;
import io.ashlar.client.model.SegmentId;
import io.ashlar.client.model.Stripe;
import io.ashlar.client.model.VolumeId;
import io.ashlar.ec.Crc32c;

import org.jspecify.annotations.Nullable;

import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.util.ArrayList;
import java.util.List;

/**
 * A cell's record in a shard: a header and, behind it, the cell. Little-endian.
 *
 * <pre>
 * offset  size  field
 *      0     8  magic "ASHLCELL"
 *      8     8  node's stamp: the shard was durable up to this offset when the record was written
 *     16     4  CRC32C of the stamp, [8, 16)
 *     20     4  CRC32C of the header, [24, used bytes)
 *     24     2  format version
 *     26     1  record type: 1 data, 2 map, 3 root
 *     27     1  role: 0 .. k-1 data, k .. k+m-1 parity
 *     28     4  header bytes, a multiple of 4096
 *     32     4  used bytes of the header; the rest is zero
 *     36     4  cell bytes, a multiple of 4096
 *     40    16  segment
 *     56     8  stripe number
 *     64     8  stripe offset in the shard's record space
 *     72     8  epoch of the segment's creator
 *     80     8  writer's time, milliseconds since 1970
 *     88    16  segment that this one follows, or zero
 *    104     8  length at which it follows it
 *    112    16  last acknowledged position: segment
 *    128     8  last acknowledged position: stripes of that segment
 *    136     8  last acknowledged position: bytes of that segment
 *    144    16  volume
 *    160     1  d: data cells of the stripe
 *    161     1  k
 *    162     1  m
 *    163     1  zero
 *    164     4  e: count of extents
 *    168     4  b: count of block CRCs
 *    172     4  p: count of piece CRCs, (d + m) * cell bytes / 4096
 *    176  24*e  extents: first block 8, block count 4, start 4, stored bytes 4, kind 1, codec 1, zero 2
 *    ...   4*b  CRC32C of every block of every data extent, in order
 *    ...   4*p  the vector: CRC32C of every 4 KiB piece of every cell, cell by cell
 * </pre>
 */
public final class CellFormat {
    public static final long MAGIC = 0x4C4C4543_4C485341L;
    public static final int VERSION = 1;
    public static final int ALIGN_BYTES = 4096;
    public static final int MAX_HEADER_BYTES = 64 * 1024;
    public static final int MAX_CELL_BYTES = 4 * 1024 * 1024;

    private static final int CRC_FROM = 24;
    private static final int FIXED_BYTES = 176;
    private static final int EXTENT_BYTES = 24;

    private static final ValueLayout.OfShort SHORT =
            ValueLayout.JAVA_SHORT_UNALIGNED.withOrder(LITTLE_ENDIAN);
    private static final ValueLayout.OfInt INT =
            ValueLayout.JAVA_INT_UNALIGNED.withOrder(LITTLE_ENDIAN);
    private static final ValueLayout.OfLong LONG =
            ValueLayout.JAVA_LONG_UNALIGNED.withOrder(LITTLE_ENDIAN);
    private static final ValueLayout.OfByte BYTE = ValueLayout.JAVA_BYTE;

    private CellFormat() {}

    /** A header that was read and found right. */
    public record Cell(Stripe stripe, int role, long stampBytes) {}

    /** Bytes that the header of such a stripe takes. */
    public static int headerBytes(int extentCount, int blockCrcCount, int pieceCrcCount) {
        int used = usedBytes(extentCount, blockCrcCount, pieceCrcCount);
        return (used + ALIGN_BYTES - 1) / ALIGN_BYTES * ALIGN_BYTES;
    }

    private static int usedBytes(int extentCount, int blockCrcCount, int pieceCrcCount) {
        return FIXED_BYTES + EXTENT_BYTES * extentCount + 4 * (blockCrcCount + pieceCrcCount);
    }

    /**
     * Writes the whole header of the cell in this role, its stamp zero, into the first {@code
     * headerBytes} of the target.
     */
    public static void write(Stripe stripe, int role, MemorySegment target) {
        Stripe.Geometry geometry = stripe.geometry();
        int used =
                usedBytes(stripe.extents().size(), stripe.blockCrcCount(), stripe.pieceCrcCount());
        if (used > geometry.headerBytes()) {
            throw new IllegalStateException(stripe + " needs a header of " + used + " bytes, has "
                    + geometry.headerBytes());
        }
        target.asSlice(0, geometry.headerBytes()).fill((byte) 0);
        writeFixed(stripe, role, used, target);
        int at = FIXED_BYTES;
        for (Extent extent : stripe.extents()) {
            target.set(LONG, at, extent.firstBlock());
            target.set(INT, at + 8, extent.blockCount());
            target.set(INT, at + 12, extent.startBytes());
            target.set(INT, at + 16, extent.storedBytes());
            target.set(BYTE, at + 20, (byte) extent.kind().code());
            target.set(BYTE, at + 21, (byte) extent.codec().code());
            at += EXTENT_BYTES;
        }
        for (int i = 0; i < stripe.blockCrcCount(); i++, at += 4) {
            target.set(INT, at, stripe.blockCrc(i));
        }
        for (int i = 0; i < stripe.pieceCrcCount(); i++, at += 4) {
            target.set(INT, at, stripe.vector(i));
        }
        stamp(target, 0);
        target.set(INT, 20, Crc32c.of(target, CRC_FROM, used - CRC_FROM));
    }

    private static void writeFixed(Stripe stripe, int role, int used, MemorySegment target) {
        Stripe.Identity identity = stripe.identity();
        Stripe.Links links = stripe.links();
        Stripe.Geometry geometry = stripe.geometry();
        target.set(LONG, 0, MAGIC);
        target.set(SHORT, 24, (short) VERSION);
        target.set(BYTE, 26, (byte) stripe.type().code());
        target.set(BYTE, 27, (byte) role);
        target.set(INT, 28, geometry.headerBytes());
        target.set(INT, 32, used);
        target.set(INT, 36, geometry.cellBytes());
        writeId(target, 40, identity.segment().high(), identity.segment().low());
        target.set(LONG, 56, identity.number());
        target.set(LONG, 64, identity.offset());
        target.set(LONG, 72, identity.epoch());
        target.set(LONG, 80, links.writtenAtMillis());
        writeId(target, 88, links.predecessor().high(), links.predecessor().low());
        target.set(LONG, 104, links.predecessorBytes());
        SegmentId acknowledged = links.acknowledged().segment();
        writeId(target, 112, acknowledged.high(), acknowledged.low());
        target.set(LONG, 128, links.acknowledged().stripes());
        target.set(LONG, 136, links.acknowledged().bytes());
        writeId(target, 144, identity.volume().high(), identity.volume().low());
        target.set(BYTE, 160, (byte) geometry.d());
        target.set(BYTE, 161, (byte) geometry.policy().k());
        target.set(BYTE, 162, (byte) geometry.policy().m());
        target.set(INT, 164, stripe.extents().size());
        target.set(INT, 168, stripe.blockCrcCount());
        target.set(INT, 172, stripe.pieceCrcCount());
    }

    private static void writeId(MemorySegment target, long at, long high, long low) {
        target.set(LONG, at, high);
        target.set(LONG, at + 8, low);
    }

    /** Sets the node's stamp, the one field that a node writes. */
    public static void stamp(MemorySegment header, long durableBytes) {
        header.set(LONG, 8, durableBytes);
        header.set(INT, 16, Crc32c.of(header, 8, 8));
    }

    /** Whether a header may begin here: the magic is in its place. */
    public static boolean hasMagic(MemorySegment bytes) {
        return bytes.byteSize() >= FIXED_BYTES && bytes.get(LONG, 0) == MAGIC;
    }

    /**
     * The bytes that the header and the cell at the start of these say they take, for reading the
     * rest of them; null where no header of sane sizes begins. Nothing else is checked yet.
     */
    public static @Nullable Sizes sizes(MemorySegment bytes) {
        if (!hasMagic(bytes)) {
            return null;
        }
        int header = bytes.get(INT, 28);
        int cell = bytes.get(INT, 36);
        boolean sane = header >= ALIGN_BYTES
                && header <= MAX_HEADER_BYTES
                && header % ALIGN_BYTES == 0
                && cell >= 0
                && cell <= MAX_CELL_BYTES
                && cell % ALIGN_BYTES == 0;
        return sane ? new Sizes(header, cell) : null;
    }

    /** What {@link #sizes} found. */
    public record Sizes(int headerBytes, int cellBytes) {}

    /** The checked header at the start of these bytes, or null where it is not whole and right. */
    public static @Nullable Cell read(MemorySegment bytes) {
        Sizes sizes = sizes(bytes);
        if (sizes == null || bytes.byteSize() < sizes.headerBytes()) {
            return null;
        }
        int used = bytes.get(INT, 32);
        if (used < FIXED_BYTES
                || used > sizes.headerBytes()
                || bytes.get(INT, 20) != Crc32c.of(bytes, CRC_FROM, used - CRC_FROM)) {
            return null;
        }
        Stripe.Type type = Stripe.Type.ofCode(bytes.get(BYTE, 26));
        if (bytes.get(SHORT, 24) != VERSION || type == null) {
            return null;
        }
        return readChecked(bytes, type, sizes, used);
    }

    private static @Nullable Cell readChecked(
            MemorySegment bytes, Stripe.Type type, Sizes sizes, int used) {
        int k = bytes.get(BYTE, 161);
        int m = bytes.get(BYTE, 162);
        int d = bytes.get(BYTE, 160);
        int role = bytes.get(BYTE, 27);
        if (k < 1 || k > Policy.MAX_K || m < 1 || m > Policy.MAX_M || d < 1 || d > k) {
            return null;
        }
        var geometry =
                new Stripe.Geometry(new Policy(k, m), d, sizes.headerBytes(), sizes.cellBytes());
        int extentCount = bytes.get(INT, 164);
        int blockCrcCount = bytes.get(INT, 168);
        int pieceCrcCount = bytes.get(INT, 172);
        boolean consistent = extentCount >= 0
                && blockCrcCount >= 0
                && extentCount <= used
                && blockCrcCount <= used
                && pieceCrcCount == geometry.participants() * geometry.piecesPerCell()
                && usedBytes(extentCount, blockCrcCount, pieceCrcCount) == used
                && role < k + m
                && geometry.participantIn(role) >= 0;
        if (!consistent) {
            return null;
        }
        var identity = new Stripe.Identity(
                new VolumeId(bytes.get(LONG, 144), bytes.get(LONG, 152)),
                readSegmentId(bytes, 40),
                bytes.get(LONG, 56),
                bytes.get(LONG, 64),
                bytes.get(LONG, 72));
        var links = new Stripe.Links(
                readSegmentId(bytes, 88),
                bytes.get(LONG, 104),
                new LogPosition(
                        readSegmentId(bytes, 112), bytes.get(LONG, 128), bytes.get(LONG, 136)),
                bytes.get(LONG, 80));
        List<Extent> extents = new ArrayList<>(extentCount);
        int at = FIXED_BYTES;
        for (int i = 0; i < extentCount; i++, at += EXTENT_BYTES) {
            Extent extent = readExtent(bytes, at);
            if (extent == null) {
                return null;
            }
            extents.add(extent);
        }
        int[] blockCrcs = readInts(bytes, at, blockCrcCount);
        int[] vector = readInts(bytes, at + 4 * blockCrcCount, pieceCrcCount);
        var stripe = new Stripe(type, identity, links, geometry, extents, blockCrcs, vector);
        return new Cell(stripe, role, readStamp(bytes));
    }

    /** A stamp that fails its own CRC claims nothing. */
    private static long readStamp(MemorySegment bytes) {
        return bytes.get(INT, 16) == Crc32c.of(bytes, 8, 8) ? bytes.get(LONG, 8) : 0;
    }

    private static SegmentId readSegmentId(MemorySegment bytes, long at) {
        return new SegmentId(bytes.get(LONG, at), bytes.get(LONG, at + 8));
    }

    private static @Nullable Extent readExtent(MemorySegment bytes, int at) {
        Extent.Kind kind = Extent.Kind.ofCode(bytes.get(BYTE, at + 20));
        Extent.Codec codec = Extent.Codec.ofCode(bytes.get(BYTE, at + 21));
        if (kind == null || codec == null) {
            return null;
        }
        return new Extent(
                bytes.get(LONG, at),
                bytes.get(INT, at + 8),
                bytes.get(INT, at + 12),
                bytes.get(INT, at + 16),
                kind,
                codec);
    }

    private static int[] readInts(MemorySegment bytes, int at, int count) {
        int[] ints = new int[count];
        for (int i = 0; i < count; i++) {
            ints[i] = bytes.get(INT, at + 4L * i);
        }
        return ints;
    }
}
