package io.ashlar.node;

import io.ashlar.client.AshlarException;
import io.ashlar.client.format.CellFormat;
import io.ashlar.client.model.Stripe;
import io.ashlar.client.protocol.AppendCell;
import io.ashlar.client.transport.Buffer;
import io.ashlar.ec.Crc32c;

import java.lang.foreign.MemorySegment;

/** What a record must be before a drive's thread sees it. Pure. */
final class AppendCheck {
    private AppendCheck() {}

    /** The append that was asked for, where the record is whole and belongs to its place. */
    static RecordAppender.Append check(
            Shard shard, AppendCell request, Buffer record, boolean replacing)
            throws AshlarException.Invalid {
        MemorySegment bytes = record.segment();
        CellFormat.Cell cell = record.sizeBytes() == 0 ? null : CellFormat.read(bytes);
        if (cell == null) {
            throw invalid(shard, request, "carries no record that this release can read");
        }
        Stripe.Geometry geometry = cell.stripe().geometry();
        if (geometry.recordBytes() != record.sizeBytes()) {
            throw invalid(
                    shard,
                    request,
                    "carries " + record.sizeBytes() + " bytes, its record has "
                            + geometry.recordBytes());
        }
        if (request.getOffset() < 0 || request.getOffset() % CellFormat.ALIGN_BYTES != 0) {
            throw invalid(shard, request, "is not at a multiple of " + CellFormat.ALIGN_BYTES);
        }
        if (!Shard.belongs(shard.entry(), cell, request.getOffset())) {
            throw invalid(
                    shard,
                    request,
                    "carries role " + cell.role() + " of " + cell.stripe()
                            + ", which does not belong there or is too long");
        }
        int participant = geometry.participantIn(cell.role());
        for (int piece = 0; piece < geometry.piecesPerCell(); piece++) {
            long at = geometry.headerBytes() + (long) piece * Stripe.PIECE_BYTES;
            if (Crc32c.of(bytes, at, Stripe.PIECE_BYTES)
                    != cell.stripe().pieceCrc(participant, piece)) {
                throw invalid(shard, request, "fails its checksum in piece " + piece);
            }
        }
        return new RecordAppender.Append(
                shard,
                request.getOffset(),
                request.getEpoch(),
                request.getRecovery(),
                replacing,
                cell,
                record);
    }

    private static AshlarException.Invalid invalid(Shard shard, AppendCell request, String what) {
        return new AshlarException.Invalid(
                "an append to " + shard.key() + " at " + request.getOffset() + " " + what);
    }
}
