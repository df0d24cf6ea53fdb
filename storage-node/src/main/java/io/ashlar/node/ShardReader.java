package io.ashlar.node;

import io.ashlar.client.AshlarException;
import io.ashlar.client.format.CellFormat;
import io.ashlar.client.model.DriveId;
import io.ashlar.client.model.Stripe;
import io.ashlar.client.protocol.CellBytes;
import io.ashlar.client.protocol.ReadCell;
import io.ashlar.client.protocol.Response;
import io.ashlar.client.protocol.ShardDamage;
import io.ashlar.client.protocol.ShardVerified;
import io.ashlar.client.transport.Buffer;
import io.ashlar.ec.Crc32c;

import org.jspecify.annotations.Nullable;

import java.io.IOException;
import java.lang.foreign.MemorySegment;
import java.util.List;

/**
 * Reads cells and verifies shards. Bytes whose checksum does not hold are never given out (INV-2):
 * they are reported, and the caller decodes instead. Runs on reader threads, beside the drive's.
 */
final class ShardReader {
    private static final int MAX_PIECES = CellFormat.MAX_CELL_BYTES / Stripe.PIECE_BYTES;

    private final DriveId drive;
    private final DriveFile arena;
    private final DamageLog damage;

    ShardReader(DriveId drive, DriveFile arena, DamageLog damage) {
        this.drive = drive;
        this.arena = arena;
        this.damage = damage;
    }

    /** Reads pieces of one cell, and its record's header where that is asked for. */
    Reply read(Shard shard, ReadCell request) throws AshlarException {
        check(shard, request);
        boolean trusted =
                !request.getHeader() && request.getHeaderBytes() > 0 && request.getCrcsCount() > 0;
        if (trusted) {
            Buffer pieces = readTrusted(shard, request);
            if (pieces != null) {
                return reply(0, pieces);
            }
        }
        return readChecked(shard, request);
    }

    private static void check(Shard shard, ReadCell request) throws AshlarException.Invalid {
        boolean sane = request.getOffset() >= 0
                && request.getOffset() % CellFormat.ALIGN_BYTES == 0
                && request.getFirstPiece() >= 0
                && request.getPieceCount() >= 0
                && request.getFirstPiece() + (long) request.getPieceCount() <= MAX_PIECES
                && request.getHeaderBytes() >= 0
                && request.getHeaderBytes() <= CellFormat.MAX_HEADER_BYTES
                && request.getHeaderBytes() % CellFormat.ALIGN_BYTES == 0
                && (request.getCrcsCount() == 0
                        || request.getCrcsCount() == request.getPieceCount())
                && (request.getPieceCount() > 0 || request.getHeader());
        long end = request.getOffset() + CellFormat.ALIGN_BYTES + request.getHeaderBytes();
        if (!sane || end - CellFormat.ALIGN_BYTES > shard.entry().limitBytes()) {
            throw new AshlarException.Invalid("a read of " + shard.key() + " of "
                    + shard.entry().limitBytes() + " bytes asks for pieces "
                    + request.getFirstPiece() + "+" + request.getPieceCount()
                    + " of a cell at " + request.getOffset());
        }
    }

    /** The pieces where they have the CRCs that the caller expects, else null. */
    private @Nullable Buffer readTrusted(Shard shard, ReadCell request) {
        long at = request.getOffset()
                + request.getHeaderBytes()
                + (long) request.getFirstPiece() * Stripe.PIECE_BYTES;
        int lengthBytes = request.getPieceCount() * Stripe.PIECE_BYTES;
        if (at + lengthBytes > shard.entry().limitBytes()) {
            return null;
        }
        Buffer pieces = loaded(shard, at, lengthBytes);
        if (pieces != null && !haveCrcs(pieces.segment(), request)) {
            pieces.release();
            return null;
        }
        return pieces;
    }

    private static boolean haveCrcs(MemorySegment pieces, ReadCell request) {
        for (int piece = 0; piece < request.getCrcsCount(); piece++) {
            long at = (long) piece * Stripe.PIECE_BYTES;
            if (Crc32c.of(pieces, at, Stripe.PIECE_BYTES) != request.getCrcs(piece)) {
                return false;
            }
        }
        return true;
    }

    private Reply readChecked(Shard shard, ReadCell request) throws AshlarException {
        Buffer header = readHeader(shard, request.getOffset());
        try {
            CellFormat.Cell cell = header == null ? null : CellFormat.read(header.segment());
            if (header == null
                    || cell == null
                    || !Shard.belongs(shard.entry(), cell, request.getOffset())) {
                throw noRecord(shard, request.getOffset());
            }
            Stripe.Geometry geometry = cell.stripe().geometry();
            if (request.getFirstPiece() + request.getPieceCount() > geometry.piecesPerCell()) {
                throw new AshlarException.Invalid("the cell at " + request.getOffset() + " of "
                        + shard.key() + " has " + geometry.piecesPerCell()
                        + " pieces, asked for " + request.getFirstPiece() + "+"
                        + request.getPieceCount());
            }
            return readPieces(shard, request, cell, header);
        } finally {
            if (header != null) {
                header.release();
            }
        }
    }

