package io.ashlar.bench.load;

import static org.assertj.core.api.Assertions.assertThat;

import static java.nio.ByteOrder.LITTLE_ENDIAN;

import org.junit.jupiter.api.Test;

import java.lang.foreign.MemorySegment;
import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.util.zip.Deflater;

class StampFormatTest {
    private static final int BLOCK_BYTES = 4096;

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
        assertThat(block.getLong(40) - block.getLong(32)).isEqualTo(0x9E3779B97F4A7C15L);
        assertThat(block.getLong(4088) - block.getLong(4080)).isEqualTo(0x9E3779B97F4A7C15L);
        assertThat(StampFormat.isZero(bytes, 0)).isTrue();
        assertThat(StampFormat.isZero(bytes, 2 * BLOCK_BYTES)).isTrue();
        assertThat(StampFormat.isZero(bytes, BLOCK_BYTES)).isFalse();
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
