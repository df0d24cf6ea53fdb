package io.ashlar.coordinator;

import java.util.ArrayDeque;

/** Bytes a second over the last few seconds. */
final class Throughput {
    private static final long WINDOW_NANOS = 10_000_000_000L;
    private static final long SHORTEST_NANOS = 1_000_000_000L;
    private static final int MAX_SAMPLES = 4096;

    private final ArrayDeque<Sample> samples = new ArrayDeque<>();

    private record Sample(long atNanos, long bytes) {}

    void add(long bytes, long nowNanos) {
        if (samples.size() == MAX_SAMPLES) {
            samples.removeFirst();
        }
        samples.addLast(new Sample(nowNanos, bytes));
    }

    long bytesPerSecond(long nowNanos) {
        while (!samples.isEmpty() && nowNanos - samples.getFirst().atNanos() > WINDOW_NANOS) {
            samples.removeFirst();
        }
        if (samples.isEmpty()) {
            return 0;
        }
        long spanNanos = Math.max(SHORTEST_NANOS, nowNanos - samples.getFirst().atNanos());
        long bytes = samples.stream().mapToLong(Sample::bytes).sum();
        return (long) (bytes * 1e9 / spanNanos);
    }
}
