package io.ashlar.ec;

import static java.lang.foreign.ValueLayout.JAVA_BYTE;

import org.jspecify.annotations.Nullable;

import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.util.Arrays;
import java.util.Random;
import java.util.stream.IntStream;

/**
 * The cells of a stripe by role, random data and the parity that a bit-by-bit multiplication gives:
 * what every kernel must give too.
 */
final class Stripe {
    private final ReedSolomon code;
    private final byte[][] cells;

    private Stripe(ReedSolomon code, byte[][] cells) {
        this.code = code;
        this.cells = cells;
    }

    /** A stripe with random data and its right parity. */
    static Stripe random(ReedSolomon code, int cellBytes, Random random) {
        byte[][] cells = new byte[code.dataCount() + code.parityCount()][cellBytes];
        for (int role = 0; role < code.dataCount(); role++) {
            random.nextBytes(cells[role]);
        }
        for (int role = code.dataCount(); role < cells.length; role++) {
            for (int column = 0; column < code.dataCount(); column++) {
                byte[] products = products(code.generator().get(role, column));
                for (int index = 0; index < cellBytes; index++) {
                    cells[role][index] ^= products[Byte.toUnsignedInt(cells[column][index])];
                }
            }
        }
        return new Stripe(code, cells);
    }

    ReedSolomon code() {
        return code;
    }

    /** The right content of every cell, by role. */
    byte[][] cells() {
        return cells;
    }

    long allRoles() {
        return (1L << cells.length) - 1;
    }

    /** The data cells, in native memory that begins {@code misalignment} bytes off a boundary. */
    MemorySegment[] nativeData(Arena arena, int misalignment) {
        return Arrays.stream(cells, 0, code.dataCount())
                .map(cell -> nativeCopy(arena, cell, misalignment))
                .toArray(MemorySegment[]::new);
    }

    /** Empty parity cells in native memory, filled with garbage. */
    MemorySegment[] nativeParity(Arena arena, int misalignment) {
        byte[] garbage = new byte[cells[0].length];
        Arrays.fill(garbage, (byte) 0xee);
        return IntStream.range(0, code.parityCount())
                .mapToObj(index -> nativeCopy(arena, garbage, misalignment))
                .toArray(MemorySegment[]::new);
    }

    /** All cells in native memory, the {@code erased} ones zeroed. */
    @Nullable
    MemorySegment[] nativeCells(Arena arena, long erased) {
        @Nullable MemorySegment[] copies = new MemorySegment[cells.length];
        for (int role = 0; role < cells.length; role++) {
            boolean isErased = ((erased >>> role) & 1) != 0;
            byte[] content = isErased ? new byte[cells[role].length] : cells[role];
            copies[role] = nativeCopy(arena, content, 0);
        }
        return copies;
    }

    /** The right parity. */
    byte[][] parity() {
        return Arrays.copyOfRange(cells, code.dataCount(), cells.length);
    }

    static byte[][] toBytes(@Nullable MemorySegment[] cells) {
        return Arrays.stream(cells)
                .map(cell -> cell == null ? new byte[0] : cell.toArray(JAVA_BYTE))
                .toArray(byte[][]::new);
    }

    private static MemorySegment nativeCopy(Arena arena, byte[] content, int misalignment) {
        return arena.allocate(content.length + misalignment + 1L, 64)
                .asSlice(misalignment, content.length)
                .copyFrom(MemorySegment.ofArray(content));
    }

    private static byte[] products(int factor) {
        byte[] products = new byte[256];
        for (int element = 0; element < products.length; element++) {
            products[element] = (byte) multiplyBitByBit(factor, element);
        }
        return products;
    }

    private static int multiplyBitByBit(int left, int right) {
        int product = 0;
        for (int bit = 7; bit >= 0; bit--) {
            product <<= 1;
            product ^= (product & 0x100) != 0 ? 0x11D : 0;
            product ^= ((right >>> bit) & 1) != 0 ? left : 0;
        }
        return product;
    }
}
