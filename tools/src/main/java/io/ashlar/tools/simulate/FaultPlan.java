package io.ashlar.tools.simulate;

import java.util.EnumMap;
import java.util.EnumSet;
import java.util.Map;
import java.util.Set;
import java.util.random.RandomGenerator;

/**
 * How often which fault comes, drawn from the seed: most runs know only some kinds, so that each is
 * seen with and without every other.
 */
final class FaultPlan {
    private static final long MILLI = 1_000_000;
    private static final long[] INTERVALS_MILLIS = {150, 400, 1_000, 2_500};
    private static final Set<FaultKind> LATER = EnumSet.of(
            FaultKind.CATALOGUE_COPY_LOST,
            FaultKind.CATALOGUE_PAGE_LOST,
            FaultKind.DRIVE_SLOW,
            FaultKind.TAKEOVER_IN_THE_DARK,
            FaultKind.ROOT_LATE,
            FaultKind.WRITER_KILL_IN_WRITE,
            FaultKind.NETWORK_SPLIT,
            FaultKind.WRITER_KILL_AT_ROLL,
            FaultKind.ALL_POWER_CUT_IN_WRITE,
            FaultKind.DRIVE_OTHER_GENERATION,
            FaultKind.ROOT_BEHIND_LATE_SEAL,
            FaultKind.WRITER_STOLEN_IN_WRITE,
            FaultKind.SHARD_LATE,
            FaultKind.DRIVE_ABSENT,
            FaultKind.LEADER_UNAWARE,
            FaultKind.NODE_START_TROUBLE,
            FaultKind.VOLUME_DELETED,
            FaultKind.WRITER_SUSPENDED,
            FaultKind.SHARD_REPEATED);
    private static final int MAX_STORM = 16;
    private static final long MAX_CALM_MILLIS = 40_000;

    private final Map<FaultKind, Integer> weights = new EnumMap<>(FaultKind.class);
    private final long intervalNanos;
    private int total;
    private int leftInStorm;

    /**
     * A plan.
     *
     * @param later draws the kinds that were added later, so that seeds which know none of them go on
     *     as before
     */
    FaultPlan(RandomGenerator random, RandomGenerator later) {
        int knownPercent = 15 + random.nextInt(70);
        for (FaultKind kind : FaultKind.values()) {
            RandomGenerator source = LATER.contains(kind) ? later : random;
            boolean known = source.nextInt(100) < knownPercent;
            int weight = known ? 1 + source.nextInt(8) : 0;
            weights.put(kind, weight);
            total += weight;
        }
        if (total == 0) {
            weights.put(FaultKind.NODE_KILL, 1);
            total = 1;
        }
        this.intervalNanos = INTERVALS_MILLIS[random.nextInt(INTERVALS_MILLIS.length)] * MILLI;
    }

    /** How long until the next one is tried: storms of them, and calm between for work to go on. */
    long nextNanos(RandomGenerator random) {
        if (leftInStorm == 0) {
            leftInStorm = 1 + random.nextInt(MAX_STORM);
            return random.nextLong(MAX_CALM_MILLIS * MILLI);
        }
        leftInStorm--;
        return (long) (-Math.log(1 - random.nextDouble()) * intervalNanos) + MILLI;
    }

    FaultKind next(RandomGenerator random) {
        int left = random.nextInt(total);
        for (Map.Entry<FaultKind, Integer> entry : weights.entrySet()) {
            left -= entry.getValue();
            if (left < 0) {
                return entry.getKey();
            }
        }
        throw new IllegalStateException("the weights do not sum up to " + total);
    }
}
