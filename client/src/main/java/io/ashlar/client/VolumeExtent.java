package io.ashlar.client;

/** A part of a volume, in bytes, that is all alike. */
public record VolumeExtent(long offset, long lengthBytes, Content content) {

    /** What a part of a volume holds. */
    public enum Content {
        /** Never written, or zeroed: takes no room. */
        ZERO,
        STORED,
        /** More shards of it failed than its policy survives: reading it is an error. */
        LOST
    }

    public long endOffset() {
        return offset + lengthBytes;
    }
}
