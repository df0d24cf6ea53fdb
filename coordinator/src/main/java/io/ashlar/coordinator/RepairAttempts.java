package io.ashlar.coordinator;

import io.ashlar.client.model.DriveId;
import io.ashlar.coordinator.plan.ShardSlot;

import org.jspecify.annotations.Nullable;

import java.util.HashMap;
import java.util.HashSet;
import java.util.Map;
import java.util.Set;
import java.util.TreeMap;
import java.util.function.Predicate;

/**
 * Repairs that failed: a shard rests after each, twice as long as before up to a bound, and is
 * reported once its repair has failed too often. It is never given up: when nodes come back, or
 * slowly by itself, it is tried again.
 */
final class RepairAttempts {
    private final CoordinatorConfig.RepairLimits limits;
    private final Map<ShardSlot, Attempts> failures = new TreeMap<>();

    RepairAttempts(CoordinatorConfig.RepairLimits limits) {
        this.limits = limits;
    }

    private static final class Attempts {
        private int count;
        private long restsUntilNanos;
        private String reason = "";
        private final Set<DriveId> tried = new HashSet<>();
    }

    /**
     * Records a failure.
     *
     * @param drive that is not to be tried first again; null where it was not to blame
     */
    void failed(ShardSlot shard, String reason, @Nullable DriveId drive, long nowNanos) {
        Attempts attempts = failures.computeIfAbsent(shard, first -> new Attempts());
        long restNanos = limits.backoff().toNanos() << Math.min(attempts.count, 20);
        attempts.count++;
        attempts.restsUntilNanos =
                nowNanos + Math.min(restNanos, limits.maxBackoff().toNanos());
        attempts.reason = reason;
        if (drive != null) {
            attempts.tried.add(drive);
        }
    }

    void forget(ShardSlot shard) {
        failures.remove(shard);
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
    void keepOnly(Predicate<ShardSlot> needed) {
        failures.keySet().removeIf(needed.negate());
    }

    int count(ShardSlot shard) {
        Attempts attempts = failures.get(shard);
        return attempts == null ? 0 : attempts.count;
    }

    Set<ShardSlot> resting(long nowNanos) {
        Set<ShardSlot> resting = new HashSet<>();
        failures.forEach((shard, attempts) -> {
            if (attempts.restsUntilNanos != Long.MIN_VALUE
                    && attempts.restsUntilNanos - nowNanos > 0) {
                resting.add(shard);
            }
        });
        return resting;
    }

    Map<ShardSlot, Set<DriveId>> tried() {
        Map<ShardSlot, Set<DriveId>> tried = new HashMap<>();
        failures.forEach((shard, attempts) -> tried.put(shard, attempts.tried));
        return tried;
    }

    /** Why the repairs of those shards failed that have failed too often. */
    Map<ShardSlot, String> reported() {
        Map<ShardSlot, String> reported = new TreeMap<>();
        failures.forEach((shard, attempts) -> {
            if (attempts.count >= limits.maxAttempts()) {
                reported.put(shard, attempts.reason + " (tried " + attempts.count + " times)");
            }
        });
        return reported;
    }
}
