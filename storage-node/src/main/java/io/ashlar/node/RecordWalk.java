package io.ashlar.node;

import io.ashlar.client.format.CellFormat;
import io.ashlar.client.model.Stripe;
import io.ashlar.client.transport.Buffer;
import io.ashlar.ec.Crc32c;

import org.jspecify.annotations.Nullable;

import java.io.IOException;
import java.lang.foreign.MemorySegment;

/**
 * Goes through a shard's record space and tells what is there, place by place: the next record is
 * looked for at the end of the last one, else at the next 4 KiB. A header that is right and names
 * this very place is believed about the length of its record. Not for two threads at once; close
 * it.
 */
final class RecordWalk implements AutoCloseable {
    private static final int PAGE_BYTES = CellFormat.ALIGN_BYTES;
    private static final int MIN_READ_BYTES = 16 * 1024;
    private static final int WINDOW_BYTES = 256 * 1024;
    private static final MemorySegment ZEROS =
            MemorySegment.ofArray(new byte[PAGE_BYTES]).asReadOnly();

    private final DriveFile arena;
    private final long base;
    private final ShardEntry shard;
    private final boolean verifyCells;
    private final Buffer memory = Buffer.allocate(WINDOW_BYTES + CellFormat.MAX_HEADER_BYTES);
    private final MemorySegment window = memory.segment().asSlice(0, WINDOW_BYTES);
    private final MemorySegment header = memory.segment().asSlice(WINDOW_BYTES);
    private long windowAt;
    private long windowBytes;
    private int nextReadBytes = MIN_READ_BYTES;
    private long bytesRead;
    private long at;

    /**
     * Begins a walk.
     *
     * @param from a multiple of 4096 in the shard's record space
     * @param verifyCells whether the cells are read and checked too
     */
    RecordWalk(DriveFile arena, Shard shard, long from, boolean verifyCells) {
        this.arena = arena;
        this.base = shard.base();
        this.shard = shard.entry();
        this.verifyCells = verifyCells;
        this.at = from;
    }

    /** What a place holds. */
    enum Kind {
        /** A record that is right, as far as it was checked. */
        RECORD,
        /** A record whose header is right and whose cell is not. */
        DAMAGED,
        /** Neither zero nor a record of this place. */
        GARBAGE,
        /** Nothing but zeros. */
        ZERO,
        /** The drive could not read it. */
        UNREADABLE
    }

    /** A place and what it holds; the cell is there for records, damaged ones included. */
    record Found(Kind kind, long offset, long endOffset, CellFormat.@Nullable Cell cell) {}

    /** The next place, or null at the end of the shard. */
    @Nullable
    Found next() {
        if (at >= shard.limitBytes()) {
            return null;
        }
        Found found = look();
        at = found.endOffset();
        return found;
    }

    /** The header of the record that was found last, until the next one is. */
    MemorySegment header() {
        return header;
    }

    long bytesRead() {
        return bytesRead;
    }

    private Found look() {
        MemorySegment page = load(at, PAGE_BYTES);
        if (page == null) {
            return new Found(Kind.UNREADABLE, at, at + PAGE_BYTES, null);
        }
        if (isZero(page)) {
            return new Found(Kind.ZERO, at, endOfZeros(), null);
        }
        CellFormat.Cell cell = readHeader(page);
        if (cell == null) {
            return new Found(Kind.GARBAGE, at, at + PAGE_BYTES, null);
        }
        long end = cell.stripe().endOffset();
        Kind kind = verifyCells && !cellIsRight(cell) ? Kind.DAMAGED : Kind.RECORD;
        return new Found(kind, at, end, cell);
    }

    private long endOfZeros() {
        long end = at + PAGE_BYTES;
        while (end + PAGE_BYTES <= windowAt + windowBytes
                && isZero(window.asSlice(end - windowAt, PAGE_BYTES))) {
            end += PAGE_BYTES;
        }
        return end;
    }

    private CellFormat.@Nullable Cell readHeader(MemorySegment page) {
        CellFormat.Sizes sizes = CellFormat.sizes(page);
        if (sizes == null || at + sizes.headerBytes() + sizes.cellBytes() > shard.limitBytes()) {
            return null;
        }
        MemorySegment bytes = load(at, sizes.headerBytes());
        CellFormat.Cell cell = bytes == null ? null : CellFormat.read(bytes);
        if (bytes == null || cell == null || !Shard.belongs(shard, cell, at)) {
            return null;
        }
        header.copyFrom(bytes);
        return cell;
    }

    private boolean cellIsRight(CellFormat.Cell cell) {
        Stripe stripe = cell.stripe();
        int participant = stripe.geometry().participantIn(cell.role());
        long pieceAt = at + stripe.geometry().headerBytes();
        for (int piece = 0; piece < stripe.geometry().piecesPerCell(); piece++) {
            MemorySegment bytes = load(pieceAt, Stripe.PIECE_BYTES);
            if (bytes == null
                    || Crc32c.of(bytes, 0, Stripe.PIECE_BYTES)
                            != stripe.pieceCrc(participant, piece)) {
                return false;
            }
            pieceAt += Stripe.PIECE_BYTES;
        }
        return true;
    }

    private static boolean isZero(MemorySegment page) {
        return page.mismatch(ZEROS) < 0;
    }

    /**
     * These bytes of the record space, valid until the next load; null where they cannot be read.
     * Reads far ahead only where the walk has gone on without a leap.
     */
    private @Nullable MemorySegment load(long from, int lengthBytes) {
        if (from < windowAt || from + lengthBytes > windowAt + windowBytes) {
            boolean leapt = from != windowAt + windowBytes;
            nextReadBytes = leapt && !verifyCells
                    ? MIN_READ_BYTES
                    : Math.min(WINDOW_BYTES, nextReadBytes * 2);
            long ahead = Math.min(shard.limitBytes() - from, nextReadBytes);
            if (!fill(from, Math.max(lengthBytes, ahead)) && !fill(from, lengthBytes)) {
                return null;
            }
        }
        return window.asSlice(from - windowAt, lengthBytes);
    }

    private boolean fill(long from, long lengthBytes) {
        try {
            arena.read(base + from, window.asSlice(0, lengthBytes));
        } catch (IOException e) {
            windowBytes = 0; // what could not be read is told place by place, as UNREADABLE
            return false;
        }
        windowAt = from;
        windowBytes = lengthBytes;
        bytesRead += lengthBytes;
        return true;
    }

    @Override
    public void close() {
        memory.release();
    }
}
