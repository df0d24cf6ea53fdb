package io.ashlar.client.map;

import io.ashlar.client.stripe.StripeRef;

/** What the map says of consecutive blocks. */
public sealed interface MapExtent {
    long firstBlock();

    long blockCount();

    /** The block behind the last one. */
    default long endBlock() {
        return firstBlock() + blockCount();
    }

    /** Never written, or zeroed: no I/O needed. */
    record Zero(long firstBlock, long blockCount) implements MapExtent {}

    /** Their newest content is lost: older content must not be shown. */
    record Lost(long firstBlock, long blockCount) implements MapExtent {}

    /**
     * Stored in consecutive pieces of a stripe.
     *
     * @param firstPiece of the first block, among the 4 KiB pieces of the stripe's data cells taken
     *     together
     * @param crcs CRC32C of each block
     */
    @SuppressWarnings("ArrayRecordComponent") // never compared
    record Stored(long firstBlock, StripeRef stripe, int firstPiece, int[] crcs)
            implements MapExtent {
        @Override
        public long blockCount() {
            return crcs.length;
        }

        /** The participant, a data cell, that holds the block of this index. */
        public int participant(int index) {
            return (firstPiece + index) / stripe.geometry().piecesPerCell();
        }

        /** That block's piece within the cell. */
        public int pieceOfCell(int index) {
            return (firstPiece + index) % stripe.geometry().piecesPerCell();
        }
    }
}
