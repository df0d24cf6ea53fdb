package io.ashlar.bench.load;

import static org.assertj.core.api.Assertions.assertThat;

import static java.nio.ByteOrder.LITTLE_ENDIAN;
import static java.util.Objects.requireNonNull;

import org.junit.jupiter.api.Test;

import java.io.IOException;
import java.io.InputStream;
import java.lang.foreign.MemorySegment;
import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.util.Arrays;
import java.util.SplittableRandom;
import java.util.zip.Deflater;

class StampFormatTest {
    private static final int BLOCK_BYTES = 4096;
    private static final long GOLDEN = 0x9E3779B97F4A7C15L;

    private final byte[] array = new byte[3 * BLOCK_BYTES];
    private final MemorySegment bytes = MemorySegment.ofArray(array);

    @Test
    void laysOutTheTable() {
        StampFormat.write(bytes, BLOCK_BYTES, 7, 0x0123456789ABCDEFL, 3);
        ByteBuffer block =
                ByteBuffer.wrap(array, BLOCK_BYTES, BLOCK_BYTES).slice().order(LITTLE_ENDIAN);
        byte[] magic = new byte[8];
        block.get(0, magic);
        assertThat(new String(magic, StandardCharsets.US_ASCII)).isEqualTo("ashstamp");
        assertThat(block.getLong(8)).isEqualTo(7);
        assertThat(block.getLong(16)).isEqualTo(0x0123456789ABCDEFL);
        assertThat(block.getLong(24)).isEqualTo(3);
        assertThat(block.getLong(40) - block.getLong(32)).isEqualTo(GOLDEN);
        assertThat(block.getLong(4088) - block.getLong(4080)).isEqualTo(GOLDEN);
        assertThat(StampFormat.isZero(bytes, 0)).isTrue();
        assertThat(StampFormat.isZero(bytes, 2 * BLOCK_BYTES)).isTrue();
        assertThat(StampFormat.isZero(bytes, BLOCK_BYTES)).isFalse();
    }

    /** The filler as another hand computes it, with nothing of the class but its table. */
    @Test
    void fillsTheRestAsTheTableSays() {
        long seed = 0x0123456789ABCDEFL;
        StampFormat.write(bytes, 0, 7, seed, 3);
        ByteBuffer block = ByteBuffer.wrap(array, 0, BLOCK_BYTES).order(LITTLE_ENDIAN);
        long base = splitMix(splitMix(splitMix(seed) + 7) + 3);
        for (int i = 4; i < 512; i++) {
            assertThat(block.getLong(8 * i)).as("long %d", i).isEqualTo(base + i * GOLDEN);
        }
    }

    /** The next number of the generator that the JDK has: its seed moves by GOLDEN, then is mixed. */
    private static long splitMix(long value) {
        return new SplittableRandom(value).nextLong();
    }

    @Test
    void readsAndWritesTheGoldenFileOfVersion1() throws IOException {
        byte[] golden = golden();
        MemorySegment stored = MemorySegment.ofArray(golden);
        assertThat(golden).hasSize(BLOCK_BYTES);
        assertThat(StampFormat.hasMagic(stored, 0)).isTrue();
        assertThat(StampFormat.isWhole(stored, 0)).isTrue();
        assertThat(StampFormat.block(stored, 0)).isEqualTo(7);
        assertThat(StampFormat.seed(stored, 0)).isEqualTo(0x0123456789ABCDEFL);
        assertThat(StampFormat.generation(stored, 0)).isEqualTo(3);
        StampFormat.write(bytes, 0, 7, 0x0123456789ABCDEFL, 3);
        assertThat(Arrays.copyOf(array, BLOCK_BYTES)).isEqualTo(golden);
    }

    private static byte[] golden() throws IOException {
        try (InputStream file = StampFormatTest.class.getResourceAsStream("stamp-v1.bin")) {
            assertThat(file).as("stamp-v1.bin beside this class").isNotNull();
            return requireNonNull(file).readAllBytes();
        }
    }

    @Test
    void noticesEveryFlippedBit() {
        StampFormat.write(bytes, 0, 7, 8, 9);
        assertThat(StampFormat.isWhole(bytes, 0)).isTrue();
        for (int bit = 0; bit < 8 * BLOCK_BYTES; bit++) {
            array[bit / 8] ^= (byte) (1 << (bit % 8));
            assertThat(StampFormat.hasMagic(bytes, 0) && StampFormat.isWhole(bytes, 0))
                    .as("bit %d", bit)
                    .isFalse();
            array[bit / 8] ^= (byte) (1 << (bit % 8));
        }
    }

    @Test
    void doesNotCompress() {
        StampFormat.write(bytes, 0, 7, 8, 9);
        try (Deflater deflater = new Deflater()) {
            deflater.setInput(array, 0, BLOCK_BYTES);
            deflater.finish();
            assertThat(deflater.deflate(new byte[2 * BLOCK_BYTES]))
                    .isGreaterThan(BLOCK_BYTES * 9 / 10);
        }
    }
}
