package io.ashlar.client.fake;

import io.ashlar.client.format.CellFormat;
import io.ashlar.client.model.Stripe;
import io.ashlar.ec.Crc32c;

import java.lang.foreign.MemorySegment;

/** Checks records as a node does. */
final class FakeRecords {
    private FakeRecords() {}

    /** Whether the cell matches its header's vector. */
    static boolean isWhole(CellFormat.Cell cell, byte[] record) {
        Stripe stripe = cell.stripe();
        int participant = stripe.geometry().participantIn(cell.role());
        MemorySegment bytes = MemorySegment.ofArray(record);
        for (int piece = 0; piece < stripe.geometry().piecesPerCell(); piece++) {
            long at = stripe.geometry().headerBytes() + piece * 4096L;
            if (Crc32c.of(bytes, at, 4096) != stripe.pieceCrc(participant, piece)) {
                return false;
            }
        }
        return true;
    }
}
