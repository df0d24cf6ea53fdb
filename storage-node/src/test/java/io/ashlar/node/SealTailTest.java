package io.ashlar.node;

import static org.assertj.core.api.Assertions.assertThat;

import io.ashlar.client.AshlarException;
import io.ashlar.client.protocol.ErrorCode;
import io.ashlar.client.protocol.Order;
import io.ashlar.client.protocol.OrderResult;
import io.ashlar.client.protocol.Request;
import io.ashlar.client.protocol.SealTail;
import io.ashlar.client.protocol.Segment;
import io.ashlar.client.protocol.SegmentSeal;
import io.ashlar.client.protocol.ShardSeal;

import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;

import java.util.List;
import java.util.Objects;

/** A node that is ordered to take a volume over does so as a client of the cluster. */
final class SealTailTest extends StorageNodeFixture {
    private static final int WORKER = 2;

    private FakeVolume volume = new FakeVolume(Segment.getDefaultInstance());

    @BeforeEach
    void writeAndAbandon() throws AshlarException {
        writeSegment();
        volume = new FakeVolume(placed());
        cluster.volumes = volume;
    }

    private Order order() {
        return Order.newBuilder()
                .setId(orderId++)
                .setSealTail(SealTail.newBuilder().setVolume(volume.abandoned()))
                .build();
    }

    private OrderResult carryOut(Order order) {
        return cluster.order(cluster.nodes.get(WORKER), order);
    }

    @Test
    void sealsWhatWasLeftAndGivesTheVolumeUp() {
        OrderResult result = carryOut(order());
        assertThat(result.hasFailure()).isFalse();
        assertThat(volume.kinds())
                .containsExactly(
                        Request.BodyCase.OPEN_VOLUME,
                        Request.BodyCase.SEAL_SEGMENTS,
                        Request.BodyCase.CLOSE_VOLUME);
        assertThat(volume.asked.getFirst().getOpenVolume().getHolder()).contains("node n2");
        SegmentSeal seal = volume.seals().getFirst().getSeals(0);
        assertThat(seal.getSealedBytes()).isEqualTo(sealedBytes);
        assertThat(seal.getStripeCount()).isEqualTo(stripes.size());
        for (int shard = 0; shard < shards.size(); shard++) {
            assertThat(seal.getShards(shard))
                    .isEqualTo(ShardSeal.newBuilder()
                            .setCells(cellsOf(shard))
                            .setComplete(true)
                            .build());
        }
    }

    @Test
    void tellsThatItIsBlockedWhereTooFewNodesAnswerAndLivesOnMeanwhile() {
        List<TestCluster.Node> silent = cluster.nodes.subList(3, 6);
        silent.forEach(node -> cluster.transport.silent.add(node.address()));
        Order order = order();
        TestCluster.Node worker = cluster.nodes.get(WORKER);
        cluster.orders.put(worker.id, List.of(order));
        cluster.transport.runUntil(() -> !volume.asked.isEmpty());
        cluster.heartbeats.remove(worker.id);
        cluster.transport.runUntil(() -> cluster.heartbeats.containsKey(worker.id));
        assertThat(Objects.requireNonNull(cluster.heartbeats.get(worker.id)).getResultsList())
                .as("it is still at it")
                .isEmpty();

        OrderResult result = carryOut(order);
        assertThat(result.getFailure().getCode()).isEqualTo(ErrorCode.UNAVAILABLE);
        assertThat(result.getFailure().getBlocked()).isTrue();
        assertThat(result.getFailure().getMessage()).contains("is unreachable");
        assertThat(volume.kinds())
                .containsExactly(Request.BodyCase.OPEN_VOLUME, Request.BodyCase.CLOSE_VOLUME);
    }

    @Test
    void takesOneVolumeOverAtATime() {
        Order first = order();
        Order second = order();
        TestCluster.Node worker = cluster.nodes.get(WORKER);
        cluster.orders.put(worker.id, List.of(first, second));
        cluster.transport.runUntil(() -> cluster.results.size() == 2);
        cluster.orders.clear();
        assertThat(volume.kinds())
                .containsExactly(
                        Request.BodyCase.OPEN_VOLUME,
                        Request.BodyCase.SEAL_SEGMENTS,
                        Request.BodyCase.CLOSE_VOLUME,
                        Request.BodyCase.OPEN_VOLUME);
        assertThat(cluster.results)
                .filteredOn(OrderResult::hasFailure)
                .singleElement()
                .satisfies(refused -> {
                    assertThat(refused.getOrder()).isEqualTo(second.getId());
                    assertThat(refused.getFailure().getCode()).isEqualTo(ErrorCode.FENCED);
                });
    }
}
