package io.ashlar.client;

import static org.assertj.core.api.Assertions.assertThat;

import io.ashlar.client.HealthExtent.Health;
import io.ashlar.client.fake.FakeCluster;
import io.ashlar.client.fake.FakeLoop;
import io.ashlar.client.model.Policy;
import io.ashlar.client.model.SegmentId;

import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;

import java.util.List;
import java.util.SplittableRandom;

/** Blocks 1 and 2 of a volume are written, by two writers, so in two segments. */
class VolumeHealthTest {
    private static final int BLOCK = Volume.BLOCK_BYTES;
    private static final long SIZE = 1 << 20;

    private final SplittableRandom random = new SplittableRandom(3);
    private final FakeLoop loop = new FakeLoop();
    private final FakeCluster cluster = new FakeCluster(loop, random, 6, new Policy(4, 2), SIZE);
    private final TestClient client = new TestClient(loop, cluster, random, ClientConfig.DEFAULT);
    private Volume volume;
    private SegmentId firstSegment;

    @BeforeEach
    void writeTwoBlocks() {
        Volume former = client.open();
        client.write(former, 1, new byte[BLOCK]);
        firstSegment = SegmentId.of(cluster.segments().getFirst().getId());
        client.close(former);
        volume = client.open();
        client.write(volume, 2, new byte[BLOCK]);
    }

    @AfterEach
    void endClient() {
        client.kill();
    }

    private List<HealthExtent> health(long offset, long lengthBytes, int maxExtents) {
        return client.finish(() -> volume.healthAsync(offset, lengthBytes, maxExtents));
    }

    @Test
    void tellsWhatSurvivesFewerLosses() {
        assertThat(health(0, SIZE, 10)).containsExactly(new HealthExtent(0, SIZE, Health.WHOLE));
        cluster.loseShardOf(firstSegment);
        assertThat(health(0, SIZE, 10))
                .as("what was told a moment ago")
                .containsExactly(new HealthExtent(0, SIZE, Health.WHOLE));
        loop.runFor(TestClient.SECOND);
        assertThat(health(0, SIZE, 10))
                .containsExactly(
                        new HealthExtent(0, BLOCK, Health.WHOLE),
                        new HealthExtent(BLOCK, BLOCK, Health.DEGRADED),
                        new HealthExtent(2 * BLOCK, SIZE - 2 * BLOCK, Health.WHOLE));
        assertThat(health(BLOCK + 100, 10, 1))
                .containsExactly(new HealthExtent(BLOCK + 100, 10, Health.DEGRADED));
    }

    @Test
    void nothingIsKnownOfWhatIsStoredWithoutACoordinator() {
        client.hearCoordinator(false);
        assertThat(health(0, SIZE, 10))
                .containsExactly(
                        new HealthExtent(0, BLOCK, Health.WHOLE),
                        new HealthExtent(BLOCK, 2 * BLOCK, Health.UNKNOWN),
                        new HealthExtent(3 * BLOCK, SIZE - 3 * BLOCK, Health.WHOLE));
    }
}
