package io.ashlar.ec;

import org.jspecify.annotations.Nullable;

import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.List;
import java.util.Optional;
import java.util.stream.Stream;

/**
 * How this process came by its kernel: forced, or the fastest of a short measurement, made when a
 * kernel is first needed.
 *
 * <p>Where the native kernel is present the measurement takes some 20 ms. So short a time is fair to
 * native code, which is as fast at once as it ever will be, but not to the vector kernel, which
 * takes about half a second until it is compiled and is left out: most processes encode little. Where
 * there is no native kernel, the vector kernel is waited for until it overtakes plain Java, most of a
 * second; what is compiled by then is not lost. {@link #measure} takes the time to be fair to all.
 *
 * @param chosen the kernel to code with
 * @param forced whether {@value #FORCING_VARIABLE} named it
 * @param measurements what was measured, fastest first; empty when forced
 */
public record Calibration(Kernel chosen, boolean forced, List<Measurement> measurements) {
    /** The environment variable that names the kernel to use. */
    public static final String FORCING_VARIABLE = "ASHLAR_KERNEL";

    private static final Duration NATIVE_WARM_UP = Duration.ofMillis(10);
    private static final Duration PLAIN_WARM_UP = Duration.ofMillis(100);
    private static final Duration MAX_VECTOR_WARM_UP = Duration.ofSeconds(2);

    private static final int DATA_COUNT = 4;
    private static final int PARITY_COUNT = 2;

    private static final int CELL_BYTES = 64 * 1024;

    /** For the vector kernel not yet compiled, which takes 10 ms for four of these. */
    private static final int SMALL_CELL_BYTES = 1024;

    private static final long ROUND_NANOS = 200_000;

    private static @Nullable Calibration current;

    public Calibration {
        measurements = List.copyOf(measurements);
    }

    /** The speed of a kernel, for 4+2 and cells that stay in the cache; data bytes count. */
    public record Measurement(Kernel kernel, double gigabytesPerSecond) {}

    /**
     * The calibration of this process, done at the first call.
     *
     * @throws IllegalArgumentException when a kernel is forced that does not run here
     */
    public static synchronized Calibration current() {
        if (current == null) {
            current = calibrate(Optional.ofNullable(System.getenv(FORCING_VARIABLE)));
        }
        return current;
    }

    /**
     * Codes with this kernel from now on, as if it had been forced: for whoever runs the same work
     * with one after another. A {@link ReedSolomon} that was made before keeps its own.
     */
    public static synchronized void force(Kernel kernel) {
        current = new Calibration(kernel, true, List.of());
    }

    /** Measures every available kernel for the given time; a second or two warms all of them up. */
    public static Calibration measure(Duration perKernel) {
        return fastestOf(Kernel.available().stream()
                .map(kernel -> measure(kernel, perKernel, CELL_BYTES, Double.MAX_VALUE))
                .toList());
    }

    static Calibration calibrate(Optional<String> forcedName) {
        if (forcedName.isPresent()) {
            return new Calibration(Kernel.named(forcedName.get()), true, List.of());
        }
        return Kernel.available().stream().anyMatch(IsalKernel.class::isInstance)
                ? withNativeKernel()
                : withoutNativeKernel();
    }

    private static Calibration withNativeKernel() {
        return fastestOf(Kernel.available().stream()
                .filter(kernel -> !(kernel instanceof VectorKernel))
                .map(kernel -> measure(kernel, NATIVE_WARM_UP, CELL_BYTES, Double.MAX_VALUE))
                .toList());
    }

    private static Calibration withoutNativeKernel() {
        List<Measurement> measurements = new ArrayList<>();
        double fastest = Double.MAX_VALUE;
        for (Kernel kernel : Kernel.available().reversed()) {
            Duration warmUp = kernel instanceof VectorKernel ? MAX_VECTOR_WARM_UP : PLAIN_WARM_UP;
            Measurement measurement = measure(kernel, warmUp, SMALL_CELL_BYTES, fastest);
            measurements.add(measurement);
            fastest = measurement.gigabytesPerSecond;
        }
        return fastestOf(measurements);
    }

    private static Calibration fastestOf(List<Measurement> measurements) {
        List<Measurement> sorted = measurements.stream()
                .sorted(Comparator.comparingDouble(Measurement::gigabytesPerSecond)
                        .reversed())
                .toList();
        return new Calibration(sorted.getFirst().kernel, false, sorted);
    }

    /** The best round within the allowed time; over sooner when it is above {@code enough}. */
    private static Measurement measure(
            Kernel kernel, Duration allowance, int cellBytes, double enough) {
        ReedSolomon code = ReedSolomon.of(DATA_COUNT, PARITY_COUNT, kernel);
        try (Arena arena = Arena.ofConfined()) {
            MemorySegment[] data = allocateCells(arena, DATA_COUNT, cellBytes);
            MemorySegment[] parity = allocateCells(arena, PARITY_COUNT, cellBytes);
            double best = 0;
            long start = System.nanoTime();
            do {
                best = Math.max(best, measureRound(code, data, parity, cellBytes));
            } while (best <= enough && System.nanoTime() - start < allowance.toNanos());
            return new Measurement(kernel, best);
        }
    }

    private static MemorySegment[] allocateCells(Arena arena, int count, int cellBytes) {
        return Stream.generate(() -> arena.allocate(cellBytes, 64))
                .limit(count)
                .toArray(MemorySegment[]::new);
    }

    private static double measureRound(
            ReedSolomon code, MemorySegment[] data, MemorySegment[] parity, int cellBytes) {
        long start = System.nanoTime();
        long elapsedNanos;
        long codedBytes = 0;
        do {
            code.encode(data, parity, cellBytes);
            codedBytes += (long) cellBytes * data.length;
            elapsedNanos = System.nanoTime() - start;
        } while (elapsedNanos < ROUND_NANOS);
        return (double) codedBytes / elapsedNanos;
    }
}
