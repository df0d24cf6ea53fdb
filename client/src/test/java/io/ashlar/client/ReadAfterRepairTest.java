package io.ashlar.client;

import static org.assertj.core.api.Assertions.assertThat;

import io.ashlar.client.fake.FakeCluster;
import io.ashlar.client.fake.FakeLoop;
import io.ashlar.client.model.Policy;
import io.ashlar.client.model.SegmentId;
import io.ashlar.client.protocol.Request;
import io.ashlar.client.protocol.Segment;

import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;

import java.nio.ByteBuffer;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.SplittableRandom;
import java.util.concurrent.CompletableFuture;

/** A volume that stays open while repair moves its shards. */
class ReadAfterRepairTest {
    private static final int BLOCKS = 1024;
    private static final int SPARE_NODE = 6;
    private static final long SECOND = TestClient.SECOND;
    private static final ClientConfig SMALL_SEGMENTS = new ClientConfig(
            Duration.ofSeconds(1),
            Duration.ofSeconds(5),
            Duration.ofSeconds(10),
            Duration.ofSeconds(15),
            Duration.ofSeconds(1),
            4,
            16 * 4096,
            1 << 20,
            32 * 1024,
            32 * 1024);

    private final SplittableRandom random = new SplittableRandom(1);
    private final FakeLoop loop = new FakeLoop();
    private final FakeCluster cluster =
            new FakeCluster(loop, random, 7, new Policy(4, 2), BLOCKS * 4096L);
    private final byte[] image = new byte[BLOCKS * 4096];
    private TestClient client = new TestClient(loop, cluster, random, SMALL_SEGMENTS);

    @AfterEach
    void endClient() {
        client.kill();
    }

    @Test
    void goesToTheNewPlaceOnceAShardIsFoundGone() {
        Volume volume = written(64);
        moveFrom(2);
        assertReadsDegradedAtFirstOnly(volume);
    }

    @Test
    void goesToTheNewPlaceOfAShardWhoseNodeDied() {
        Volume volume = written(64);
        cluster.kill(2);
        assertThat(client.read(volume, 0, 64)).isEqualTo(image(64));
        moveFrom(2);
        loop.runFor(2 * SECOND);
        assertReadsDegradedAtFirstOnly(volume);
    }

    @Test
    void goesToTheNewPlaceOfAShardWhoseDriveIsAnother() {
        Volume volume = written(64);
        moveFrom(2);
        cluster.watch((to, request) -> {
            if (to == 2 && request.hasReadCell()) {
                throw new AshlarException.Invalid("the drive is another");
            }
        });
        assertReadsDegradedAtFirstOnly(volume);
    }

    @Test
    void manyReadsThatMissAskForOneSegmentOnce() {
        Volume volume = written(12);
        cluster.kill(2);
        cluster.kill(3);
        List<CompletableFuture<Void>> reads = new ArrayList<>();
        for (int i = 0; i < 240; i++) {
            reads.add(volume.readAsync((i % 12) * 4096L, ByteBuffer.allocate(4096)));
        }
        reads.forEach(read -> client.finish(() -> read));
        assertThat(cluster.arrivals(Request.BodyCase.LIST_SEGMENTS))
                .isBetween(1, cluster.segments().size());
    }

    @Test
    void asksMoreAndMoreRarelyWhileAShardIsNotElsewhere() {
        Volume volume = written(4);
        for (int node = 0; node < SPARE_NODE; node++) {
            if (cluster.arrivals(Request.BodyCase.LIST_SEGMENTS) == 0) {
                cluster.kill(node);
                client.read(volume, 0, 4);
                if (cluster.arrivals(Request.BodyCase.LIST_SEGMENTS) == 0) {
                    cluster.start(node);
                }
            }
        }
        for (int i = 0; i < 600; i++) {
            client.read(volume, 0, 4);
            loop.runFor(SECOND / 10);
        }
        assertThat(cluster.arrivals(Request.BodyCase.LIST_SEGMENTS)).isBetween(4, 10);
    }

    @Test
    void readsOfManySegmentsAskNoMoreThanABoundedNumberOfTimesASecond() {
        Volume volume = written(BLOCKS);
        assertThat(cluster.segments()).hasSizeGreaterThan(60);
        cluster.kill(2);
        long end = loop.nanoTime() + 9 * SECOND / 10;
        while (loop.nanoTime() < end) {
            assertThat(client.read(volume, 0, BLOCKS)).isEqualTo(image);
        }
        assertThat(cluster.arrivals(Request.BodyCase.LIST_SEGMENTS)).isEqualTo(32);
    }

    private void assertReadsDegradedAtFirstOnly(Volume volume) {
        long before = client.stats(volume).degradedReads();
        assertThat(client.read(volume, 0, 64)).isEqualTo(image(64));
        long first = client.stats(volume).degradedReads();
        assertThat(first).isGreaterThan(before);
        loop.runFor(SECOND / 20);
        assertThat(client.read(volume, 0, 64)).isEqualTo(image(64));
        assertThat(client.stats(volume).degradedReads()).isEqualTo(first);
    }

    private byte[] image(int blocks) {
        return java.util.Arrays.copyOf(image, blocks * 4096);
    }

    /** Written by another, so that all its segments are sealed. */
    private Volume written(int blocks) {
        random.nextBytes(image);
        Volume writing = client.open();
        client.write(writing, 0, image(blocks));
        client.close(writing);
        client = new TestClient(loop, cluster, random, SMALL_SEGMENTS);
        return client.open();
    }

    /** Repair of everything on a node. */
    private void moveFrom(int node) {
        for (Segment segment : cluster.segments()) {
            for (int i = 0; i < segment.getPlacementsCount(); i++) {
                if (segment.getPlacements(i).getNode().equals("n" + node)) {
                    cluster.move(SegmentId.of(segment.getId()), i, freeNode(segment));
                }
            }
        }
    }

    private static int freeNode(Segment segment) {
        List<String> taken = segment.getPlacementsList().stream()
                .map(placement -> placement.getNode())
                .toList();
        for (int node = 0; node <= SPARE_NODE; node++) {
            if (!taken.contains("n" + node)) {
                return node;
            }
        }
        throw new IllegalStateException("every node holds a shard of it");
    }
}
