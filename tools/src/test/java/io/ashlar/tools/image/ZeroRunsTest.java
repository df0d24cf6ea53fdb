package io.ashlar.tools.image;

import static org.assertj.core.api.Assertions.assertThat;

import org.junit.jupiter.api.Test;

import java.io.IOException;
import java.nio.ByteBuffer;
import java.util.ArrayList;
import java.util.List;
import java.util.Random;

class ZeroRunsTest {
    private static final int BLOCK = 4096;

    private static List<String> runs(ByteBuffer bytes, int length) throws IOException {
        List<String> runs = new ArrayList<>();
        ZeroRuns.visit(
                bytes,
                length,
                (from, to, isZero) ->
                        runs.add(from / BLOCK + ".." + to / BLOCK + (isZero ? " zero" : " data")));
        return runs;
    }

    private static ByteBuffer blocks(int count, int... dataBlocks) {
        ByteBuffer bytes = ByteBuffer.allocateDirect(count * BLOCK);
        for (int block : dataBlocks) {
            bytes.put(block * BLOCK + 17, (byte) 1);
        }
        return bytes;
    }

    @Test
    void allZerosAreOneRun() throws IOException {
        assertThat(runs(blocks(256), 256 * BLOCK)).containsExactly("0..256 zero");
        assertThat(runs(blocks(256), 3 * BLOCK)).containsExactly("0..3 zero");
    }

    @Test
    void longRunsOfZerosPartTheData() throws IOException {
        assertThat(runs(blocks(256, 0, 1, 40, 41), 256 * BLOCK))
                .containsExactly("0..2 data", "2..40 zero", "40..42 data", "42..256 zero");
    }

    @Test
    void shortRunsOfZerosCountAsData() throws IOException {
        assertThat(runs(blocks(40, 0, 10, 39), 40 * BLOCK))
                .containsExactly("0..11 data", "11..39 zero", "39..40 data");
    }

    @Test
    void runsCoverEveryByteOnceAndZerosAreZeros() throws IOException {
        long seed = new Random().nextLong();
        Random random = new Random(seed);
        for (int round = 0; round < 200; round++) {
            int count = 1 + random.nextInt(100);
            ByteBuffer bytes = blocks(count);
            for (int block = 0; block < count; block++) {
                if (random.nextInt(20) == 0) {
                    bytes.put(block * BLOCK + random.nextInt(BLOCK), (byte) 7);
                }
            }
            int[] at = {0};
            ZeroRuns.visit(bytes, count * BLOCK, (from, to, isZero) -> {
                assertThat(from).as("seed %d", seed).isEqualTo(at[0]);
                assertThat(to).as("seed %d", seed).isGreaterThan(from);
                ByteBuffer run = bytes.slice(from, to - from);
                if (isZero) {
                    assertThat(run).as("seed %d", seed).isEqualTo(ByteBuffer.allocate(to - from));
                }
                at[0] = to;
            });
            assertThat(at[0]).as("seed %d", seed).isEqualTo(count * BLOCK);
        }
    }
}
