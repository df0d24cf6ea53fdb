package io.ashlar.ec;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import static java.lang.foreign.ValueLayout.JAVA_BYTE;

import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.util.Arrays;
import java.util.List;
import java.util.Random;
import java.util.stream.IntStream;

class ReedSolomonTest {
    private static final long SEED = 20_250_601;

    private final Random random = new Random(SEED);

    static List<Kernel> kernels() {
        return Kernel.available();
    }

    @ParameterizedTest
    @MethodSource("kernels")
    void reconstructsEveryErasurePattern(Kernel kernel) {
        reconstructsEveryErasurePattern(ReedSolomon.of(4, 2, kernel));
        reconstructsEveryErasurePattern(ReedSolomon.of(6, 3, kernel));
        reconstructsEveryErasurePattern(ReedSolomon.of(10, 4, kernel));
        reconstructsEveryErasurePattern(ReedSolomon.of(1, 2, kernel));
        for (int d = 1; d < 4; d++) {
            reconstructsEveryErasurePattern(ReedSolomon.of(4, 2, kernel).shortened(d));
        }
    }

    private void reconstructsEveryErasurePattern(ReedSolomon code) {
        Stripe stripe = Stripe.random(code, 67, random);
        for (long erased = 0; erased <= stripe.allRoles(); erased++) {
            if (Long.bitCount(erased) <= code.parityCount()) {
                try (Arena arena = Arena.ofConfined()) {
                    @Nullable MemorySegment[] cells = stripe.nativeCells(arena, erased);
                    code.reconstruct(cells, stripe.allRoles() & ~erased, erased, 0, 67);
                    assertThat(Stripe.toBytes(cells))
                            .as("%s without %s", code, Long.toBinaryString(erased))
                            .isDeepEqualTo(stripe.cells());
                }
            }
        }
    }

    @ParameterizedTest
    @MethodSource("kernels")
    void reconstructsShortRangesAtOddOffsets(Kernel kernel) {
        Stripe stripe = Stripe.random(ReedSolomon.of(4, 2, kernel), 520, random);
        try (Arena arena = Arena.ofConfined()) {
            @Nullable MemorySegment[] cells = stripe.nativeCells(arena, 0);
            for (int lengthBytes = 0; lengthBytes <= 257; lengthBytes++) {
                int offset = 1 + 2 * (lengthBytes % 130);
                byte[] expected = stripe.cells()[1].clone();
                Arrays.fill(expected, 0, offset, (byte) 0xee);
                Arrays.fill(expected, offset + lengthBytes, expected.length, (byte) 0xee);
                MemorySegment wanted = arena.allocate(520).fill((byte) 0xee);
                cells[1] = wanted;
                stripe.code().reconstruct(cells, 0b111101, 0b10, offset, lengthBytes);
                assertThat(wanted.toArray(JAVA_BYTE)).isEqualTo(expected);
            }
        }
    }

    @Test
    void servesManyThreads() {
        Stripe stripe = Stripe.random(ReedSolomon.of(10, 4), 300, random);
        IntStream.range(0, 2000).parallel().forEach(index -> {
            long erased = 0b1111L << (index % 11);
            try (Arena arena = Arena.ofConfined()) {
                @Nullable MemorySegment[] cells = stripe.nativeCells(arena, erased);
                stripe.code().reconstruct(cells, stripe.allRoles() & ~erased, erased, 0, 300);
                assertThat(Stripe.toBytes(cells)).isDeepEqualTo(stripe.cells());
            }
        });
    }

    @ParameterizedTest
    @MethodSource("kernels")
    void touchesNothingButTheWantedRange(Kernel kernel) {
        Stripe stripe = Stripe.random(ReedSolomon.of(6, 3, kernel), 9000, random);
        try (Arena arena = Arena.ofConfined()) {
            @Nullable MemorySegment[] cells = stripe.nativeCells(arena, 0b010_000_101);
            cells[0] = null;
            stripe.code().reconstruct(cells, 0b101_111_010, 0b100, 4096, 4097);

            byte[] expected = new byte[9000];
            System.arraycopy(stripe.cells()[2], 4096, expected, 4096, 4097);
            byte[][] after = Stripe.toBytes(cells);
            assertThat(after[2]).isEqualTo(expected);
            assertThat(after[7]).isEqualTo(new byte[9000]);
            assertThat(after[8]).isEqualTo(stripe.cells()[8]);
        }
    }

