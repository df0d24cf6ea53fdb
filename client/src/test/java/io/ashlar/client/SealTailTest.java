package io.ashlar.client;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.ashlar.client.fake.FakeCluster;
import io.ashlar.client.fake.FakeLoop;
import io.ashlar.client.model.Policy;
import io.ashlar.client.protocol.AbandonedVolume;
import io.ashlar.client.protocol.Request;

import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;

import java.nio.ByteBuffer;
import java.util.SplittableRandom;
import java.util.concurrent.CompletableFuture;

/** A worker seals what a writer left that is gone, and costs nobody the volume who is not. */
class SealTailTest {
    private static final int BLOCKS = 40;
    private static final long SLOWNESS = 60 * TestClient.SECOND;

    private final SplittableRandom random = new SplittableRandom(3);
    private final FakeLoop loop = new FakeLoop();
    private final FakeCluster cluster = new FakeCluster(loop, random, 6, new Policy(4, 2), 4 << 20);
    private final byte[] written = new byte[BLOCKS * 4096];
    private TestClient client = newClient();

    private TestClient newClient() {
        return new TestClient(loop, cluster, random, ClientConfig.DEFAULT);
    }

    /** And what is on its way to slow nodes arrives. */
    @AfterEach
    void endClient() {
        client.kill();
        loop.runFor(SLOWNESS);
    }

    /** Killed in the midst of a write that reached some nodes, and was not acknowledged. */
    private void killWriter() {
        random.nextBytes(written);
        Volume volume = client.open();
        for (int block = 0; block < BLOCKS; block += 8) {
            byte[] some = new byte[8 * 4096];
            System.arraycopy(written, block * 4096, some, 0, some.length);
            client.write(volume, block, some);
        }
        for (int node = 0; node < 3; node++) {
            cluster.slow(node, SLOWNESS);
        }
        CompletableFuture<Void> cut =
                volume.writeAsync((long) BLOCKS * 4096, ByteBuffer.allocate(16 * 4096));
        loop.runFor(TestClient.SECOND / 50);
        assertThat(cut).isNotDone();
        client.kill();
        for (int node = 0; node < 3; node++) {
            cluster.slow(node, 0);
        }
    }

    private void sealTail(AbandonedVolume left) {
        TestClient worker = newClient();
        try {
            var _ = worker.finish(() -> worker.sealTail(left));
        } finally {
            worker.kill();
        }
    }

    @Test
    void sealsWhatADeadWriterLeftAndGivesTheVolumeUp() {
        killWriter();
        assertThat(cluster.openSegments()).isPositive();
        sealTail(cluster.abandoned());
        assertThat(cluster.openSegments()).isZero();
        assertThat(cluster.holder()).isEmpty();

        int fenced = cluster.arrivals(Request.BodyCase.FENCE_SHARD);
        client = newClient();
        Volume next = client.open();
        assertThat(cluster.arrivals(Request.BodyCase.FENCE_SHARD)).isEqualTo(fenced);
        assertThat(client.read(next, 0, BLOCKS)).isEqualTo(written);
        client.write(next, 0, new byte[4096]);
    }

    @Test
    void saysThatTooFewNodesTellWhatWasAcknowledged() {
        killWriter();
        for (int node = 0; node < 3; node++) {
            cluster.kill(node);
        }
        assertThatThrownBy(() -> sealTail(cluster.abandoned()))
                .cause()
                .isInstanceOfSatisfying(
                        AshlarException.Unavailable.class,
                        cause -> assertThat(cause.isBlocked()).isTrue())
                .hasMessageContaining("is unreachable");
        assertThat(cluster.openSegments()).isPositive();
        assertThat(cluster.holder()).isEmpty();

        for (int node = 0; node < 3; node++) {
            cluster.start(node);
        }
        sealTail(cluster.abandoned());
        client = newClient();
        assertThat(client.read(client.open(), 0, BLOCKS)).isEqualTo(written);
    }

    @Test
    void isNotBlockedByACoordinatorThatDoesNotAnswer() {
        killWriter();
        cluster.loseMessages(Request.BodyCase.SEAL_SEGMENTS, 1);
        assertThatThrownBy(() -> sealTail(cluster.abandoned()))
                .cause()
                .isInstanceOfSatisfying(
                        AshlarException.Unavailable.class,
                        cause -> assertThat(cause.isBlocked()).isFalse());
    }

    @Test
    void stopsBeforeAnythingWhereTheVolumeWasOpenedSince() {
        killWriter();
        AbandonedVolume left = cluster.abandoned();
        client = newClient();
        Volume next = client.open();
        client.write(next, 0, new byte[4096]);
        int fenced = cluster.arrivals(Request.BodyCase.FENCE_SHARD);
        assertThatThrownBy(() -> sealTail(left)).hasCauseInstanceOf(AshlarException.Fenced.class);
        assertThat(cluster.arrivals(Request.BodyCase.FENCE_SHARD)).isEqualTo(fenced);
        client.write(next, 0, new byte[4096]);
    }

    @Test
    void yieldsToAMountThatTakesTheVolumeMeanwhile() {
        killWriter();
        TestClient worker = newClient();
        for (int node = 0; node < 6; node++) {
            cluster.slow(node, TestClient.SECOND / 5);
        }
        CompletableFuture<Void> sealing = worker.sealTail(cluster.abandoned());
        loop.runFor(TestClient.SECOND / 10);
        client = newClient();
        Volume next = client.open();
        loop.runUntil(sealing::isDone, 60 * TestClient.SECOND);
        assertThatThrownBy(sealing::join).hasCauseInstanceOf(AshlarException.Fenced.class);
        worker.kill();
        assertThat(client.read(next, 0, BLOCKS)).isEqualTo(written);
        client.write(next, 0, new byte[4096]);
    }
}
