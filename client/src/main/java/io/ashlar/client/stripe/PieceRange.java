package io.ashlar.client.stripe;

import io.ashlar.client.model.Stripe;

/** Consecutive 4 KiB pieces of one participant's cell of a stripe. */
public record PieceRange(StripeRef stripe, int participant, int firstPiece, int pieceCount) {

    /** The whole of a cell. */
    public static PieceRange cell(StripeRef stripe, int participant) {
        return new PieceRange(stripe, participant, 0, stripe.geometry().piecesPerCell());
    }

    /** The same pieces of another participant's cell. */
    PieceRange of(int other) {
        return new PieceRange(stripe, other, firstPiece, pieceCount);
    }

    int lengthBytes() {
        return pieceCount * Stripe.PIECE_BYTES;
    }

    @Override
    public String toString() {
        return "pieces " + firstPiece + "+" + pieceCount + " of participant " + participant + " of "
                + stripe;
    }
}
