package io.ashlar.client;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.ashlar.client.fake.FakeCluster;
import io.ashlar.client.fake.FakeLoop;
import io.ashlar.client.map.MapLimits;
import io.ashlar.client.model.Policy;
import io.ashlar.client.model.SegmentId;
import io.ashlar.client.protocol.Placement;
import io.ashlar.client.protocol.Segment;
import io.ashlar.client.protocol.SegmentState;

import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;

import java.time.Duration;
import java.util.HashSet;
import java.util.List;
import java.util.Set;
import java.util.SplittableRandom;

/** Segments that were created and hold nothing yet: the spare one, and those that went wrong. */
class SegmentsInReserveTest {
    private static final int STRIPE_BLOCKS = 16;
    private static final ClientConfig SMALL_SEGMENTS = new ClientConfig(
            Duration.ofSeconds(1),
            Duration.ofSeconds(5),
            Duration.ofSeconds(15),
            Duration.ofSeconds(10),
            Duration.ofSeconds(15),
            Duration.ofSeconds(1),
            4,
            STRIPE_BLOCKS * 4096,
            1 << 20,
            10_000,
            MapLimits.DEFAULT,
            128 << 10,
            128 << 10);

    private final SplittableRandom random = new SplittableRandom(1);
    private final FakeLoop loop = new FakeLoop();
    private final FakeCluster cluster = new FakeCluster(loop, random, 7, new Policy(4, 2), 4 << 20);
    private final Set<SegmentId> appendedTo = new HashSet<>();
    private final byte[] stripe = new byte[STRIPE_BLOCKS * 4096];
    private TestClient client = newClient();
    private Volume volume = client.open();

    private TestClient newClient() {
        return new TestClient(loop, cluster, random, SMALL_SEGMENTS);
    }

    @AfterEach
    void endClient() {
        client.kill();
    }

    @Test
    void aSpareThatLostAShardIsSealedUnused() {
        SegmentId spare = writeUntilThereIsASpare();
        cluster.loseShardOf(spare);
        loop.runFor(2 * TestClient.SECOND);
        for (int i = 0; i < 20; i++) {
            client.write(volume, 0, stripe);
        }
        assertThat(appendedTo).hasSizeGreaterThan(2).doesNotContain(spare);
        assertSealedAtZero(spare);
    }

    @Test
    void aSpareThatADeadWriterLeftIsSealedAtZero() {
        SegmentId spare = writeUntilThereIsASpare();
        client.kill();
        client = newClient();
        volume = client.open();
        assertSealedAtZero(spare);
        assertThat(cluster.openSegments()).isZero();
        assertThat(client.read(volume, 0, STRIPE_BLOCKS)).isEqualTo(stripe);
    }

    @Test
    void aSegmentOfWhichAShardCannotBeMadeIsSealedAtZero() {
        cluster.watch((to, request, bulk) -> {
            if (to == 3 && request.hasCreateShard()) {
                throw new AshlarException.NoSpace("the drive is full");
            }
        });
        client.write(volume, 0, stripe);
        List<Segment> segments = cluster.segments();
        assertThat(segments).hasSize(2);
        assertSealedAtZero(idOf(segments.getFirst()));
        assertThat(segments.getLast().getState()).isEqualTo(SegmentState.OPEN);
        assertThat(segments.getLast().getPlacementsList())
                .extracting(Placement::getNode)
                .doesNotContain("n3");
        client.close(volume);
        assertThat(cluster.openSegments()).isZero();
    }

    /** The coordinator reaches them, and goes on naming them. */
    @Test
    void writesFailInTheCoordinatorsTimeWhereTooFewNodesMakeShards() {
        cluster.watch((to, request, bulk) -> {
            if (to > 1 && request.hasCreateShard()) {
                throw new AshlarException.NoSpace("the drive is full");
            }
        });
        long asked = loop.nanoTime();
        assertThatThrownBy(() -> client.write(volume, 0, stripe))
                .hasCauseInstanceOf(AshlarException.Unavailable.class)
                .hasMessageContaining("do not make them");
        long bound = ClientConfig.DEFAULT.coordinatorTimeout().toNanos();
        assertThat(loop.nanoTime() - asked).isLessThan(2 * bound);
    }

    private SegmentId writeUntilThereIsASpare() {
        cluster.watch((to, request, bulk) -> {
            if (request.hasAppendCell()) {
                appendedTo.add(SegmentId.of(request.getAppendCell().getShard().getSegment()));
            }
        });
        random.nextBytes(stripe);
        for (int i = 0; i < 10 && cluster.segments().size() < 2; i++) {
            client.write(volume, 0, stripe);
            loop.runFor(TestClient.SECOND / 20);
        }
        Segment spare = cluster.segments().getLast();
        assertThat(cluster.segments()).hasSize(2);
        assertThat(spare.getState()).isEqualTo(SegmentState.OPEN);
        assertThat(appendedTo).doesNotContain(idOf(spare));
        return idOf(spare);
    }

    private void assertSealedAtZero(SegmentId id) {
        assertThat(cluster.segments())
                .filteredOn(segment -> idOf(segment).equals(id))
                .singleElement()
                .satisfies(segment -> {
                    assertThat(segment.getState()).isEqualTo(SegmentState.SEALED);
                    assertThat(segment.getSealedBytes()).isZero();
                });
    }

    private static SegmentId idOf(Segment segment) {
        return SegmentId.of(segment.getId());
    }
}
