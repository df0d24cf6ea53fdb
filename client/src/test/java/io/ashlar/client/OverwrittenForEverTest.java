package io.ashlar.client;

import static org.assertj.core.api.Assertions.assertThat;

import io.ashlar.client.fake.FakeCluster;
import io.ashlar.client.fake.FakeLoop;
import io.ashlar.client.map.MapLimits;
import io.ashlar.client.model.Policy;

import org.junit.jupiter.api.Test;

import java.time.Duration;
import java.util.SplittableRandom;

/** Volumes on drives that have room for little more than what is live. */
class OverwrittenForEverTest {
    private static final int MIB = 1 << 20;
    private static final int VOLUME_BYTES = 8 * MIB;
    private static final int BLOCKS = VOLUME_BYTES / Volume.BLOCK_BYTES;

    private final SplittableRandom random = new SplittableRandom(8);
    private final FakeLoop loop = new FakeLoop();
    private final FakeCluster cluster =
            new FakeCluster(loop, random, 6, new Policy(4, 2), VOLUME_BYTES);

    /** With what a client does where nobody says otherwise. */
    @Test
    void whatIsDeadStaysSmallBesideWhatWasWritten() {
        cluster.setCapacity(48 * MIB);
        TestClient client = new TestClient(loop, cluster, random, ClientConfig.DEFAULT);
        Volume volume = client.open();
        byte[] written = new byte[4 * MIB];
        random.nextBytes(written);
        for (int pass = 0; pass < 100; pass++) {
            writeAtOnce(client, volume, 0, written);
            writeAtOnce(client, volume, BLOCKS / 2, written);
        }
        assertThat(client.read(volume, BLOCKS / 2, BLOCKS / 2)).isEqualTo(written);
        client.kill();
    }

    /** No checkpoint is due by then, so nothing has been given back. */
    @Test
    void whatIsDeadIsGivenBackWhereDrivesAreFull() {
        int capacity = 4 * MIB;
        cluster.setCapacity(capacity);
        TestClient client = new TestClient(loop, cluster, random, SELDOM);
        Volume volume = client.open();
        byte[] written = new byte[VOLUME_BYTES / 4];
        for (int pass = 0; pass < 12; pass++) {
            random.nextBytes(written);
            writeAtOnce(client, volume, 0, written);
        }
        assertThat(client.read(volume, 0, BLOCKS / 4)).isEqualTo(written);
        client.kill();
    }

    /** Nobody has to wait until something is given up. */
    private void writeAtOnce(TestClient client, Volume volume, int firstBlock, byte[] bytes) {
        long begun = loop.nanoTime();
        client.write(volume, firstBlock, bytes);
        assertThat(loop.nanoTime() - begun).isLessThan(5 * TestClient.SECOND);
    }

    /** Saves the map after so many stripes that these tests do not come to it. */
    private static final ClientConfig SELDOM = new ClientConfig(
            Duration.ofSeconds(1),
            Duration.ofSeconds(5),
            Duration.ofSeconds(15),
            Duration.ofSeconds(10),
            Duration.ofSeconds(15),
            Duration.ofSeconds(1),
            4,
            16 * Volume.BLOCK_BYTES,
            4 * MIB,
            100_000,
            MapLimits.DEFAULT,
            128 << 10,
            512 << 10);
}