    @ParameterizedTest
    @MethodSource("kernels")
    void takesOnlyAsManyCellsAsItNeeds(Kernel kernel) {
        Stripe stripe = Stripe.random(ReedSolomon.of(4, 2, kernel), 100, random);
        try (Arena arena = Arena.ofConfined()) {
            @Nullable MemorySegment[] cells = stripe.nativeCells(arena, 0b1);
            stripe.code().reconstruct(cells, 0b111110, 0b1, 0, 100);
            assertThat(Stripe.toBytes(cells)).isDeepEqualTo(stripe.cells());
        }
    }

    @ParameterizedTest
    @MethodSource("kernels")
    void shortStripeHasTheParityOfOnePaddedWithZeros(Kernel kernel) {
        ReedSolomon code = ReedSolomon.of(10, 4, kernel);
        for (int d = 1; d <= 10; d++) {
            Stripe shortStripe = Stripe.random(code.shortened(d), 130, random);
            try (Arena arena = Arena.ofConfined()) {
                MemorySegment[] padded = new MemorySegment[10];
                Arrays.setAll(padded, index -> arena.allocate(130));
                MemorySegment[] data = shortStripe.nativeData(arena, 0);
                System.arraycopy(data, 0, padded, 0, d);
                MemorySegment[] parity = shortStripe.nativeParity(arena, 0);
                code.encode(padded, parity, 130);
                assertThat(Stripe.toBytes(parity)).isDeepEqualTo(shortStripe.parity());
            }
        }
    }

    @ParameterizedTest
    @MethodSource("kernels")
    void mirrorsWithOneDataCell(Kernel kernel) {
        Stripe stripe = Stripe.random(ReedSolomon.of(1, 2, kernel), 5000, random);
        try (Arena arena = Arena.ofConfined()) {
            MemorySegment[] parity = stripe.nativeParity(arena, 0);
            stripe.code().encode(stripe.nativeData(arena, 0), parity, 5000);
            assertThat(Stripe.toBytes(parity))
                    .isDeepEqualTo(new byte[][] {stripe.cells()[0], stripe.cells()[0]});
        }
    }

    @ParameterizedTest
    @MethodSource("kernels")
    void checksumsEveryPieceOfEveryCell(Kernel kernel) {
        for (int cellBytes : new int[] {0, 1, 4095, 4096, 4097, 16384, 70_001}) {
            Stripe stripe = Stripe.random(ReedSolomon.of(3, 2, kernel), cellBytes, random);
            try (Arena arena = Arena.ofConfined()) {
                MemorySegment[] parity = stripe.nativeParity(arena, 0);
                int pieceCount = Crc32c.pieceCount(cellBytes);
                int[] vector = new int[5 * pieceCount];
                stripe.code().encode(stripe.nativeData(arena, 0), parity, cellBytes, vector);
                assertThat(Stripe.toBytes(parity)).isDeepEqualTo(stripe.parity());
                for (int index = 0; index < vector.length; index++) {
                    int start = index % pieceCount * 4096;
                    byte[] cell = stripe.cells()[index / pieceCount];
                    byte[] piece =
                            Arrays.copyOfRange(cell, start, Math.min(start + 4096, cellBytes));
                    assertThat(vector[index]).isEqualTo(Crc32c.of(piece));
                }
            }
        }
    }

    @ParameterizedTest
    @MethodSource("kernels")
    void encodesAndChecksumsOnTheHeap(Kernel kernel) {
        Stripe stripe = Stripe.random(ReedSolomon.of(3, 2, kernel), 20_001, random);
        MemorySegment[] cells = Arrays.stream(stripe.cells())
                .map(cell -> MemorySegment.ofArray(cell.clone()))
                .toArray(MemorySegment[]::new);
        MemorySegment[] parity = {cells[3].fill((byte) 0), cells[4].fill((byte) 0)};
        int[] vector = new int[5 * Crc32c.pieceCount(20_001)];
        stripe.code().encode(Arrays.copyOf(cells, 3), parity, 20_001, vector);
        assertThat(Stripe.toBytes(cells)).isDeepEqualTo(stripe.cells());
        assertThat(vector[4 * 5]).isEqualTo(Crc32c.of(cells[4], 0, 4096));
        assertThat(vector[4 * 5 + 4]).isEqualTo(Crc32c.of(cells[4], 16384, 20_001 - 16384));
    }

