package io.ashlar.client;

/** A part of a volume, in bytes, that is as safe everywhere. */
public record HealthExtent(long offset, long lengthBytes, Health health) {

    /** How safe a part of a volume is. */
    public enum Health {
        /** It survives as many losses as the policy says; or there is nothing that could be lost. */
        WHOLE,
        /** It survives fewer. */
        DEGRADED,
        /** So many shards cannot be had now that reading it may fail. */
        UNAVAILABLE,
        /** Some of it is lost for good, and reading that is an error. */
        LOST,
        /** No coordinator tells. */
        UNKNOWN
    }
}