    /** The header that begins here, unchecked; null where none does. */
    private @Nullable Buffer readHeader(Shard shard, long offset) {
        Buffer first = loaded(shard, offset, CellFormat.ALIGN_BYTES);
        if (first == null) {
            return null;
        }
        CellFormat.Sizes sizes = CellFormat.sizes(first.segment());
        if (sizes != null && sizes.headerBytes() == first.sizeBytes()) {
            return first;
        }
        first.release();
        return sizes == null || offset + sizes.headerBytes() > shard.entry().limitBytes()
                ? null
                : loaded(shard, offset, sizes.headerBytes());
    }

    /** These bytes, owned by the caller; null where they cannot be read. */
    private @Nullable Buffer loaded(Shard shard, long offset, int lengthBytes) {
        Buffer bytes = Buffer.allocate(lengthBytes);
        boolean there = false;
        try {
            there = load(shard, offset, bytes.segment());
            return there ? bytes : null;
        } finally {
            if (!there) {
                bytes.release();
            }
        }
    }

    private Reply readPieces(Shard shard, ReadCell request, CellFormat.Cell cell, Buffer header)
            throws AshlarException {
        Stripe.Geometry geometry = cell.stripe().geometry();
        int participant = geometry.participantIn(cell.role());
        int headerBytes = request.getHeader() ? geometry.headerBytes() : 0;
        int pieceBytes = request.getPieceCount() * Stripe.PIECE_BYTES;
        Buffer answer = Buffer.allocate(headerBytes + pieceBytes);
        boolean given = false;
        try {
            if (headerBytes > 0) {
                answer.segment().copyFrom(header.segment());
            }
            if (pieceBytes > 0) {
                MemorySegment pieces = answer.segment().asSlice(headerBytes);
                long at = request.getOffset()
                        + geometry.headerBytes()
                        + (long) request.getFirstPiece() * Stripe.PIECE_BYTES;
                if (!load(shard, at, pieces)
                        || !haveVector(pieces, cell.stripe(), participant, request)) {
                    throw corrupt(
                            shard,
                            request.getOffset(),
                            ShardDamage.Kind.CORRUPT_CELL,
                            "the cell fails its checksum");
                }
                if (!haveCrcs(pieces, request)) {
                    throw new AshlarException.Corrupt("the cell at " + request.getOffset() + " of "
                            + shard.key() + " is whole but not the one expected");
                }
            }
            given = true;
            return reply(headerBytes, answer);
        } finally {
            if (!given) {
                answer.release();
            }
        }
    }

    private static boolean haveVector(
            MemorySegment pieces, Stripe stripe, int participant, ReadCell request) {
        for (int piece = 0; piece < request.getPieceCount(); piece++) {
            long at = (long) piece * Stripe.PIECE_BYTES;
            if (Crc32c.of(pieces, at, Stripe.PIECE_BYTES)
                    != stripe.pieceCrc(participant, request.getFirstPiece() + piece)) {
                return false;
            }
        }
        return true;
    }

    private static Reply reply(int headerBytes, Buffer answer) {
        Response response = Response.newBuilder()
                .setCellBytes(CellBytes.newBuilder().setHeaderBytes(headerBytes))
                .build();
        return new Reply(response, List.of(answer));
    }

    private AshlarException noRecord(Shard shard, long offset) {
        MemorySegment page = MemorySegment.ofArray(new byte[CellFormat.ALIGN_BYTES]);
        MemorySegment zeros = MemorySegment.ofArray(new byte[CellFormat.ALIGN_BYTES]);
        boolean empty = load(shard, offset, page) && page.mismatch(zeros) < 0;
        ShardDamage.Kind kind =
                empty ? ShardDamage.Kind.MISSING_CELL : ShardDamage.Kind.CORRUPT_CELL;
        return corrupt(shard, offset, kind, "there is no readable record");
    }

    /** Remembers the damage where a cell is known to have been; says so in any case. */
    private AshlarException corrupt(
            Shard shard, long offset, ShardDamage.Kind kind, String detail) {
        if (shard.deleted()) {
            return ShardStore.notFound(shard.key());
        }
        if (shard.mustHold(offset)) {
            shard.damagedCells(Math.max(1, shard.damagedCells()));
            damage.cell(drive, shard.key(), kind, offset, detail);
        }
        return new AshlarException.Corrupt(shard.key() + " at " + offset + ": " + detail);
    }

    private boolean load(Shard shard, long offset, MemorySegment target) {
        try {
            arena.read(shard.base() + offset, target);
            return true;
        } catch (IOException e) {
            return false; // as good as rot to whoever wants the bytes, and reported like it
        }
    }

    /** Reads every record up to a length and checks it. */
    ShardVerified verify(Shard shard, long upTo, int expectedCells)
            throws AshlarException.NotFound {
        int valid = 0;
        int damaged = 0;
        long bytesRead;
        try (var walk = new RecordWalk(arena, shard, 0, true)) {
            for (RecordWalk.Found found = walk.next();
                    found != null && found.offset() < upTo;
                    found = walk.next()) {
                switch (found.kind()) {
                    case RECORD -> valid++;
                    case DAMAGED -> damaged++;
                    case GARBAGE, ZERO, UNREADABLE -> {}
                }
            }
            bytesRead = walk.bytesRead();
        }
        if (shard.deleted()) {
            throw ShardStore.notFound(shard.key());
        }
        return ShardVerified.newBuilder()
                .setValidCells(valid)
                .setDamagedCells(Math.max(damaged, expectedCells - valid))
                .setBytesRead(bytesRead)
                .build();
    }
}
