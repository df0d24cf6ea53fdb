package io.ashlar.client.stripe;

import io.ashlar.client.model.Stripe;
import io.ashlar.ec.Crc32c;

import java.lang.foreign.MemorySegment;

/** Holds bytes to the CRCs of their 4 KiB pieces. */
final class PieceCheck {
    private PieceCheck() {}

    /** Whether every piece has the CRC expected of it. */
    static boolean holds(MemorySegment bytes, int[] crcs) {
        if (bytes.byteSize() != (long) crcs.length * Stripe.PIECE_BYTES) {
            return false;
        }
        for (int i = 0; i < crcs.length; i++) {
            if (Crc32c.of(bytes, (long) i * Stripe.PIECE_BYTES, Stripe.PIECE_BYTES) != crcs[i]) {
                return false;
            }
        }
        return true;
    }

    /** The same against the stripe's vector, for pieces of one participant's cell. */
    static boolean holds(MemorySegment bytes, Stripe stripe, int participant, int firstPiece) {
        int count = (int) (bytes.byteSize() / Stripe.PIECE_BYTES);
        for (int i = 0; i < count; i++) {
            long at = (long) i * Stripe.PIECE_BYTES;
            if (Crc32c.of(bytes, at, Stripe.PIECE_BYTES)
                    != stripe.pieceCrc(participant, firstPiece + i)) {
                return false;
            }
        }
        return true;
    }
}
