package io.ashlar.bench;

import io.ashlar.client.format.CellFormat;
import io.ashlar.client.model.SegmentId;
import io.ashlar.client.model.Stripe;

import org.jspecify.annotations.Nullable;
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
import java.lang.foreign.MemorySegment;
import java.util.concurrent.TimeUnit;

/**
 * The header of a cell's record: what writing one and reading one costs, without the cell's bytes.
 *
 * <p>After a build: {@code java -cp 'bench/target/lib/*' org.openjdk.jmh.Main CellFormatBenchmark}
 */
@State(Scope.Benchmark)
@BenchmarkMode(Mode.AverageTime)
@OutputTimeUnit(TimeUnit.NANOSECONDS)
@Warmup(iterations = 3, time = 1)
@Measurement(iterations = 5, time = 1)
@Fork(
        value = 1,
        jvmArgsAppend = {"--add-modules=jdk.incubator.vector", "--enable-native-access=ALL-UNNAMED"
        })
public class CellFormatBenchmark {
    /** A block alone, and what a full stripe of a mebibyte has. */
    @Param({"4096", "262144"})
    int cellBytes;

    private final Arena arena = Arena.ofShared();

    @SuppressWarnings("NullAway.Init") // JMH calls the method marked as set-up first.
    private Stripe stripe;

    @SuppressWarnings("NullAway.Init")
    private MemorySegment record;

    @Setup
    public void encode() {
        SampleStripe sample = new SampleStripe(arena, cellBytes);
        stripe = sample.at(new SegmentId(1, 1), 0);
        record = arena.allocate(sample.recordBytes(), Stripe.PIECE_BYTES);
        sample.write(stripe, 0, record);
        if (CellFormat.read(record) == null) {
            throw new IllegalStateException("what was written does not read");
        }
    }

    @TearDown
    public void free() {
        arena.close();
    }

    @Benchmark
    public MemorySegment write() {
        CellFormat.write(stripe, 0, record);
        return record;
    }

    @Benchmark
    public CellFormat.@Nullable Cell read() {
        return CellFormat.read(record);
    }
}
