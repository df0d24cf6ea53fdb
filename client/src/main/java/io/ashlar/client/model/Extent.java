package io.ashlar.client.model;

/**
 * A run of consecutive blocks of a volume, as one stripe holds it. The stored bytes of a stripe's
 * extents lie one behind another in its data cells, each from {@code startBytes} of the data cells
 * taken together.
 *
 * @param firstBlock number of the first block in the volume
 * @param blockCount blocks, at least 1
 * @param startBytes where the stored bytes begin, a multiple of 4096
 * @param storedBytes how many they are: after compression; 0 for zeroes
 * @param kind what the blocks hold
 * @param codec how the stored bytes were compressed
 */
public record Extent(
        long firstBlock, int blockCount, int startBytes, int storedBytes, Kind kind, Codec codec) {

    /** What an extent's blocks hold. The codes are those of the format. */
    public enum Kind {
        /** The user's bytes; the record carries a CRC of every block. */
        DATA,
        /** Zeroes, or nothing any more: trim and write zeroes. */
        ZERO
    }

    /** How stored bytes are compressed. The codes are those of the format. */
    public enum Codec {
        RAW,
        ZSTD
    }

    /** The block behind the last one. */
    public long endBlock() {
        return firstBlock + blockCount;
    }
}
