package io.ashlar.client.log;

import io.ashlar.client.model.DriveId;

import java.util.Arrays;
import java.util.Collections;
import java.util.HashMap;
import java.util.Map;
import java.util.SortedMap;
import java.util.TreeMap;

/**
 * Which drives answer a writer's appends slowly.
 *
 * <p>The cells of a stripe have one size and are sent together, so a stripe's participants are
 * compared with each other and with nothing else: an append is late if it took several times as long
 * as the others of its stripe usually did (their lower median), and longer than a floor. A cluster
 * that is slow as a whole has no slow drive.
 *
 * <p>Appends are counted in rounds of some time and some appends. A drive is slow after three rounds
 * in a row in which nearly all of its appends were late, and is not any more after three in which
 * hardly any was: an outlier changes no round, a hiccup shorter than two of them changes nothing. Where
 * nothing is heard of a slow drive, because the log goes on elsewhere, it gets another chance after a
 * minute; after longer and longer where it is found slow again.
 *
 * <p>One that does not answer at all within the hang bound has failed, and is told as such here: it is
 * slow at once, for a short while, and for longer and longer where it fails again.
 *
 * <p>It is drives that are told apart, not nodes: a drive is what another drive takes the place of, and
 * a node with one bad drive goes on with its others. A slow node shows in all of its drives.
 *
 * <p>Holds no clock: times are of a monotonic one, in nanoseconds.
 */
final class DrivePace {
    static final long FLOOR_NANOS = 25_000_000;
    static final int FACTOR = 4;
    static final long ROUND_NANOS = 500_000_000;
    static final int ROUND_APPENDS = 4;
    static final int ROUNDS = 3;
    static final long FIRST_FORGET_NANOS = 60_000_000_000L;
    static final long FIRST_SILENCE_NANOS = 10_000_000_000L;
    static final long MAX_FORGET_NANOS = 16 * FIRST_FORGET_NANOS;

    /** Of a round's appends: so many quarters or more are late, or are not. */
    private static final int NEARLY_ALL_QUARTERS = 3;

    private final Map<DriveId, Drive> drives = new HashMap<>();

    /**
     * What an append takes on a slow drive, and on others beside it.
     *
     * @param silent whether so much time passed without an answer
     */
    record Slowness(long appendNanos, long othersNanos, boolean silent) {}

    private static final class Drive {
        long heardNanos;
        long roundBeganNanos;
        int appends;
        int late;
        long sumNanos;
        long sumOthersNanos;
        int lateRounds;
        int goodRounds;
        boolean slow;
        boolean silent;
        long forgetNanos;
        long nextForgetNanos = FIRST_FORGET_NANOS;
        long nextSilenceNanos = FIRST_SILENCE_NANOS;
        Slowness slowness = new Slowness(0, 0, false);

        void expire(long now) {
            if (now - heardNanos > (slow ? forgetNanos : FIRST_FORGET_NANOS)) {
                slow = false;
                silent = false;
                beginAnew();
            }
        }

        private void beginAnew() {
            lateRounds = 0;
            goodRounds = 0;
            appends = 0;
        }

        void silent(long nanos, long now) {
            expire(now);
            heardNanos = now;
            beginAnew();
            if (!silent) {
                forgetNanos = nextSilenceNanos;
                nextSilenceNanos = Math.min(2 * nextSilenceNanos, MAX_FORGET_NANOS);
            }
            slow = true;
            silent = true;
            slowness = new Slowness(nanos, 0, true);
        }

        void append(long nanos, long othersNanos, long now) {
            expire(now);
            heardNanos = now;
            if (appends == 0) {
                roundBeganNanos = now;
                late = 0;
                sumNanos = 0;
                sumOthersNanos = 0;
            }
            appends++;
            late += nanos > Math.max(FLOOR_NANOS, FACTOR * othersNanos) ? 1 : 0;
            sumNanos += nanos;
            sumOthersNanos += othersNanos;
            if (appends >= ROUND_APPENDS && now - roundBeganNanos >= ROUND_NANOS) {
                endRound();
            }
        }

        private void endRound() {
            boolean isLate = 4 * late >= NEARLY_ALL_QUARTERS * appends;
            boolean isGood = 4 * (appends - late) >= NEARLY_ALL_QUARTERS * appends;
            lateRounds = isLate ? lateRounds + 1 : 0;
            goodRounds = isGood ? goodRounds + 1 : 0;
            if (isLate) {
                slowness = new Slowness(sumNanos / appends, sumOthersNanos / appends, false);
            }
            appends = 0;
            if ((!slow || silent) && lateRounds >= ROUNDS) {
                slow = true;
                silent = false;
                forgetNanos = nextForgetNanos;
                nextForgetNanos = Math.min(2 * nextForgetNanos, MAX_FORGET_NANOS);
            } else if (slow && goodRounds >= ROUNDS) {
                slow = false;
                silent = false;
                nextForgetNanos = FIRST_FORGET_NANOS;
                nextSilenceNanos = FIRST_SILENCE_NANOS;
            }
        }
    }

    /**
     * All participants of a stripe have answered.
     *
     * @param on the drive of each
     * @param nanos what each took
     */
    void stripeAnswered(DriveId[] on, long[] nanos, long now) {
        SortedMap<DriveId, Long> slowest = new TreeMap<>();
        for (int i = 0; i < on.length; i++) {
            slowest.merge(on[i], nanos[i], Math::max);
        }
        if (slowest.size() < 2) {
            return;
        }
        long[] sorted = slowest.values().stream().mapToLong(Long::longValue).toArray();
        Arrays.sort(sorted);
        slowest.forEach((drive, took) -> drives.computeIfAbsent(drive, ignored -> new Drive())
                .append(took, lowerMedianOfOthers(sorted, took), now));
    }

    /** It did not answer in so much time, which counts as a failure. */
    void silent(DriveId drive, long nanos, long now) {
        drives.computeIfAbsent(drive, ignored -> new Drive()).silent(nanos, now);
    }

    /** Of all but one; that one is among them. */
    private static long lowerMedianOfOthers(long[] sorted, long one) {
        int median = (sorted.length - 2) / 2;
        return one <= sorted[median] ? sorted[median + 1] : sorted[median];
    }

    /** The slow ones, as far as is known. */
    SortedMap<DriveId, Slowness> slow(long now) {
        drives.values().removeIf(drive -> now - drive.heardNanos > 2 * MAX_FORGET_NANOS);
        drives.values().forEach(drive -> drive.expire(now));
        if (drives.values().stream().noneMatch(drive -> drive.slow)) {
            return Collections.emptySortedMap();
        }
        SortedMap<DriveId, Slowness> slow = new TreeMap<>();
        drives.forEach((id, drive) -> {
            if (drive.slow) {
                slow.put(id, drive.slowness);
            }
        });
        return slow;
    }
}
