package io.ashlar.client.fake;

import io.ashlar.client.format.CellFormat;
import io.ashlar.client.model.Stripe;
import io.ashlar.ec.Crc32c;

import java.lang.foreign.MemorySegment;
import java.util.Arrays;

/** Checks records as a node does. */
final class FakeRecords {
    private FakeRecords() {}

    /** The record with another CRC of the stripe's first piece in its vector. */
    static byte[] contradicting(byte[] record) {
        byte[] bytes = record.clone();
        CellFormat.Cell cell = CellFormat.read(MemorySegment.ofArray(record));
        if (cell == null || cell.stripe().pieceCrcCount() == 0) {
            return bytes;
        }
        Stripe stripe = cell.stripe();
        int[] blockCrcs = new int[stripe.blockCrcCount()];
        Arrays.setAll(blockCrcs, stripe::blockCrc);
        int[] vector = new int[stripe.pieceCrcCount()];
        Arrays.setAll(vector, stripe::vector);
        vector[0] ^= 1;
        Stripe other = new Stripe(
                stripe.type(),
                stripe.identity(),
                stripe.links(),
                stripe.geometry(),
                stripe.extents(),
                blockCrcs,
                vector);
        CellFormat.write(other, cell.role(), MemorySegment.ofArray(bytes));
        return bytes;
    }

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
