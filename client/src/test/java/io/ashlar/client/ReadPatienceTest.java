package io.ashlar.client;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.ashlar.client.fake.FakeCluster;
import io.ashlar.client.fake.FakeLoop;
import io.ashlar.client.model.Policy;

import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;

import java.nio.ByteBuffer;
import java.time.Duration;
import java.util.List;
import java.util.SplittableRandom;
import java.util.concurrent.CompletableFuture;

/** Reads of stripes of which too few cells can be reached just now. */
class ReadPatienceTest {
    private static final int NODES = 6;
    private static final int BLOCKS = 256;
    private static final long PATIENCE_NANOS = 40 * TestClient.SECOND;
    private static final ClientConfig CONFIG =
            ClientConfig.DEFAULT.withReadPatience(Duration.ofNanos(PATIENCE_NANOS));

    private final SplittableRandom random = new SplittableRandom(1);
    private final FakeLoop loop = new FakeLoop();
    private final FakeCluster cluster =
            new FakeCluster(loop, random, NODES, new Policy(4, 2), BLOCKS * 4096L);
    private final TestClient client = new TestClient(loop, cluster, random, CONFIG);
    private final Volume volume = client.open();
    private final byte[] image = new byte[BLOCKS * 4096];
    private final byte[] found = new byte[BLOCKS * 4096];

    ReadPatienceTest() {
        random.nextBytes(image);
        client.write(volume, 0, image);
    }

    @AfterEach
    void endClient() {
        client.kill();
    }

    private CompletableFuture<Void> read() {
        return volume.readAsync(0, ByteBuffer.wrap(found));
    }

    @Test
    void goOnWhenANodeComesBack() {
        List.of(1, 3, 4).forEach(cluster::kill);
        CompletableFuture<Void> read = read();
        loop.runFor(PATIENCE_NANOS / 2);
        assertThat(read).isNotDone();
        cluster.start(3);
        client.finish(() -> read);
        assertThat(found).isEqualTo(image);
    }

    @Test
    void failWhenNobodyComesBack() {
        List.of(1, 3, 4).forEach(cluster::kill);
        CompletableFuture<Void> read = read();
        loop.runFor(2 * PATIENCE_NANOS);
        assertThat(read).isDone();
        assertThatThrownBy(() -> client.finish(() -> read))
                .hasCauseInstanceOf(AshlarException.InsufficientShards.class)
                .hasMessageContaining("too few cells of stripe");
    }

    @Test
    void doNotWaitForWhatIsGone() {
        for (int node = 0; node < NODES; node++) {
            cluster.eraseFirstRecords(node);
        }
        CompletableFuture<Void> read = read();
        loop.runFor(PATIENCE_NANOS / 2);
        assertThat(read).isCompletedExceptionally();
    }

    @Test
    void goToTheNewPlaceAtOnceWhereTheSegmentIsFreedMeanwhile() {
        List.of(1, 3, 4).forEach(cluster::kill);
        CompletableFuture<Void> read = read();
        loop.runFor(TestClient.SECOND);
        assertThat(read).isNotDone();
        random.nextBytes(image);
        client.write(volume, 0, image);
        cluster.watch((to, request, bulk) -> {
            if (request.hasListSegments()) {
                throw new AshlarException.NotFound("freed");
            }
        });
        loop.runFor(5 * TestClient.SECOND);
        assertThat(read).isDone();
        assertThat(found).isEqualTo(image);
    }

    @Test
    void comeThroughConnectionsThatBreakAgainAndAgain() {
        cluster.loseMessages(0.15);
        for (int i = 0; i < 20; i++) {
            client.finish(this::read);
            assertThat(found).isEqualTo(image);
        }
    }
}
