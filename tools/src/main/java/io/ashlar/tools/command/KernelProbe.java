package io.ashlar.tools.command;

import io.ashlar.ec.Kernel;
import io.ashlar.ec.ReedSolomon;

import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;

/** How fast a kernel codes here and now: a quick look, not a benchmark. */
final class KernelProbe {
    private static final int K = 4;
    private static final int M = 2;
    private static final int CELL_BYTES = 64 * 1024;
    private static final long WARM_UP_NANOS = 150_000_000;
    private static final long MEASURE_NANOS = 100_000_000;

    private KernelProbe() {}

    /** k x cell bytes over time, one thread, a stripe hot in the cache. */
    static double encodeGigabytesPerSecond(Kernel kernel) {
        try (Arena arena = Arena.ofConfined()) {
            MemorySegment[] data = cells(arena, K);
            MemorySegment[] parity = cells(arena, M);
            ReedSolomon code = ReedSolomon.of(K, M, kernel);
            encodeFor(WARM_UP_NANOS, code, data, parity);
            return encodeFor(MEASURE_NANOS, code, data, parity);
        }
    }

    private static MemorySegment[] cells(Arena arena, int count) {
        MemorySegment[] cells = new MemorySegment[count];
        for (int i = 0; i < count; i++) {
            cells[i] = arena.allocate(CELL_BYTES, 4096).fill((byte) (i + 1));
        }
        return cells;
    }

    private static double encodeFor(
            long nanos, ReedSolomon code, MemorySegment[] data, MemorySegment[] parity) {
        long start = System.nanoTime();
        long stripes = 0;
        long elapsed;
        do {
            code.encode(data, parity, CELL_BYTES);
            stripes++;
            elapsed = System.nanoTime() - start;
        } while (elapsed < nanos);
        return (double) stripes * K * CELL_BYTES / elapsed;
    }
}
