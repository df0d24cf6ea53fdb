package io.ashlar.client;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.ashlar.client.fake.FakeCluster;
import io.ashlar.client.fake.FakeLoop;
import io.ashlar.client.map.MapLimits;
import io.ashlar.client.model.Policy;
import io.ashlar.client.model.SegmentId;
import io.ashlar.client.protocol.Request;
import io.ashlar.client.protocol.Segment;

import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;

import java.nio.ByteBuffer;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.HashSet;
import java.util.List;
import java.util.Set;
import java.util.SplittableRandom;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.atomic.AtomicBoolean;

/** A volume that stays open while repair moves its shards. */
class ReadAfterRepairTest {
    private static final int BLOCKS = 1024;
    private static final int SPARE_NODE = 6;
    private static final long SECOND = TestClient.SECOND;
    private static final ClientConfig SMALL_SEGMENTS = new ClientConfig(
            Duration.ofSeconds(1),
            Duration.ofSeconds(5),
            Duration.ofSeconds(15),
            Duration.ofSeconds(10),
            Duration.ofSeconds(15),
            Duration.ofSeconds(1),
            4,
            16 * 4096,
            1 << 20,
            10_000,
            MapLimits.DEFAULT,
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
        cluster.watch((to, request, bulk) -> {
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
    void asksForASegmentOnceWhileTheAnswerIsAwaited() {
        Volume volume = written(4);
        Set<SegmentId> asked = new HashSet<>();
        cluster.watch((to, request, bulk) -> {
            if (request.hasListSegments()) {
                assertThat(asked.add(SegmentId.of(request.getListSegments().getSegment())))
                        .isTrue();
            }
        });
        cluster.slowCoordinator(6 * SECOND / 5);
        for (int node = 0; node < 3; node++) {
            cluster.kill(node);
        }
        for (int i = 0; i < 23; i++) {
            var _ = volume.readAsync(0, ByteBuffer.allocate(4 * 4096));
            loop.runFor(SECOND / 10);
        }
        assertThat(asked).isNotEmpty();
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
        long begin = loop.nanoTime();
        for (int i = 0; i < 10; i++) {
            for (int block = i % 4; block < BLOCKS; block += 4) {
                var _ = volume.readAsync(block * 4096L, ByteBuffer.allocate(4096));
            }
            loop.runFor(SECOND / 20);
        }
        assertThat(loop.nanoTime() - begin).isLessThan(SECOND);
        assertThat(cluster.arrivals(Request.BodyCase.LIST_SEGMENTS))
                .as("32 in each second, and this may be the end of one and the start of the next")
                .isBetween(32, 64);
    }

    /** Two shards of six are gone when a third moves, right after it was said to be in its place. */
    @Test
    void nothingIsTakenForGoneByAnAnswerFromBeforeItWasMissed() {
        Volume volume = written(4);
        Segment segment = cluster.segments().getFirst();
        Set<Integer> gone = Set.of(nodeOf(segment, 0), nodeOf(segment, 3));
        cluster.watch((to, request, bulk) -> {
            if (gone.contains(to) && request.hasReadCell()) {
                throw new AshlarException.NotFound("the drive was lost with it");
            }
        });
        assertThat(client.read(volume, 0, 4)).isEqualTo(image(4));
        loop.runFor(SECOND / 20);
        assertThat(cluster.arrivals(Request.BodyCase.LIST_SEGMENTS)).isEqualTo(1);
        cluster.move(SegmentId.of(segment.getId()), 1, SPARE_NODE);
        assertThat(client.read(volume, 0, 4)).isEqualTo(image(4));
    }

    private static int nodeOf(Segment segment, int index) {
        return Integer.parseInt(segment.getPlacements(index).getNode().substring(1));
    }

    /** Repair moves all shards of a segment before its headers are read, and no coordinator says so. */
    @Test
    void anOpeningTakesNoShardForLostBeforeItIsToldWhereItIs() {
        random.nextBytes(image);
        cluster.refuseRoots();
        Volume writing = client.open();
        client.write(writing, 0, image(4));
        client.close(writing);
        AtomicBoolean moved = new AtomicBoolean();
        cluster.watch((to, request, bulk) -> {
            if (request.hasReadHeaders() && !moved.getAndSet(true)) {
                cluster.segments().forEach(this::moveAllShardsOf);
                cluster.loseMessages(Request.BodyCase.LIST_SEGMENTS, 1);
            }
        });
        assertThatThrownBy(client::open).hasCauseInstanceOf(AshlarException.Unavailable.class);
        assertThat(moved).isTrue();
        cluster.loseMessages(Request.BodyCase.LIST_SEGMENTS, 0);
        Volume volume = client.open();
        assertThat(client.stats(volume).lostBlocks()).isZero();
        assertThat(client.read(volume, 0, 4)).isEqualTo(image(4));
    }

    private void moveAllShardsOf(Segment segment) {
        for (int index = 0; index < segment.getPlacementsCount(); index++) {
            cluster.move(SegmentId.of(segment.getId()), index, SPARE_NODE);
        }
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
        return Arrays.copyOf(image, blocks * 4096);
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
