package io.ashlar.client.model;

import io.ashlar.client.protocol.Id;

/** The identity of a volume: 128 random bits, never reused. */
public record VolumeId(long high, long low) implements Comparable<VolumeId> {
    public static final VolumeId NONE = new VolumeId(0, 0);

    public static VolumeId of(Id id) {
        return new VolumeId(id.getHigh(), id.getLow());
    }

    public Id toProto() {
        return Id.newBuilder().setHigh(high).setLow(low).build();
    }

    /** Reads what {@link #toString()} wrote; throws {@link IllegalArgumentException} otherwise. */
    public static VolumeId parse(String hex) {
        Hex128 id = Hex128.parse(hex);
        return new VolumeId(id.high(), id.low());
    }

    @Override
    public int compareTo(VolumeId other) {
        int byHigh = Long.compareUnsigned(high, other.high);
        return byHigh != 0 ? byHigh : Long.compareUnsigned(low, other.low);
    }

    /** 32 hexadecimal digits. */
    @Override
    public String toString() {
        return Hex128.format(high, low);
    }
}