    @Test
    void instancesAreShared() {
        ReedSolomon code = ReedSolomon.of(4, 2);
        assertThat(ReedSolomon.of(4, 2)).isSameAs(code);
        assertThat(code.shortened(4)).isSameAs(code);
        assertThat(code.shortened(2)).isSameAs(code.shortened(3).shortened(2));
        assertThat(code.shortened(2).dataCount()).isEqualTo(2);
        assertThat(code.shortened(2).parityCount()).isEqualTo(2);
        assertThat(code.shortened(2)).isNotSameAs(ReedSolomon.of(2, 2));
    }

    @Test
    void decodersAreBounded() {
        ReedSolomon code = ReedSolomon.of(10, 4);
        DecoderCache decoders = new DecoderCache(code.generator(), code.kernel());
        long all = (1L << 14) - 1;
        for (long erased = 1; erased <= all; erased++) {
            if (Long.bitCount(erased) == 4) {
                decoders.get(all & ~erased, erased);
            }
        }
        assertThat(decoders.size()).isEqualTo(DecoderCache.MAX_DECODERS);
        assertThat(decoders.get(0b1111_1111_1100_00L, 1))
                .isSameAs(decoders.get(0b1111_1111_1100_00L, 1));
    }

    @Test
    void refusesWhatItCannotCode() {
        assertThatThrownBy(() -> ReedSolomon.of(0, 2)).isInstanceOf(IllegalArgumentException.class);
        assertThatThrownBy(() -> ReedSolomon.of(33, 2)).hasMessageContaining("not 1 to 32");
        assertThatThrownBy(() -> ReedSolomon.of(4, 9)).hasMessageContaining("not 1 to 8");
        assertThatThrownBy(() -> ReedSolomon.of(4, 2).shortened(5)).hasMessageContaining("1 to 4");
    }

    @Test
    void refusesAReconstructionItCannotDo() {
        Stripe stripe = Stripe.random(ReedSolomon.of(4, 2), 100, random);
        ReedSolomon code = stripe.code();
        try (Arena arena = Arena.ofConfined()) {
            @Nullable MemorySegment[] cells = stripe.nativeCells(arena, 0);
            assertThatThrownBy(() -> code.reconstruct(cells, 0b111, 0b1000, 0, 100))
                    .isInstanceOf(IllegalArgumentException.class)
                    .hasMessageContaining("3 cells present, 4 needed");
            assertThatThrownBy(() -> code.reconstruct(cells, 0b11111, 0b1, 0, 100))
                    .isInstanceOf(IllegalArgumentException.class);
            assertThatThrownBy(() -> code.reconstruct(cells, 0b1011111, 0b100000, 0, 100))
                    .isInstanceOf(IllegalArgumentException.class);
            assertThatThrownBy(() -> code.reconstruct(cells, 0b11110, 0b1, 50, 51))
                    .isInstanceOf(IndexOutOfBoundsException.class);
            cells[2] = null;
            assertThatThrownBy(() -> code.reconstruct(cells, 0b11110, 0b1, 0, 100))
                    .isInstanceOf(NullPointerException.class)
                    .hasMessageContaining("role 2");
        }
    }

    @Test
    void refusesCellsThatAreShortReadOnlyOrFreed() {
        Stripe stripe = Stripe.random(ReedSolomon.of(4, 2), 100, random);
        MemorySegment[] freed;
        try (Arena arena = Arena.ofConfined()) {
            MemorySegment[] data = stripe.nativeData(arena, 0);
            MemorySegment[] parity = stripe.nativeParity(arena, 0);
            freed = data;
            assertThatThrownBy(() -> stripe.code().encode(data, parity, 101))
                    .isInstanceOf(IndexOutOfBoundsException.class);
            assertThatThrownBy(() -> stripe.code().encode(parity, data, 100))
                    .isInstanceOf(IllegalArgumentException.class);
            assertThatThrownBy(() -> stripe.code().encode(data, parity, 100, new int[5]))
                    .isInstanceOf(IllegalArgumentException.class);
            parity[1] = parity[1].asReadOnly();
            assertThatThrownBy(() -> stripe.code().encode(data, parity, 100))
                    .isInstanceOf(IllegalArgumentException.class)
                    .hasMessageContaining("read-only");
        }
        try (Arena arena = Arena.ofConfined()) {
            MemorySegment[] parity = stripe.nativeParity(arena, 0);
            assertThatThrownBy(() -> stripe.code().encode(freed, parity, 100))
                    .isInstanceOf(IllegalStateException.class);
        }
    }
}
