package io.ashlar.coordinator;

import io.ashlar.client.model.VolumeId;

import org.jspecify.annotations.Nullable;

import java.util.HashMap;
import java.util.Map;

/**
 * Who has shown signs of life lately. Leases decide when a volume may be taken over without force,
 * nothing else: safety comes from epochs. They are kept in the leader's memory, and a new leader
 * counts every volume that has a holder as renewed when it began.
 */
final class Leases {
    private final long leaseNanos;
    private long beganNanos;
    private final Map<VolumeId, Lease> leases = new HashMap<>();

    Leases(long leaseNanos, long beganNanos) {
        this.leaseNanos = leaseNanos;
        this.beganNanos = beganNanos;
    }

    private record Lease(long renewedNanos, long renewals) {}

    /** A holder takes the volume. */
    void begin(VolumeId volume, long nowNanos) {
        leases.put(volume, new Lease(nowNanos, 0));
    }

    void renew(VolumeId volume, long nowNanos) {
        leases.put(volume, new Lease(nowNanos, renewals(volume) + 1));
    }

    /** This process did not run for a while: whoever renewed meanwhile could not be heard. */
    void excuse(long nanos) {
        beganNanos += nanos;
        leases.replaceAll(
                (volume, lease) -> new Lease(lease.renewedNanos() + nanos, lease.renewals()));
    }

    void end(VolumeId volume) {
        leases.remove(volume);
    }

    long renewals(VolumeId volume) {
        Lease lease = leases.get(volume);
        return lease == null ? 0 : lease.renewals();
    }

    /** What is left of the lease of a volume that has a holder. */
    long remainingMillis(VolumeId volume, long nowNanos) {
        @Nullable Lease lease = leases.get(volume);
        long renewedNanos = lease == null ? beganNanos : lease.renewedNanos();
        long leftNanos = leaseNanos - (nowNanos - renewedNanos);
        return leftNanos <= 0 ? 0 : Math.ceilDiv(leftNanos, 1_000_000);
    }
}
