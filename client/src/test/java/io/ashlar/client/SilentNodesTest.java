package io.ashlar.client;

import static org.assertj.core.api.Assertions.assertThat;

import io.ashlar.client.fake.FakeCluster;
import io.ashlar.client.fake.FakeLoop;
import io.ashlar.client.map.MapLimits;
import io.ashlar.client.model.Policy;
import io.ashlar.client.protocol.Placement;
import io.ashlar.client.protocol.Segment;

import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;

import java.nio.ByteBuffer;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.SplittableRandom;
import java.util.concurrent.CompletableFuture;

/**
 * A writer, some of whose nodes say nothing any more without any connection to them ending, as when
 * their power fails. The coordinator takes them for healthy all the time. Times are of the fake
 * loop's clock.
 */
class SilentNodesTest {
    private static final Policy POLICY = new Policy(4, 2);
    private static final int SILENT = 3;
    private static final int STRIPE_BLOCKS = 16;
    private static final int BLOCKS = 1024;
    private static final int SMALL = 256 << 10;
    private static final int LARGE = 1 << 30;
    private static final long MILLI = TestClient.SECOND / 1000;

    private final SplittableRandom random = new SplittableRandom(1);
    private final FakeLoop loop = new FakeLoop();
    private FakeCluster cluster = new FakeCluster(loop, random, 0, POLICY, 4096);
    private TestClient client = new TestClient(loop, cluster, random, ClientConfig.DEFAULT);
    private Volume volume = open(6, SMALL);
    private int segmentsAskedFor;

    /** Of so many nodes, and with shards of this size. */
    private Volume open(int nodes, int shardBytes) {
        client.kill();
        cluster = new FakeCluster(loop, random, nodes, POLICY, BLOCKS * 4096);
        cluster.watch(new LogOrderWatch(cluster));
        client = newClient(shardBytes);
        volume = client.open();
        return volume;
    }

    private TestClient newClient(int shardBytes) {
        ClientConfig config = new ClientConfig(
                Duration.ofSeconds(1),
                Duration.ofSeconds(5),
                Duration.ofSeconds(15),
                Duration.ofSeconds(10),
                Duration.ofSeconds(15),
                Duration.ofSeconds(1),
                8,
                STRIPE_BLOCKS * 4096,
                1 << 20,
                10_000,
                MapLimits.DEFAULT,
                shardBytes,
                shardBytes);
        return new TestClient(loop, cluster, random, config);
    }

    @AfterEach
    void endClient() {
        client.kill();
    }

    /** Its creation on that node is under way when the appends fail. */
    @Test
    void noWriteWaitsForASpareOnASilentNode() {
        open(7, SMALL);
        onRequestForSegment(2, () -> cluster.pause(SILENT));
        assertThat(longestWriteMillis(5)).isBetween(1_000L, 1_100L);
        assertThat(segmentsAskedFor).isGreaterThan(2);
    }

    @Test
    void noWriteWaitsForAFirstSegmentOnASilentNode() {
        open(7, SMALL);
        cluster.pause(SILENT);
        assertThat(longestWriteMillis(2)).isBetween(1_000L, 1_100L);
    }

    /** The stripe that fails names one of them only, so the next segment is on the other one. */
    @Test
    void twoSilentNodesStallAWriteForTwoHangBounds() {
        client.write(volume, 0, new byte[4096]);
        cluster.pause(SILENT);
        cluster.pause(SILENT + 1);
        assertThat(longestWriteMillis(5)).isBetween(1_000L, 2_100L);
    }

    /** At once, while the log is rolled and the next segment made, and when it goes on there. */
    @Test
    void anyTwoOfSixNodesMayGoSilentOneRightAfterTheOther() {
        for (int first = 0; first < 6; first++) {
            for (int second = first + 1; second < 6; second++) {
                goSilent(first, second, 0);
                goSilent(second, first, random.nextInt(990, 1_030));
                goSilent(first, second, random.nextInt(3_000));
            }
        }
    }

    private void goSilent(int first, int second, int gapMillis) {
        open(6, SMALL);
        longestWriteMillis(1);
        FakeCluster ours = cluster;
        ours.pause(first);
        loop.schedule(gapMillis * MILLI, () -> ours.pause(second));
        assertThat(longestWriteMillis(12))
                .as("node %d, and node %d after %d ms", first, second, gapMillis)
                .isLessThan(3_000);
        ours.resume(first);
        ours.resume(second);
        assertThat(longestWriteMillis(1)).as("what arrives late does no harm").isLessThan(100);
        byte[] block = block();
        client.write(volume, 0, block);
        assertThat(client.read(volume, 0, 1)).isEqualTo(block);
    }

