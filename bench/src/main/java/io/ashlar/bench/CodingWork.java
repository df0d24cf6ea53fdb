package io.ashlar.bench;

import io.ashlar.ec.Crc32c;
import io.ashlar.ec.Kernel;
import io.ashlar.ec.ReedSolomon;

import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.util.Random;

/**
 * A stripe to code again and again: adjacent cells in one block of native memory, as the C program
 * has them, that begins at a page chosen at random: luck with addresses moves speed by a quarter. One
 * thread at a time; the arena it was made in owns the memory.
 */
final class CodingWork {
    private static final int PAGE_BYTES = 4096;
    private static final int SLACK_PAGES = 256;
    private static final Random RANDOM = new Random(1);

    private final ReedSolomon code;
    private final int cellBytes;
    private final MemorySegment[] data;
    private final MemorySegment[] parity;
    private final MemorySegment[] cells;
    private final int[] vector;
    private final long present;
    private final long wanted;

    CodingWork(Arena arena, CodeShape shape, Kernel kernel, int cellBytes) {
        this.code = ReedSolomon.of(shape.k(), shape.m(), kernel);
        this.cellBytes = cellBytes;
        int roleCount = shape.k() + shape.m();
        long slackBytes = (long) SLACK_PAGES * PAGE_BYTES;
        MemorySegment memory = arena.allocate((long) roleCount * cellBytes + slackBytes, PAGE_BYTES)
                .asSlice((long) RANDOM.nextInt(SLACK_PAGES) * PAGE_BYTES);
        byte[] content = new byte[cellBytes];
        this.data = new MemorySegment[shape.k()];
        this.parity = new MemorySegment[shape.m()];
        this.cells = new MemorySegment[roleCount];
        for (int role = 0; role < roleCount; role++) {
            MemorySegment cell = memory.asSlice((long) role * cellBytes, cellBytes);
            cells[role] = cell;
            if (role < shape.k()) {
                new Random(role).nextBytes(content);
                data[role] = cell.copyFrom(MemorySegment.ofArray(content));
            } else {
                parity[role - shape.k()] = cell;
            }
        }
        this.vector = new int[roleCount * Crc32c.pieceCount(cellBytes)];
        long allRoles = (1L << roleCount) - 1;
        this.wanted = (1L << Math.min(shape.m(), shape.k())) - 1;
        this.present = allRoles & ~wanted;
        code.encode(data, parity, cellBytes);
    }

    /** What counts as the size of the work: the data of a stripe. */
    long dataBytes() {
        return (long) data.length * cellBytes;
    }

    void encode() {
        code.encode(data, parity, cellBytes);
    }

    int[] encodeWithChecksums() {
        code.encode(data, parity, cellBytes, vector);
        return vector;
    }

    /** Loses as many data cells as there is parity, or all of them, and gives them back. */
    void reconstruct() {
        code.reconstruct(cells, present, wanted, 0, cellBytes);
    }

    /**
     * Compares every cell with that of other work of the same shape.
     *
     * @return how many bytes were compared
     * @throws IllegalStateException when a byte differs
     */
    long verify(CodingWork other) {
        for (int role = 0; role < cells.length; role++) {
            long mismatch = cells[role].mismatch(other.cells[role]);
            if (mismatch >= 0) {
                throw new IllegalStateException(code + " and " + other.code + " differ in byte "
                        + mismatch + " of role " + role);
            }
        }
        return (long) cells.length * cellBytes;
    }
}
