package io.ashlar.coordinator;

import io.ashlar.client.model.DriveId;
import io.ashlar.client.model.SegmentId;

import org.jspecify.annotations.Nullable;

import java.util.HashMap;
import java.util.HashSet;
import java.util.Map;
import java.util.Set;
import java.util.TreeMap;

/**
 * Repairs that failed: a segment rests after each, twice as long as before up to a bound, and is
 * reported once it has failed too often. It is never given up: when nodes come back, or slowly by
 * itself, it is tried again.
 */
final class RepairAttempts {
    /** A node that restarts makes a segment undecodable too, for a moment. */
    private static final int UNDECODABLE_AFTER_ATTEMPTS = 3;

    private final CoordinatorConfig.RepairLimits limits;
    private final Map<SegmentId, Attempts> failures = new TreeMap<>();

    RepairAttempts(CoordinatorConfig.RepairLimits limits) {
        this.limits = limits;
    }

    private static final class Attempts {
        private int count;
        private long restsUntilNanos;
        private String reason = "";
        private boolean undecodable;
        private final Set<DriveId> tried = new HashSet<>();
    }

    /**
     * Records a failure.
     *
     * @param drive that is not to be tried first again; null where it was not to blame
     * @param undecodable whether too few cells were right although every node was up
     */
    void failed(
            SegmentId segment,
            String reason,
            @Nullable DriveId drive,
            boolean undecodable,
            long nowNanos) {
        Attempts attempts = failures.computeIfAbsent(segment, first -> new Attempts());
        long restNanos = limits.backoff().toNanos() << Math.min(attempts.count, 20);
        attempts.count++;
        attempts.restsUntilNanos =
                nowNanos + Math.min(restNanos, limits.maxBackoff().toNanos());
        attempts.reason = reason;
        attempts.undecodable = undecodable;
        if (drive != null) {
            attempts.tried.add(drive);
        }
    }

    void forget(SegmentId segment) {
        failures.remove(segment);
    }

    /** Circumstances have changed: nothing rests any longer. */
    void retryNow() {
        failures.values().forEach(attempts -> {
            attempts.restsUntilNanos = Long.MIN_VALUE;
            attempts.tried.clear();
        });
    }

    void clear() {
        failures.clear();
    }

    /** Forgets those that need no repair any more. */
    void keepOnly(Set<SegmentId> segments) {
        failures.keySet().retainAll(segments);
    }

    int count(SegmentId segment) {
        Attempts attempts = failures.get(segment);
        return attempts == null ? 0 : attempts.count;
    }

    Set<SegmentId> resting(long nowNanos) {
        Set<SegmentId> resting = new HashSet<>();
        failures.forEach((segment, attempts) -> {
            if (attempts.restsUntilNanos != Long.MIN_VALUE
                    && attempts.restsUntilNanos - nowNanos > 0) {
                resting.add(segment);
            }
        });
        return resting;
    }

    Map<SegmentId, Set<DriveId>> tried() {
        Map<SegmentId, Set<DriveId>> tried = new HashMap<>();
        failures.forEach((segment, attempts) -> tried.put(segment, attempts.tried));
        return tried;
    }

    boolean isUndecodable(SegmentId segment) {
        Attempts attempts = failures.get(segment);
        return attempts != null
                && attempts.undecodable
                && attempts.count >= UNDECODABLE_AFTER_ATTEMPTS;
    }

    /** Why the segments that have failed too often did. */
    Map<SegmentId, String> reported() {
        Map<SegmentId, String> reported = new TreeMap<>();
        failures.forEach((segment, attempts) -> {
            if (attempts.count >= limits.maxAttempts() || isUndecodable(segment)) {
                reported.put(segment, attempts.reason + " (tried " + attempts.count + " times)");
            }
        });
        return reported;
    }
}
