package io.ashlar.bench;

import io.ashlar.ec.Kernel;

import org.jspecify.annotations.Nullable;

import java.io.IOException;
import java.lang.foreign.Arena;
import java.lang.management.ManagementFactory;
import java.lang.management.ThreadMXBean;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;

/**
 * Measures the kernels side by side with ISA-L called from C. The speed of a machine drifts, so
 * samples alternate, C program, kernel, C program, kernel, each on memory of its own, and what counts
 * is the ratio within a pair. What {@code ashlar bench encode} calls.
 */
public final class KernelBaseline {
    private static final long WARM_UP_NANOS = 500_000_000;

    /** The thread's own time counts, which other programs on the machine do not lengthen. */
    private static final ThreadMXBean THREADS = ManagementFactory.getThreadMXBean();

    /** As in the C program. */
    private static final int CALLS_BETWEEN_CLOCKS = 16;

    private final Options options;
    private final @Nullable CBaseline baseline;

    private KernelBaseline(Options options, @Nullable CBaseline baseline) {
        this.options = options;
        this.baseline = baseline;
    }

    /**
     * What to measure.
     *
     * @param roundCount how many pairs of samples a figure is the median of
     * @param sampleMillis how long a sample takes, after a quarter of that to warm up
     */
    public record Options(
            List<Operation> operations,
            List<CodeShape> shapes,
            List<Integer> cellBytes,
            List<Kernel> kernels,
            int roundCount,
            int sampleMillis) {
        public Options {
            operations = List.copyOf(operations);
            shapes = List.copyOf(shapes);
            cellBytes = List.copyOf(cellBytes);
            kernels = List.copyOf(kernels);
        }
    }

    /** Measures, in this thread; without gcc or ISA-L's headers the figures have no baseline. */
    public static KernelReport measure(Options options) throws IOException {
        CBaseline baseline;
        try {
            baseline = CBaseline.start();
        } catch (IOException notBuilt) {
            return new KernelBaseline(options, null).report("none: " + notBuilt.getMessage());
        }
        try (baseline) {
            return new KernelBaseline(options, baseline)
                    .report("C, " + baseline.version() + ", interleaved");
        }
    }

    private KernelReport report(String description) throws IOException {
        List<KernelReport.Figure> figures = new ArrayList<>();
        long verifiedBytes = 0;
        for (Kernel kernel : options.kernels) {
            for (CodeShape shape : options.shapes) {
                verifiedBytes += warmUpAndVerify(shape, kernel);
            }
        }
        for (CodeShape shape : options.shapes) {
            for (int cellBytes : options.cellBytes) {
                for (Operation operation : options.operations) {
                    for (Kernel kernel : options.kernels) {
                        figures.add(measure(operation, shape, cellBytes, kernel));
                    }
                }
            }
        }
        return new KernelReport(description, options.roundCount, verifiedBytes, figures);
    }

    private long warmUpAndVerify(CodeShape shape, Kernel kernel) {
        int cellBytes = options.cellBytes.getFirst();
        try (Arena arena = Arena.ofConfined()) {
            CodingWork work = new CodingWork(arena, shape, kernel, cellBytes);
            for (Operation operation : options.operations) {
                repeat(operation, work, WARM_UP_NANOS);
            }
            return work.verify(new CodingWork(arena, shape, Kernel.named("plain"), cellBytes));
        }
    }

    private KernelReport.Figure measure(
            Operation operation, CodeShape shape, int cellBytes, Kernel kernel) throws IOException {
        double[] kernelSpeeds = new double[options.roundCount];
        double[] baselineSpeeds = new double[options.roundCount];
        double[] ratios = new double[options.roundCount];
        for (int round = 0; round < options.roundCount; round++) {
            if (baseline != null) {
                baselineSpeeds[round] = baseline.gigabytesPerSecond(
                        operation, shape, cellBytes, options.sampleMillis);
            }
            kernelSpeeds[round] = sample(operation, shape, cellBytes, kernel);
            ratios[round] = kernelSpeeds[round] / baselineSpeeds[round];
        }
        return new KernelReport.Figure(
                operation,
                shape,
                cellBytes,
                kernel.name(),
                median(kernelSpeeds),
                baseline == null ? null : median(baselineSpeeds),
                baseline == null ? null : median(ratios));
    }

    private double sample(Operation operation, CodeShape shape, int cellBytes, Kernel kernel) {
        long sampleNanos = options.sampleMillis * 1_000_000L;
        try (Arena arena = Arena.ofConfined()) {
            CodingWork work = new CodingWork(arena, shape, kernel, cellBytes);
            repeat(operation, work, sampleNanos / 4);
            return repeat(operation, work, sampleNanos);
        }
    }

    /** Repeats an operation for that long; gives data bytes per nanosecond, which is GB/s. */
    private static double repeat(Operation operation, CodingWork work, long durationNanos) {
        long start = THREADS.getCurrentThreadCpuTime();
        long elapsedNanos;
        long codedBytes = 0;
        do {
            for (int call = 0; call < CALLS_BETWEEN_CLOCKS; call++) {
                operation.run(work);
            }
            codedBytes += CALLS_BETWEEN_CLOCKS * work.dataBytes();
            elapsedNanos = THREADS.getCurrentThreadCpuTime() - start;
        } while (elapsedNanos < durationNanos);
        return (double) codedBytes / elapsedNanos;
    }

    private static double median(double[] values) {
        double[] sorted = values.clone();
        Arrays.sort(sorted);
        return sorted[sorted.length / 2];
    }
}
