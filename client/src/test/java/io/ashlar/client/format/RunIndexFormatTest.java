package io.ashlar.client.format;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.ashlar.client.AshlarException;

import org.junit.jupiter.api.Test;

import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;
import java.util.Random;

class RunIndexFormatTest {
    private static byte[] page() {
        RunIndexFormat.Writer writer = new RunIndexFormat.Writer();
        writer.add(1L << 40, 0x11);
        writer.add((1L << 40) + 7, 0x12);
        writer.add((1L << 40) + RunIndexFormat.MAX_SPAN_BLOCKS, 0x13);
        return writer.finish();
    }

    @Test
    void fieldsStandWhereTheTableSays() {
        byte[] page = page();
        ByteBuffer bytes = ByteBuffer.wrap(page).order(ByteOrder.LITTLE_ENDIAN);
        assertThat(new String(page, 0, 4, StandardCharsets.US_ASCII)).isEqualTo("AMIX");
        assertThat(bytes.getShort(4)).isEqualTo((short) 1);
        assertThat(bytes.getShort(6)).isEqualTo((short) 3);
        assertThat(bytes.getLong(8)).isEqualTo(1L << 40);
        assertThat(bytes.getInt(16)).isZero();
        assertThat(bytes.getInt(20)).isEqualTo(7);
        assertThat(bytes.getInt(24)).isEqualTo(-1);
        assertThat(bytes.getInt(28)).isEqualTo(0x11);
        assertThat(bytes.getInt(32)).isEqualTo(0x12);
        assertThat(bytes.getInt(36)).isEqualTo(0x13);
    }

    @Test
    void findsThePageThatMayHoldABlock() throws Exception {
        byte[] page = page();
        long base = 1L << 40;
        assertThat(RunIndexFormat.check(page, base, 3)).isEqualTo(3);
        assertThat(RunIndexFormat.find(page, base - 1)).isEqualTo(-1);
        assertThat(RunIndexFormat.find(page, base)).isZero();
        assertThat(RunIndexFormat.find(page, base + 6)).isZero();
        assertThat(RunIndexFormat.find(page, base + 7)).isEqualTo(1);
        assertThat(RunIndexFormat.find(page, base + (1L << 33))).isEqualTo(2);
        assertThat(RunIndexFormat.firstBlock(page, 2))
                .isEqualTo(base + RunIndexFormat.MAX_SPAN_BLOCKS);
        assertThat(RunIndexFormat.crcs(page, 1, 2)).containsExactly(0x12, 0x13);
    }

    @Test
    void aPageIsFullAt510PagesOrWhereTheSpanEnds() {
        RunIndexFormat.Writer writer = new RunIndexFormat.Writer();
        for (int i = 0; i < 510; i++) {
            assertThat(writer.isFullFor(i)).isFalse();
            writer.add(i, i);
        }
        assertThat(writer.isFullFor(510)).isTrue();
        assertThatThrownBy(() -> writer.add(510, 0)).isInstanceOf(IllegalStateException.class);
        writer.finish();
        writer.add(0, 0);
        assertThat(writer.isFullFor(RunIndexFormat.MAX_SPAN_BLOCKS)).isFalse();
        assertThat(writer.isFullFor(RunIndexFormat.MAX_SPAN_BLOCKS + 1)).isTrue();
    }

    @Test
    void malformedPagesAreCorrupt() {
        byte[] right = page();
        assertThatThrownBy(() -> RunIndexFormat.check(right, 5, 3))
                .isInstanceOf(AshlarException.Corrupt.class);
        assertThatThrownBy(() -> RunIndexFormat.check(right, 1L << 40, 2))
                .isInstanceOf(AshlarException.Corrupt.class);
        Random random = new Random(1);
        for (int i = 0; i < 100_000; i++) {
            byte[] page = right.clone();
            page[random.nextInt(28)] ^= (byte) (1 + random.nextInt(255));
            try {
                int count = RunIndexFormat.check(page, 1L << 40, 3);
                assertThat(RunIndexFormat.find(page, 1L << 41)).isEqualTo(count - 1);
            } catch (AshlarException.Corrupt e) {
                assertThat(e).hasMessageContaining("malformed");
            }
        }
    }

    @Test
    void readsTheGoldenFileOfVersion1() throws Exception {
        assertThat(Golden.bytes("run-index-v1.bin")).isEqualTo(page());
    }
}
