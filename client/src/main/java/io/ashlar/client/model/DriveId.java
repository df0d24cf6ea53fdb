package io.ashlar.client.model;

import io.ashlar.client.protocol.Id;

/** The identity of a drive: 128 random bits, never reused. */
public record DriveId(long high, long low) implements Comparable<DriveId> {
    public static final DriveId NONE = new DriveId(0, 0);

    public static DriveId of(Id id) {
        return new DriveId(id.getHigh(), id.getLow());
    }

    public Id toProto() {
        return Id.newBuilder().setHigh(high).setLow(low).build();
    }

    /** Reads what {@link #toString()} wrote; throws {@link IllegalArgumentException} otherwise. */
    public static DriveId parse(String hex) {
        Hex128 id = Hex128.parse(hex);
        return new DriveId(id.high(), id.low());
    }

    @Override
    public int compareTo(DriveId other) {
        int byHigh = Long.compareUnsigned(high, other.high);
        return byHigh != 0 ? byHigh : Long.compareUnsigned(low, other.low);
    }

    /** 32 hexadecimal digits. */
    @Override
    public String toString() {
        return Hex128.format(high, low);
    }
}
