package io.ashlar.ec;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import org.apache.commons.codec.digest.PureJavaCrc32C;
import org.junit.jupiter.api.Test;

import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.nio.charset.StandardCharsets;
import java.util.Random;

class Crc32cTest {
    private static final long SEED = 20_250_603;

    @Test
    void givesTheAnswersOfItsSpecification() {
        assertThat(Crc32c.of("123456789".getBytes(StandardCharsets.US_ASCII)))
                .isEqualTo(0xE3069283);
        assertThat(Crc32c.of(new byte[32])).isEqualTo(0x8A9136AA);
        assertThat(Crc32c.of(new byte[0])).isZero();
    }

    @Test
    void agreesWithCommonsCodec() {
        byte[] bytes = new byte[9000];
        new Random(SEED).nextBytes(bytes);
        try (Arena arena = Arena.ofConfined()) {
            MemorySegment heap = MemorySegment.ofArray(bytes);
            MemorySegment nativeCopy = arena.allocate(bytes.length).copyFrom(heap);
            for (int lengthBytes = 0; lengthBytes <= 257; lengthBytes++) {
                checkRange(bytes, heap, nativeCopy, lengthBytes % 67, lengthBytes);
            }
            checkRange(bytes, heap, nativeCopy, 0, 4096);
            checkRange(bytes, heap, nativeCopy, 4096, 4096);
            checkRange(bytes, heap, nativeCopy, 1, 8999);
        }
    }

    private static void checkRange(
            byte[] bytes,
            MemorySegment heap,
            MemorySegment nativeCopy,
            int offset,
            int lengthBytes) {
        PureJavaCrc32C oracle = new PureJavaCrc32C();
        oracle.update(bytes, offset, lengthBytes);
        assertThat(Crc32c.of(heap, offset, lengthBytes)).isEqualTo((int) oracle.getValue());
        assertThat(Crc32c.of(nativeCopy, offset, lengthBytes)).isEqualTo((int) oracle.getValue());
    }

    @Test
    void refusesARangeOutsideTheMemorySegment() {
        MemorySegment bytes = MemorySegment.ofArray(new byte[10]);
        assertThatThrownBy(() -> Crc32c.of(bytes, 5, 6))
                .isInstanceOf(IndexOutOfBoundsException.class);
        assertThatThrownBy(() -> Crc32c.of(bytes, -1, 1))
                .isInstanceOf(IndexOutOfBoundsException.class);
    }
}
