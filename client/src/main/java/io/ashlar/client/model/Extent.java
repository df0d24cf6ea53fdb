package io.ashlar.client.model;

import org.jspecify.annotations.Nullable;

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

    /** What an extent's blocks hold. */
    public enum Kind {
        /** The user's bytes; the record carries a CRC of every block. */
        DATA(0),
        /** Zeroes, or nothing any more: trim and write zeroes. */
        ZERO(1);

        private final int code;

        Kind(int code) {
            this.code = code;
        }

        /** Its code in formats. */
        public int code() {
            return code;
        }

        public static @Nullable Kind ofCode(int code) {
            return switch (code) {
                case 0 -> DATA;
                case 1 -> ZERO;
                default -> null;
            };
        }
    }

    /** How stored bytes are compressed. */
    public enum Codec {
        RAW(0),
        ZSTD(1);

        private final int code;

        Codec(int code) {
            this.code = code;
        }

        /** Its code in formats. */
        public int code() {
            return code;
        }

        public static @Nullable Codec ofCode(int code) {
            return switch (code) {
                case 0 -> RAW;
                case 1 -> ZSTD;
                default -> null;
            };
        }
    }

    /** The block behind the last one. */
    public long endBlock() {
        return firstBlock + blockCount;
    }
}
