package io.ashlar.tools.simulate;

/**
 * A machine's clocks: a monotonic one that runs a little fast or slow, and a wall clock that may be
 * set to anything at any time. Outlives the processes of its machine.
 */
final class SimulatedClock {
    private static final long WALL_START_MILLIS = 1_700_000_000_000L;
    private static final long PARTS = 1_000_000;
    private static final long NANOS_PER_MILLI = 1_000_000;

    private final Schedule schedule;
    private final long driftPartsPerMillion;
    private long wallOffsetMillis;
    private long suspendedAtNanos;
    private long suspendedNanos;

    /**
     * A clock.
     *
     * @param driftPartsPerMillion how much faster than time it runs; negative: slower
     */
    SimulatedClock(Schedule schedule, long driftPartsPerMillion) {
        this.schedule = schedule;
        this.driftPartsPerMillion = driftPartsPerMillion;
    }

    long nanoTime() {
        return unsuspendedNanos() - suspendedNanos;
    }

    private long unsuspendedNanos() {
        long now = schedule.nowNanos();
        return now + now / PARTS * driftPartsPerMillion;
    }

    /** How much time passes while this clock goes on by so much. */
    long trueNanos(long byThisClock) {
        return Math.max(0, byThisClock - byThisClock / PARTS * driftPartsPerMillion);
    }

    long wallMillis() {
        return WALL_START_MILLIS + wallOffsetMillis + unsuspendedNanos() / NANOS_PER_MILLI;
    }

    /** Somebody sets the wall clock. */
    void jump(long millis) {
        wallOffsetMillis += millis;
    }

    boolean hasJumped() {
        return wallOffsetMillis != 0;
    }

    /** The machine is suspended: until it is woken its monotonic clock stands still. */
    void suspend() {
        suspendedAtNanos = unsuspendedNanos();
    }

    void wake() {
        suspendedNanos += unsuspendedNanos() - suspendedAtNanos;
    }

    boolean wasSuspended() {
        return suspendedNanos != 0;
    }
}
