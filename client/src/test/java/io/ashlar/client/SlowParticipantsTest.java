package io.ashlar.client;

import static org.assertj.core.api.Assertions.assertThat;

import io.ashlar.client.fake.FakeCluster;
import io.ashlar.client.fake.FakeLoop;
import io.ashlar.client.map.MapLimits;
import io.ashlar.client.model.Policy;
import io.ashlar.client.protocol.AppendCell;
import io.ashlar.client.protocol.Placement;
import io.ashlar.client.protocol.Request;
import io.ashlar.client.protocol.Segment;
import io.ashlar.client.protocol.SegmentState;
import io.ashlar.client.protocol.SlowDrive;

import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;

import java.nio.ByteBuffer;
import java.time.Duration;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.List;
import java.util.Set;
import java.util.SplittableRandom;
import java.util.concurrent.CompletableFuture;

/** A writer, one of whose participants answers, but slowly. */
class SlowParticipantsTest {
    private static final Policy POLICY = new Policy(4, 2);
    private static final int SLOW_NODE = 3;
    private static final int STRIPE_BLOCKS = 16;
    private static final int LARGE = 1 << 30;
    private static final long SLOW_NANOS = TestClient.SECOND / 20;

    private final SplittableRandom random = new SplittableRandom(1);
    private final FakeLoop loop = new FakeLoop();
    private FakeCluster cluster = new FakeCluster(loop, random, 0, POLICY, 4096);
    private TestClient client = new TestClient(loop, cluster, random, ClientConfig.DEFAULT);
    private final byte[] block = new byte[4096];
    private int appendsToSlow;
    private List<SlowDrive> told = List.of();

    /** Of so many nodes, and with shards of this size. */
    private Volume open(int nodes, int shardBytes) {
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
        cluster = new FakeCluster(loop, random, nodes, POLICY, 4 << 20);
        client = new TestClient(loop, cluster, random, config);
        cluster.watch(new LogOrderWatch(cluster));
        cluster.watch((to, request, bulk) -> {
            appendsToSlow += to == SLOW_NODE && request.hasAppendCell() ? 1 : 0;
            if (request.hasRenewLease()) {
                told = request.getRenewLease().getSlowList();
            }
        });
        return client.open();
    }

    @AfterEach
    void endClient() {
        client.kill();
    }

    @Test
    void theLogGoesOnWithoutASlowNode() {
        Volume volume = open(7, LARGE);
        writeFor(volume, 1);
        assertThat(appendsToSlow).isPositive();
        assertThat(told).isEmpty();
        cluster.slow(SLOW_NODE, SLOW_NANOS);
        writeFor(volume, 5);
        assertThat(told)
                .singleElement()
                .satisfies(slow -> assertThat(slow.getDrive().getLow()).isEqualTo(SLOW_NODE + 1))
                .satisfies(slow -> assertThat(slow.getAppendMicros()).isBetween(100_000L, 110_000L))
                .satisfies(slow -> assertThat(slow.getOthersMicros()).isLessThan(5_000));
        appendsToSlow = 0;
        writeFor(volume, 2);
        assertThat(appendsToSlow).isZero();
        assertThat(cluster.segments()).hasSize(2);
        assertThat(cluster.segments().getFirst())
                .as("nothing failed: it is sealed behind its last stripe")
                .satisfies(left -> assertThat(left.getState()).isEqualTo(SegmentState.SEALED))
                .satisfies(left -> assertThat(left.getStripeCount()).isPositive());
        assertThat(client.stats(volume).rolls()).isZero();
        assertThat(client.read(volume, 0, 1)).isEqualTo(block);
        client.close(volume);
        assertThat(cluster.openSegments()).isZero();
    }

    /** With eight stripes in flight across the move; {@link LogOrderWatch} looks at what is sent. */
    @Test
    void nothingIsSentAgainAndAllIsAcknowledgedInOrder() {
        Volume volume = open(7, LARGE);
        Set<AppendCell> sent = new HashSet<>();
        cluster.watch((to, request, bulk) -> {
            if (request.hasAppendCell()) {
                assertThat(sent.add(request.getAppendCell())).isTrue();
            }
        });
        cluster.slow(SLOW_NODE, SLOW_NANOS);
        List<Integer> acknowledged = new ArrayList<>();
        List<CompletableFuture<Void>> writes = new ArrayList<>();
        long until = loop.nanoTime() + 10 * TestClient.SECOND;
        while (loop.nanoTime() < until) {
            int number = writes.size();
            CompletableFuture<Void> write =
                    volume.writeAsync(number % 64 * 4096L, ByteBuffer.wrap(block));
            var _ = write.thenRun(() -> acknowledged.add(number));
            writes.add(write);
            loop.runUntil(() -> writes.size() - acknowledged.size() < 12, 10 * TestClient.SECOND);
        }
        client.finish(volume::flushAsync);
        assertThat(acknowledged).isSorted().hasSameSizeAs(writes);
        assertThat(cluster.arrivals(Request.BodyCase.CREATE_SEGMENT)).isEqualTo(2);
        assertThat(client.stats(volume).rolls()).isZero();
    }

