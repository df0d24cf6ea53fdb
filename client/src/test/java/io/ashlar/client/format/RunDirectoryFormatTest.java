package io.ashlar.client.format;

import static org.assertj.core.api.Assertions.assertThat;

import io.ashlar.client.AshlarException;
import io.ashlar.client.model.Policy;
import io.ashlar.client.model.SegmentId;
import io.ashlar.client.model.Stripe;

import org.junit.jupiter.api.Test;

import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;
import java.util.List;
import java.util.Random;

class RunDirectoryFormatTest {
    private static RunDirectory directory() {
        return new RunDirectory(
                1000,
                3,
                70,
                64,
                List.of(new SegmentId(1, 2), new SegmentId(3, 4)),
                new long[] {900, 0},
                List.of(new Stripe.Geometry(new Policy(4, 2), 4, 4096, 65_536)),
                new RunDirectory.Batches(
                        new int[] {1, 1},
                        new int[] {0, 0},
                        new long[] {5, 6},
                        new long[] {8192, 77_824},
                        new int[] {0, 2}),
                new RunDirectory.Fences(
                        new long[] {10, 5000}, new int[] {50, 69}, new int[] {0x21, 0x22}));
    }

    @Test
    void fieldsStandWhereTheTableSays() {
        byte[] pages = RunDirectoryFormat.write(directory());
        assertThat(pages).hasSize(4096);
        ByteBuffer bytes = ByteBuffer.wrap(pages).order(ByteOrder.LITTLE_ENDIAN);
        assertThat(new String(pages, 0, 8, StandardCharsets.US_ASCII)).isEqualTo("ASHLRUND");
        assertThat(bytes.getShort(8)).isEqualTo((short) 1);
        assertThat(bytes.getInt(12)).isEqualTo(56 + 2 * 24 + 12 + 2 * 28 + 2 * 16);
        assertThat(bytes.getLong(16)).isEqualTo(1000);
        assertThat(bytes.getLong(24)).isEqualTo(3);
        assertThat(bytes.getInt(32)).isEqualTo(70);
        assertThat(bytes.getInt(36)).isEqualTo(64);
        assertThat(bytes.getInt(40)).isEqualTo(2);
        assertThat(bytes.getInt(44)).isEqualTo(1);
        assertThat(bytes.getInt(48)).isEqualTo(2);
        assertThat(bytes.getInt(52)).isEqualTo(2);
        assertThat(bytes.getLong(56)).isEqualTo(1);
        assertThat(bytes.getLong(64)).isEqualTo(2);
        assertThat(bytes.getLong(72)).isEqualTo(900);
        int geometry = 56 + 48;
        assertThat(bytes.get(geometry)).isEqualTo((byte) 4);
        assertThat(bytes.get(geometry + 1)).isEqualTo((byte) 2);
        assertThat(bytes.get(geometry + 2)).isEqualTo((byte) 4);
        assertThat(bytes.getInt(geometry + 4)).isEqualTo(4096);
        assertThat(bytes.getInt(geometry + 8)).isEqualTo(65_536);
        int batch = geometry + 12 + 28;
        assertThat(bytes.getInt(batch)).isEqualTo(1);
        assertThat(bytes.getInt(batch + 4)).isZero();
        assertThat(bytes.getLong(batch + 8)).isEqualTo(6);
        assertThat(bytes.getLong(batch + 16)).isEqualTo(77_824);
        assertThat(bytes.getInt(batch + 24)).isEqualTo(2);
        int fence = batch + 28 + 16;
        assertThat(bytes.getLong(fence)).isEqualTo(5000);
        assertThat(bytes.getInt(fence + 8)).isEqualTo(69);
        assertThat(bytes.getInt(fence + 12)).isEqualTo(0x22);
    }

    @Test
    void readsBackAsWritten() throws Exception {
        byte[] pages = RunDirectoryFormat.write(directory());
        RunDirectory read = RunDirectoryFormat.read(pages);
        assertThat(RunDirectoryFormat.write(read)).isEqualTo(pages);
        assertThat(read.segments()).isEqualTo(directory().segments());
        assertThat(read.fences().firstDataPage(1)).isEqualTo(51);
        assertThat(read.fences().dataPageCount(1)).isEqualTo(18);
    }

    @Test
    void malformedPagesAreCorruptAndNeverMore() {
        byte[] right = RunDirectoryFormat.write(directory());
        Random random = new Random(1);
        int refused = 0;
        for (int i = 0; i < 200_000; i++) {
            byte[] pages = right.clone();
            pages[random.nextInt(210)] ^= (byte) (1 + random.nextInt(255));
            try {
                RunDirectoryFormat.read(pages);
            } catch (AshlarException.Corrupt e) {
                refused++;
            }
        }
        assertThat(refused).isGreaterThan(50_000);
    }

    @Test
    void readsTheGoldenFileOfVersion1() throws Exception {
        assertThat(Golden.bytes("run-directory-v1.bin"))
                .isEqualTo(RunDirectoryFormat.write(directory()));
    }
}
