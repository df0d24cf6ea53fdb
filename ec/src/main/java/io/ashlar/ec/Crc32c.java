package io.ashlar.ec;

import java.lang.foreign.MemorySegment;
import java.nio.ByteBuffer;
import java.util.zip.CRC32C;

/**
 * CRC32C (Castagnoli; RFC 3720, appendix B.4), the checksum of everything stored and sent. A cell is
 * checked in pieces of {@value #PIECE_BYTES} bytes, so that a part of it can be read and verified.
 *
 * <p>Memory segments are native or backed by a {@code byte[]}, and are only borrowed.
 */
public final class Crc32c {
    /** The granularity of a cell's checksums; a cell's last piece may be shorter. */
    public static final int PIECE_BYTES = 4096;

    /** Native buffers are limited to 2 GiB; this keeps longer ranges aligned. */
    private static final long MAX_BUFFER_BYTES = 1L << 30;

    private Crc32c() {}

    public static int of(byte[] bytes) {
        CRC32C crc = new CRC32C();
        crc.update(bytes, 0, bytes.length);
        return (int) crc.getValue();
    }

    /**
     * The checksum of {@code bytes[offset, offset + lengthBytes)}.
     *
     * @throws IndexOutOfBoundsException when the memory segment does not contain the range
     */
    public static int of(MemorySegment bytes, long offset, long lengthBytes) {
        CRC32C crc = new CRC32C();
        long done = 0;
        while (done < lengthBytes) {
            long partBytes = Math.min(lengthBytes - done, MAX_BUFFER_BYTES);
            crc.update(bytes.asSlice(offset + done, partBytes).asByteBuffer());
            done += partBytes;
        }
        return (int) crc.getValue();
    }

    /** How many pieces a cell has. */
    public static int pieceCount(long cellBytes) {
        return Math.toIntExact(Math.ceilDiv(cellBytes, PIECE_BYTES));
    }

    /**
     * Sets {@code checksums[index]} and following to the checksums of the pieces of {@code
     * cell[offset, offset + lengthBytes)}; the range is at most 1 GiB, its last piece may be short.
     */
    static void ofPieces(
            MemorySegment cell, long offset, long lengthBytes, int[] checksums, int index) {
        ByteBuffer buffer = cell.asSlice(offset, lengthBytes).asByteBuffer();
        CRC32C crc = new CRC32C();
        int next = index;
        for (int end = 0; end < lengthBytes; next++) {
            end = (int) Math.min(lengthBytes, end + (long) PIECE_BYTES);
            crc.reset();
            crc.update(buffer.limit(end));
            checksums[next] = (int) crc.getValue();
        }
    }
}