    @Test
    void aNodeThatMadeNoShardIsAvoidedByLaterCreations() {
        open(7, SMALL);
        cluster.watch((to, request, bulk) -> {
            if (to == SILENT && request.hasCreateShard()) {
                throw new AshlarException.NoSpace("the drive is full");
            }
        });
        longestWriteMillis(9);
        List<Segment> segments = cluster.segments();
        assertThat(segments).hasSizeGreaterThan(4);
        assertThat(segments.subList(1, segments.size()))
                .flatExtracting(Segment::getPlacementsList)
                .extracting(Placement::getNode)
                .doesNotContain("n" + SILENT);
    }

    /** Writing a large shard over with zeros takes a slow drive long; it answers meanwhile. */
    @Test
    void aShardThatTakesLongToMakeIsWaitedFor() {
        open(7, SMALL);
        cluster.slowCreations(SILENT, 6 * TestClient.SECOND);
        client.write(volume, 0, new byte[4096]);
        assertThat(cluster.segments())
                .singleElement()
                .satisfies(segment -> assertThat(segment.getPlacementsList())
                        .extracting(Placement::getNode)
                        .contains("n" + SILENT));
    }

    @Test
    void aNodeThatFallsSilentWhileItMakesAShardIsNotWaitedFor() {
        open(7, SMALL);
        cluster.slowCreations(SILENT, 6 * TestClient.SECOND);
        loop.schedule(2 * TestClient.SECOND, () -> cluster.pause(SILENT));
        assertThat(longestWriteMillis(5)).isBetween(3_000L, 3_400L);
    }

    @Test
    void writesStallWhileNoCoordinatorAnswersEitherAndGoOnInOrder() {
        stallAndGoOn(() -> cluster.pause(SILENT));
    }

    @Test
    void writesStallAfterADeathWhileNoCoordinatorAnswersAndGoOnInOrder() {
        stallAndGoOn(() -> cluster.kill(SILENT));
    }

    private void stallAndGoOn(Runnable failure) {
        open(6, LARGE);
        client.write(volume, 0, block());
        client.hearCoordinator(false);
        failure.run();
        List<byte[]> written = new ArrayList<>();
        List<Integer> acknowledged = new ArrayList<>();
        for (int i = 0; i < 200; i++) {
            int number = i;
            written.add(block());
            CompletableFuture<Void> write =
                    volume.writeAsync(number * 4096L, ByteBuffer.wrap(written.getLast()));
            var _ = write.thenRun(() -> acknowledged.add(number));
            loop.runFor(MILLI / 10);
        }
        loop.runFor(2 * TestClient.SECOND);
        int before = acknowledged.size();
        assertThat(before).isLessThan(written.size());
        loop.runFor(60 * TestClient.SECOND);
        assertThat(acknowledged).as("until a coordinator answers").hasSize(before);
        client.hearCoordinator(true);
        loop.runUntil(() -> acknowledged.size() == written.size(), 5 * TestClient.SECOND);
        assertThat(acknowledged).isSorted();
        client.kill();
        client = newClient(LARGE);
        volume = client.open();
        for (int i = 0; i < written.size(); i++) {
            assertThat(client.read(volume, i, 1)).isEqualTo(written.get(i));
        }
    }

    private void onRequestForSegment(int number, Runnable action) {
        cluster.watch((to, request, bulk) -> {
            if (request.hasCreateSegment() && ++segmentsAskedFor == number) {
                action.run();
            }
        });
    }

    /** Of those that are made one after another, each of one block, in so many seconds. */
    private long longestWriteMillis(int seconds) {
        long longestNanos = 0;
        long until = loop.nanoTime() + seconds * TestClient.SECOND;
        while (loop.nanoTime() < until) {
            long began = loop.nanoTime();
            client.write(volume, random.nextInt(BLOCKS), block());
            longestNanos = Math.max(longestNanos, loop.nanoTime() - began);
            loop.runFor(50 * MILLI);
        }
        return longestNanos / MILLI;
    }

    private byte[] block() {
        byte[] block = new byte[4096];
        random.nextBytes(block);
        return block;
    }
}
