package io.ashlar.client.model;

import io.ashlar.client.protocol.Id;

/** The identity of a segment: 128 random bits, never reused. */
public record SegmentId(long high, long low) implements Comparable<SegmentId> {
    public static final SegmentId NONE = new SegmentId(0, 0);

    public static SegmentId of(Id id) {
        return new SegmentId(id.getHigh(), id.getLow());
    }

    public Id toProto() {
        return Id.newBuilder().setHigh(high).setLow(low).build();
    }

    /** Reads what {@link #toString()} wrote; throws {@link IllegalArgumentException} otherwise. */
    public static SegmentId parse(String hex) {
        Hex128 id = Hex128.parse(hex);
        return new SegmentId(id.high(), id.low());
    }

    @Override
    public int compareTo(SegmentId other) {
        int byHigh = Long.compareUnsigned(high, other.high);
        return byHigh != 0 ? byHigh : Long.compareUnsigned(low, other.low);
    }

    /** 32 hexadecimal digits. */
    @Override
    public String toString() {
        return Hex128.format(high, low);
    }
}
