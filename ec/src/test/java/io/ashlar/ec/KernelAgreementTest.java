package io.ashlar.ec;

import static org.assertj.core.api.Assertions.assertThat;

import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.util.Arrays;
import java.util.List;
import java.util.Random;

/** Every kernel against a bit-by-bit multiplication, over lengths, alignments and shapes. */
class KernelAgreementTest {
    private static final long SEED = 20_250_602;

    private final Random random = new Random(SEED);

    static List<Kernel> kernels() {
        return Kernel.available();
    }

    @ParameterizedTest
    @MethodSource("kernels")
    void allShortLengthsAtOddOffsets(Kernel kernel) {
        for (int lengthBytes = 0; lengthBytes <= 257; lengthBytes++) {
            int misalignment = lengthBytes % 67;
            checkEncode(Stripe.random(ReedSolomon.of(4, 2, kernel), lengthBytes, random), 0);
            checkEncode(
                    Stripe.random(ReedSolomon.of(5, 3, kernel), lengthBytes, random), misalignment);
        }
    }

    @ParameterizedTest
    @MethodSource("kernels")
    void largeCells(Kernel kernel) {
        for (int lengthBytes : new int[] {4096, 16_385, 65_536, 100_003, 1 << 20}) {
            checkEncode(Stripe.random(ReedSolomon.of(4, 2, kernel), lengthBytes, random), 0);
            checkEncode(Stripe.random(ReedSolomon.of(3, 4, kernel), lengthBytes, random), 13);
        }
    }

    @ParameterizedTest
    @MethodSource("kernels")
    void allShapes(Kernel kernel) {
        for (int k = 1; k <= ReedSolomon.MAX_DATA_COUNT; k++) {
            for (int m = 1; m <= ReedSolomon.MAX_PARITY_COUNT; m++) {
                checkEncode(Stripe.random(ReedSolomon.of(k, m, kernel), 331, random), 3);
            }
        }
    }

    @ParameterizedTest
    @MethodSource("kernels")
    void cellsOnTheHeap(Kernel kernel) {
        for (int lengthBytes : new int[] {1, 8, 63, 4096, 50_001}) {
            Stripe stripe = Stripe.random(ReedSolomon.of(6, 3, kernel), lengthBytes, random);
            MemorySegment[] data = Arrays.stream(stripe.cells(), 0, 6)
                    .map(MemorySegment::ofArray)
                    .toArray(MemorySegment[]::new);
            MemorySegment[] parity = new MemorySegment[3];
            Arrays.setAll(parity, index -> MemorySegment.ofArray(new byte[lengthBytes]));
            stripe.code().encode(data, parity, lengthBytes);
            assertThat(Stripe.toBytes(parity)).isDeepEqualTo(stripe.parity());
        }
    }

    private static void checkEncode(Stripe stripe, int misalignment) {
        int lengthBytes = stripe.cells()[0].length;
        try (Arena arena = Arena.ofConfined()) {
            MemorySegment[] data = stripe.nativeData(arena, misalignment);
            MemorySegment[] parity = stripe.nativeParity(arena, misalignment);
            stripe.code().encode(data, parity, lengthBytes);
            assertThat(Stripe.toBytes(parity))
                    .as("%s, %d bytes at %d", stripe.code(), lengthBytes, misalignment)
                    .isDeepEqualTo(stripe.parity());
        }
    }
}
