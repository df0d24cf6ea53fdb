package io.ashlar.client;

import io.ashlar.client.map.MapExtent;

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

    static Content contentOf(MapExtent extent) {
        return switch (extent) {
            case MapExtent.Zero ignored -> Content.ZERO;
            case MapExtent.Stored ignored -> Content.STORED;
            case MapExtent.Lost ignored -> Content.LOST;
        };
    }

    public long endOffset() {
        return offset + lengthBytes;
    }
}
