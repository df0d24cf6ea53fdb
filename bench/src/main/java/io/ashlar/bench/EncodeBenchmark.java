package io.ashlar.bench;

import io.ashlar.ec.Kernel;

import org.jspecify.annotations.Nullable;
import org.openjdk.jmh.annotations.AuxCounters;
import org.openjdk.jmh.annotations.Benchmark;
import org.openjdk.jmh.annotations.BenchmarkMode;
import org.openjdk.jmh.annotations.Fork;
import org.openjdk.jmh.annotations.Measurement;
import org.openjdk.jmh.annotations.Mode;
import org.openjdk.jmh.annotations.OutputTimeUnit;
import org.openjdk.jmh.annotations.Param;
import org.openjdk.jmh.annotations.Scope;
import org.openjdk.jmh.annotations.Setup;
import org.openjdk.jmh.annotations.State;
import org.openjdk.jmh.annotations.TearDown;
import org.openjdk.jmh.annotations.Warmup;

import java.io.IOException;
import java.lang.foreign.Arena;
import java.util.concurrent.TimeUnit;

/**
 * Coding on one thread, with cells as hot as they fit. The counter {@code dataBytes} is in data bytes
 * per nanosecond, which is GB/s. The kernel "c" is the C program that calls ISA-L, in a process of
 * its own: there an operation is {@value #CALLS_IN_C} calls, so compare the counters. {@link
 * KernelBaseline} compares the two call by call.
 *
 * <p>After a build: {@code java -cp 'bench/target/lib/*' org.openjdk.jmh.Main EncodeBenchmark -p
 * policy=rs-4-2}
 */
@State(Scope.Benchmark)
@BenchmarkMode(Mode.Throughput)
@OutputTimeUnit(TimeUnit.NANOSECONDS)
@Warmup(iterations = 3, time = 1)
@Measurement(iterations = 5, time = 1)
@Fork(
        value = 5,
        jvmArgsAppend = {"--add-modules=jdk.incubator.vector", "--enable-native-access=ALL-UNNAMED"
        })
public class EncodeBenchmark {
    static final int CALLS_IN_C = 1000;

    @Param({"isal", "c", "vector", "plain"})
    String kernel = "";

    @Param({"rs-4-2", "rs-6-3", "rs-8-3", "rs-10-4"})
    String policy = "";

    @Param({"65536", "1048576"})
    int cellBytes;

    private final Arena arena = Arena.ofShared();
    private CodeShape shape = CodeShape.of("rs-4-2");
    private @Nullable CodingWork work;
    private @Nullable CBaseline baseline;

    /** Data bytes coded. */
    @State(Scope.Thread)
    @AuxCounters
    public static class Coded {
        public long dataBytes;
    }

    @Setup
    public void start() throws IOException {
        shape = CodeShape.of(policy);
        if (kernel.equals("c")) {
            baseline = CBaseline.start();
        } else {
            work = new CodingWork(arena, shape, Kernel.named(kernel), cellBytes);
        }
    }

    @TearDown
    public void stop() throws IOException {
        arena.close();
        if (baseline != null) {
            baseline.close();
        }
    }

    @Benchmark
    public void encode(Coded coded) throws IOException {
        run(Operation.ENCODE, coded);
    }

    @Benchmark
    public void encodeWithChecksums(Coded coded) throws IOException {
        run(Operation.ENCODE_WITH_CHECKSUMS, coded);
    }

    @Benchmark
    public void reconstruct(Coded coded) throws IOException {
        run(Operation.RECONSTRUCT, coded);
    }

    private void run(Operation operation, Coded coded) throws IOException {
        int calls = 1;
        if (work != null) {
            operation.run(work);
        } else if (baseline != null) {
            baseline.repeat(operation, shape, cellBytes, CALLS_IN_C);
            calls = CALLS_IN_C;
        }
        coded.dataBytes += (long) calls * shape.k() * cellBytes;
    }
}
