package io.ashlar.tools.endtoend;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.ashlar.client.AshlarClient;
import io.ashlar.client.AshlarException;
import io.ashlar.client.Volume;
import io.ashlar.tools.cluster.ClusterReadiness;
import io.ashlar.tools.command.Ran;

import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;

/** A writer dies and then more nodes than can be missed: an operator gives up what they hold. */
class RecoverTest {
    private static final int BLOCK_BYTES = Volume.BLOCK_BYTES;
    private static final int BLOCKS = 64;
    private static final int STRIPE_BLOCKS = 16;
    private static final int OLD = 1;
    private static final int NEW = 2;
    private static final List<String> DEAD = List.of("n1", "n3", "n6");

    @TempDir
    private Path directory;

    @Test
    void whatNobodyCanKnowIsGivenUpOnRecordAndReadsAsErrors()
            throws IOException, InterruptedException {
        try (TestCluster cluster = TestCluster.start(directory, 6, 192L << 20)) {
            var _ = cluster.done("volume", "create", "v", "--size", BLOCKS * 4 + "K");
            writeHalfTwiceAndDie(cluster);
            for (String node : DEAD) {
                cluster.cluster().kill(node);
            }

            Ran blocked = cluster.ashlar("volume", "recover", "v");
            assertThat(blocked.exitCode()).as(blocked.toString()).isEqualTo(1);
            assertThat(blocked.err())
                    .startsWith("ashlar: ")
                    .hasLineCount(1)
                    .contains("--accept-loss")
                    .contains(addressesOfDead(cluster));
            assertThat(events(cluster)).doesNotContain("giving up");

            Ran recovered = cluster.ashlar("volume", "recover", "v", "--accept-loss");
            assertThat(recovered.exitCode()).as(recovered.toString()).isZero();
            assertThat(recovered.out()).contains(BLOCKS / 2 + " blocks are lost");
            assertThat(events(cluster))
                    .containsPattern("volume v .*giving up what cannot be recovered");

            var _ = cluster.cluster().startAll();
            ClusterReadiness.await(cluster.cluster());
            checkLoss(cluster);
        }
    }

    private static List<String> addressesOfDead(TestCluster cluster) throws IOException {
        List<String> addresses = new ArrayList<>();
        for (String node : DEAD) {
            addresses.add(cluster.cluster().member(node).address().toString());
        }
        return addresses;
    }

    private static String events(TestCluster cluster) {
        Ran ran = cluster.ashlar("events");
        assertThat(ran.exitCode()).as(ran.toString()).isZero();
        return ran.out();
    }

    /**
     * Half of the blocks, twice, in whole stripes, so that every node has a cell of each; the client
     * ends as if it was killed.
     */
    private static void writeHalfTwiceAndDie(TestCluster cluster) throws AshlarException {
        try (AshlarClient client = AshlarClient.connect(cluster.cluster().coordinatorAddresses())) {
            Volume volume = client.open("v");
            for (int value : new int[] {OLD, NEW}) {
                for (int block = 0; block < BLOCKS / 2; block += STRIPE_BLOCKS) {
                    volume.write((long) block * BLOCK_BYTES, filled(value, STRIPE_BLOCKS));
                }
            }
        }
    }

    /** It stays lost when the nodes are back; what is written anew is there. */
    private static void checkLoss(TestCluster cluster) throws AshlarException {
        try (AshlarClient client = AshlarClient.connect(cluster.cluster().coordinatorAddresses());
                Volume volume = client.open("v")) {
            for (int block = 0; block < BLOCKS; block++) {
                ByteBuffer target = ByteBuffer.allocate(BLOCK_BYTES);
                long offset = (long) block * BLOCK_BYTES;
                if (block < BLOCKS / 2) {
                    assertThatThrownBy(() -> volume.read(offset, target))
                            .isInstanceOf(AshlarException.Corrupt.class);
                } else {
                    volume.read(offset, target);
                    assertThat(target.array()).containsOnly(0);
                }
            }
            volume.write(0, filled(NEW, 1));
            ByteBuffer target = ByteBuffer.allocate(BLOCK_BYTES);
            volume.read(0, target);
            assertThat(target.array()).containsOnly(NEW);
            assertThat(volume.stats().lostBlocks()).isEqualTo(BLOCKS / 2 - 1);
        }
    }

    private static ByteBuffer filled(int value, int blocks) {
        byte[] bytes = new byte[blocks * BLOCK_BYTES];
        Arrays.fill(bytes, (byte) value);
        return ByteBuffer.wrap(bytes);
    }
}
