package io.ashlar.tools.command;

import io.ashlar.ec.Kernel;
import io.ashlar.ec.ReedSolomon;

import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.util.OptionalDouble;

/** How fast a kernel codes here and now: a quick look, not a benchmark. */
final class KernelProbe {
    static final long MAX_WARM_UP_NANOS = 6_000_000_000L;

    private static final int K = 4;
    private static final int M = 2;
    private static final int CELL_BYTES = 64 * 1024;
    private static final long SLICE_NANOS = 20_000_000;
    private static final long MEASURE_NANOS = 100_000_000;

    private KernelProbe() {}

    /**
     * k x cell bytes over time, one thread, a stripe hot in the cache; empty where the kernel does not
     * get warm in the time there is, as its figure would be the interpreter's.
     */
    static OptionalDouble encodeGigabytesPerSecond(Kernel kernel) {
        try (Arena arena = Arena.ofConfined()) {
            MemorySegment[] data = cells(arena, K);
            MemorySegment[] parity = cells(arena, M);
            ReedSolomon code = ReedSolomon.of(K, M, kernel);
            WarmUp warmUp = new WarmUp();
            long start = System.nanoTime();
            Slice slice;
            do {
                if (System.nanoTime() - start > MAX_WARM_UP_NANOS) {
                    return OptionalDouble.empty();
                }
                slice = encodeFor(SLICE_NANOS, code, data, parity);
            } while (!warmUp.isOverAfter(slice.stripes(), slice.nanos()));
            Slice measured = encodeFor(MEASURE_NANOS, code, data, parity);
            return OptionalDouble.of(
                    (double) measured.stripes() * K * CELL_BYTES / measured.nanos());
        }
    }

    private static MemorySegment[] cells(Arena arena, int count) {
        MemorySegment[] cells = new MemorySegment[count];
        for (int i = 0; i < count; i++) {
            cells[i] = arena.allocate(CELL_BYTES, 4096).fill((byte) (i + 1));
        }
        return cells;
    }

    /** Stripes that were coded, and how long it took. */
    private record Slice(long stripes, long nanos) {}

    private static Slice encodeFor(
            long nanos, ReedSolomon code, MemorySegment[] data, MemorySegment[] parity) {
        long start = System.nanoTime();
        long stripes = 0;
        long elapsed;
        do {
            code.encode(data, parity, CELL_BYTES);
            stripes++;
            elapsed = System.nanoTime() - start;
        } while (elapsed < nanos);
        return new Slice(stripes, elapsed);
    }
}