    /** The spare one was made before the node became slow. */
    @Test
    void aSpareOnTheSlowNodeIsSealedUnused() {
        Volume volume = open(7, 1 << 20);
        while (cluster.segments().size() < 2) {
            client.write(volume, 0, block);
            loop.runFor(TestClient.SECOND / 20);
        }
        Segment spare = cluster.segments().getLast();
        assertThat(spare.getPlacementsList())
                .extracting(Placement::getNode)
                .contains("n" + SLOW_NODE);
        cluster.slow(SLOW_NODE, 4 * SLOW_NANOS);
        writeFor(volume, 12);
        appendsToSlow = 0;
        writeFor(volume, 2);
        assertThat(appendsToSlow).isZero();
        assertThat(client.stats(volume).rolls()).isZero();
        assertThat(cluster.segments())
                .filteredOn(segment -> segment.getId().equals(spare.getId()))
                .singleElement()
                .satisfies(it -> assertThat(it.getState()).isEqualTo(SegmentState.SEALED))
                .satisfies(it -> assertThat(it.getSealedBytes()).isZero());
        client.close(volume);
        assertThat(cluster.openSegments()).isZero();
    }

    @Test
    void staysWhereTheSegmentWouldBeWeakerAndAsksSeldom() {
        Volume volume = open(6, LARGE);
        writeFor(volume, 1);
        cluster.slow(SLOW_NODE, SLOW_NANOS);
        writeFor(volume, 100);
        assertThat(cluster.segments()).hasSize(1);
        assertThat(cluster.arrivals(Request.BodyCase.CREATE_SEGMENT))
                .as("the first segment; then once, and after 5, 15, 35 and 75 s")
                .isEqualTo(1 + 5);
        assertThat(told).as("it is reported nevertheless").hasSize(1);
        appendsToSlow = 0;
        cluster.slow(SLOW_NODE, 0);
        writeFor(volume, 4);
        assertThat(told).as("it is as fast as the others again").isEmpty();
        assertThat(appendsToSlow).isPositive();
    }

    @Test
    void aClusterThatIsSlowAsAWholeHasNoSlowNode() {
        Volume volume = open(7, LARGE);
        for (int node = 0; node < 7; node++) {
            cluster.slow(node, SLOW_NANOS);
        }
        writeFor(volume, 20);
        assertThat(told).isEmpty();
        assertThat(cluster.segments()).hasSize(1);
    }

    @Test
    void aHiccupChangesNothing() {
        Volume volume = open(7, LARGE);
        for (int i = 0; i < 5; i++) {
            writeFor(volume, 3);
            cluster.slow(SLOW_NODE, SLOW_NANOS);
            loop.schedule(TestClient.SECOND, () -> cluster.slow(SLOW_NODE, 0));
        }
        assertThat(told).isEmpty();
        assertThat(cluster.segments()).hasSize(1);
    }

    @Test
    void noCoordinatorIsNeededToStay() {
        Volume volume = open(7, LARGE);
        writeFor(volume, 1);
        client.hearCoordinator(false);
        cluster.slow(SLOW_NODE, SLOW_NANOS);
        writeFor(volume, 20);
        assertThat(cluster.segments()).hasSize(1);
        client.hearCoordinator(true);
        writeFor(volume, 20);
        appendsToSlow = 0;
        writeFor(volume, 2);
        assertThat(appendsToSlow).isZero();
        assertThat(client.stats(volume).rolls()).isZero();
    }

    private void writeFor(Volume volume, int seconds) {
        long until = loop.nanoTime() + seconds * TestClient.SECOND;
        while (loop.nanoTime() < until) {
            random.nextBytes(block);
            client.write(volume, 0, block);
            loop.runFor(TestClient.SECOND / 50);
        }
    }
}
