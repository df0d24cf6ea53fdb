package io.ashlar.bench.load;

import org.HdrHistogram.ConcurrentHistogram;
import org.HdrHistogram.Histogram;

import java.util.SplittableRandom;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicLong;
import java.util.concurrent.atomic.LongAccumulator;
import java.util.concurrent.atomic.LongAdder;

/**
 * What the lanes of a load share: which operation is next, until when, and what came of those that
 * are done. Latencies count if the operation began and ended within the measured time. Safe for any
 * thread; times are those of {@link System#nanoTime}.
 */
final class Course {
    private static final long MAX_LATENCY_NANOS = TimeUnit.HOURS.toNanos(1);
    private static final int LATENCY_DIGITS = 3;

    private final LoadOptions options;
    private final Generations generations;
    private final long measureFromNanos;
    private final long endNanos;

    private final AtomicLong nextRead = new AtomicLong();
    private final AtomicLong nextWrite = new AtomicLong();
    private final Histogram reads = new ConcurrentHistogram(MAX_LATENCY_NANOS, LATENCY_DIGITS);
    private final Histogram writes = new ConcurrentHistogram(MAX_LATENCY_NANOS, LATENCY_DIGITS);
    private final LongAdder operations = new LongAdder();
    private final AtomicLong lastEndNanos;
    private final LongAccumulator longestGapNanos = new LongAccumulator(Math::max, 0);
    private volatile boolean stopped;

    Course(LoadOptions options, Generations generations, long startNanos) {
        this.options = options;
        this.generations = generations;
        this.measureFromNanos = startNanos + options.warmUp().toNanos();
        this.endNanos = measureFromNanos + options.measured().toNanos();
        this.lastEndNanos = new AtomicLong(measureFromNanos);
    }

    /** One thing to do; {@code generation} is 0 for a read. */
    record Operation(int unit, int generation) {
        boolean isWrite() {
            return generation > 0;
        }
    }

    int unitCount() {
        return generations.unitCount();
    }

    long measureFromNanos() {
        return measureFromNanos;
    }

    long endNanos() {
        return endNanos;
    }

    boolean isOver(long nowNanos) {
        return stopped || nowNanos - endNanos >= 0;
    }

    /** No operation is begun from here on. */
    void stop() {
        stopped = true;
    }

    /** What a lane does next. A unit that is being written is passed over for the one behind it. */
    Operation next(SplittableRandom random) {
        int unitCount = generations.unitCount();
        if (random.nextInt(100) < options.readPercent()) {
            return new Operation(place(nextRead, random, unitCount), 0);
        }
        int unit = place(nextWrite, random, unitCount);
        int generation = generations.begin(unit);
        while (generation == 0) {
            unit = (unit + 1) % unitCount;
            generation = generations.begin(unit);
        }
        return new Operation(unit, generation);
    }

    private int place(AtomicLong next, SplittableRandom random, int unitCount) {
        return options.pattern().isSequential()
                ? (int) (next.getAndIncrement() % unitCount)
                : random.nextInt(unitCount);
    }

    /** An operation succeeded. */
    void done(Operation operation, long beganNanos, long endedNanos) {
        operations.increment();
        if (beganNanos - measureFromNanos < 0 || endedNanos - endNanos > 0) {
            return;
        }
        Histogram histogram = operation.isWrite() ? writes : reads;
        histogram.recordValue(Math.min(endedNanos - beganNanos, MAX_LATENCY_NANOS));
        longestGapNanos.accumulate(endedNanos - lastEndNanos.getAndSet(endedNanos));
    }

    /** Since the beginning, measured or not. */
    long operationCount() {
        return operations.sum();
    }

    Histogram reads() {
        return reads;
    }

    Histogram writes() {
        return writes;
    }

    /** The longest time within the measured one in which nothing was completed. */
    long longestGapNanos() {
        return Math.max(longestGapNanos.get(), endNanos - lastEndNanos.get());
    }
}
