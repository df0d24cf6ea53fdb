package io.ashlar.tools.command;

import java.util.ArrayDeque;
import java.util.Deque;

/**
 * Tells when a kernel is warm. The JVM interprets first and compiles while the kernel runs on; until
 * then it is up to a thousand times slower, and just as steady. So a steady rate counts only after
 * more stripes than an interpreted kernel codes in the time there is.
 */
final class WarmUp {
    static final long MIN_STRIPES = 2000;
    private static final int STEADY_SLICES = 4;
    private static final double TOLERANCE = 0.15;

    private final Deque<Double> latest = new ArrayDeque<>();
    private long stripes;

    /** Hears of a slice of the run; whether the kernel is warm now. */
    boolean isOverAfter(long sliceStripes, long sliceNanos) {
        stripes += sliceStripes;
        latest.addLast((double) sliceStripes / sliceNanos);
        if (latest.size() > STEADY_SLICES) {
            latest.removeFirst();
        }
        double least = latest.stream().mapToDouble(Double::doubleValue).min().orElseThrow();
        double most = latest.stream().mapToDouble(Double::doubleValue).max().orElseThrow();
        return stripes >= MIN_STRIPES
                && latest.size() == STEADY_SLICES
                && most - least <= TOLERANCE * most;
    }
}
