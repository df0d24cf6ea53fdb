package io.ashlar.bench;

import io.ashlar.ec.Kernel;

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

import java.lang.foreign.Arena;
import java.util.concurrent.TimeUnit;

/**
 * Coding on one thread, with cells as hot as they fit. The counter {@code dataBytes} is in data bytes
 * per nanosecond, which is GB/s. For the comparison with C see {@link KernelBaseline}.
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
        value = 1,
        jvmArgsAppend = {"--add-modules=jdk.incubator.vector", "--enable-native-access=ALL-UNNAMED"
        })
public class EncodeBenchmark {
    @Param({"isal", "vector", "plain"})
    String kernel = "";

    @Param({"rs-4-2", "rs-6-3", "rs-8-3", "rs-10-4"})
    String policy = "";

    @Param({"65536", "1048576"})
    int cellBytes;

    private final Arena arena = Arena.ofShared();

    @SuppressWarnings("NullAway.Init") // JMH calls the method marked as set-up first.
    private CodingWork work;

    /** Data bytes coded. */
    @State(Scope.Thread)
    @AuxCounters
    public static class Coded {
        public long dataBytes;
    }

    @Setup
    public void allocate() {
        work = new CodingWork(arena, CodeShape.of(policy), Kernel.named(kernel), cellBytes);
    }

    @TearDown
    public void free() {
        arena.close();
    }

    @Benchmark
    public void encode(Coded coded) {
        work.encode();
        coded.dataBytes += work.dataBytes();
    }

    @Benchmark
    public int[] encodeWithChecksums(Coded coded) {
        coded.dataBytes += work.dataBytes();
        return work.encodeWithChecksums();
    }

    @Benchmark
    public void reconstruct(Coded coded) {
        work.reconstruct();
        coded.dataBytes += work.dataBytes();
    }
}
