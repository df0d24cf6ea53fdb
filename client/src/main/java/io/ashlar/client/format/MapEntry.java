package io.ashlar.client.format;

/**
 * An entry of a page of the map: a run of consecutive blocks that are zero, lost, or consecutive
 * pieces of one stripe. Mutable, because hundreds of millions of them pass through a merge: a cursor
 * sets it, and whoever reads the cursor reads it before the cursor moves on.
 *
 * <p>Segment and geometry are numbers in tables of the entry's source (a run's directory).
 */
public final class MapEntry {
    /** What the blocks are. */
    public enum Kind {
        STORED,
        /** Written once and zeroed since; hides what older runs say. */
        ZERO,
        LOST
    }

    public Kind kind = Kind.ZERO;
    public long firstBlock;
    public long blockCount;
    public int segmentIndex;
    public int geometryIndex;
    public long stripeNumber;
    public long stripeOffset;

    /** Of the first block, among the pieces of the stripe's data cells taken together. */
    public int firstPiece;

    /** CRC32C of the blocks: {@code crcs[crcAt]} is that of the first. */
    public int[] crcs = new int[1];

    public int crcAt;

    /** The block behind the last one. */
    public long endBlock() {
        return firstBlock + blockCount;
    }

    /** Drops the blocks before this one, which lies within the entry. */
    public void trimTo(long block) {
        int cut = kind == Kind.STORED ? (int) (block - firstBlock) : 0;
        blockCount -= block - firstBlock;
        firstBlock = block;
        firstPiece += cut;
        crcAt += cut;
    }
}
