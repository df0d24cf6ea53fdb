package io.ashlar.bench;

import io.ashlar.ec.Crc32c;

import org.apache.commons.codec.digest.PureJavaCrc32C;
import org.openjdk.jmh.annotations.Benchmark;
import org.openjdk.jmh.annotations.BenchmarkMode;
import org.openjdk.jmh.annotations.Fork;
import org.openjdk.jmh.annotations.Measurement;
import org.openjdk.jmh.annotations.Mode;
import org.openjdk.jmh.annotations.OperationsPerInvocation;
import org.openjdk.jmh.annotations.OutputTimeUnit;
import org.openjdk.jmh.annotations.Scope;
import org.openjdk.jmh.annotations.State;
import org.openjdk.jmh.annotations.TearDown;
import org.openjdk.jmh.annotations.Warmup;

import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.util.Random;
import java.util.concurrent.TimeUnit;

/**
 * CRC32C of one piece, in bytes per nanosecond, which is GB/s.
 *
 * <p>After a build: {@code java -cp 'bench/target/lib/*' org.openjdk.jmh.Main ChecksumBenchmark}
 */
@State(Scope.Benchmark)
@BenchmarkMode(Mode.Throughput)
@OutputTimeUnit(TimeUnit.NANOSECONDS)
@Warmup(iterations = 3, time = 1)
@Measurement(iterations = 5, time = 1)
@Fork(value = 1, jvmArgsAppend = "--enable-native-access=ALL-UNNAMED")
public class ChecksumBenchmark {
    private final Arena arena = Arena.ofShared();
    private final byte[] bytes = new byte[Crc32c.PIECE_BYTES];
    private final MemorySegment nativeBytes = arena.allocate(Crc32c.PIECE_BYTES, 64);
    private final PureJavaCrc32C commonsCodec = new PureJavaCrc32C();

    public ChecksumBenchmark() {
        new Random(1).nextBytes(bytes);
        nativeBytes.copyFrom(MemorySegment.ofArray(bytes));
    }

    @TearDown
    public void free() {
        arena.close();
    }

    @Benchmark
    @OperationsPerInvocation(Crc32c.PIECE_BYTES)
    public int ashlarOnTheHeap() {
        return Crc32c.of(bytes);
    }

    @Benchmark
    @OperationsPerInvocation(Crc32c.PIECE_BYTES)
    public int ashlarInNativeMemory() {
        return Crc32c.of(nativeBytes, 0, Crc32c.PIECE_BYTES);
    }

    @Benchmark
    @OperationsPerInvocation(Crc32c.PIECE_BYTES)
    public long commonsCodec() {
        commonsCodec.reset();
        commonsCodec.update(bytes, 0, bytes.length);
        return commonsCodec.getValue();
    }
}
