package io.ashlar.tools.simulate;

import java.util.random.RandomGenerator;

/**
 * How bad the network is.
 *
 * @param baseNanos of every message's way
 * @param jitterNanos more, at most
 * @param breakRate how often a message is lost, and its connection with it
 * @param repeatRate how often an unanswered request of a broken connection arrives (again) later
 */
record NetworkFaults(long baseNanos, long jitterNanos, double breakRate, double repeatRate) {
    private static final long MICRO = 1_000;
    private static final long MILLI = 1_000_000;
    private static final double[] BREAK_RATES = {0, 0, 0.0003, 0.002, 0.01};
    private static final double[] REPEAT_RATES = {0, 0.1, 0.5};

    static NetworkFaults draw(RandomGenerator random) {
        return new NetworkFaults(
                20 * MICRO + random.nextLong(100 * MICRO),
                50 * MICRO + random.nextLong(random.nextInt(4) == 0 ? 5 * MILLI : 300 * MICRO),
                BREAK_RATES[random.nextInt(BREAK_RATES.length)],
                REPEAT_RATES[random.nextInt(REPEAT_RATES.length)]);
    }

    /** The same way, and nothing is lost on it. */
    NetworkFaults healed() {
        return new NetworkFaults(baseNanos, jitterNanos, 0, 0);
    }
}
