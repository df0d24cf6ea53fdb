package io.ashlar.node;

import static org.assertj.core.api.Assertions.assertThat;

import io.ashlar.client.AshlarException;
import io.ashlar.client.model.Policy;
import io.ashlar.client.protocol.DeleteShard;
import io.ashlar.client.protocol.ErrorCode;
import io.ashlar.client.protocol.Order;
import io.ashlar.client.protocol.OrderResult;
import io.ashlar.client.protocol.RebuildShard;
import io.ashlar.client.protocol.ShardDamage;
import io.ashlar.client.protocol.ShardRef;
import io.ashlar.client.protocol.UnmadeStripes;

import org.junit.jupiter.api.Test;

import java.util.ArrayList;
import java.util.List;

/** A shard made complete from the others. */
final class RebuildTest extends StorageNodeFixture {
    @Test
    void rebuildsAShardThatIsGone() throws AshlarException {
        writeSegment();
        seal();
        for (int shard = 0; shard < shards.size(); shard++) {
            ShardRef ref = shards.get(shard);
            order(shard, Order.newBuilder().setDelete(DeleteShard.newBuilder().setShard(ref)));
            OrderResult result = rebuild(shard);
            assertThat(result.getFailure().getMessage()).isEmpty();
            assertThat(result.getCellsWritten()).isEqualTo(cellsOf(shard));
            assertWhole(shard);
        }
    }

    @Test
    void rebuildsWithAllNodesSilentThatMayBe() throws AshlarException {
        writeSegment();
        seal();
        ShardRef ref = shards.getFirst();
        order(0, Order.newBuilder().setDelete(DeleteShard.newBuilder().setShard(ref)));
        cluster.transport.silent.add(cluster.nodes.get(2).address());
        assertThat(rebuild(0).hasFailure()).isFalse();
        assertWhole(0);
    }

    @Test
    void keepsWhatIsWholeAndRebuildsFlippedErasedAndUnreadableCells() throws AshlarException {
        writeSegment();
        seal();
        var flipped = stripeOf(1, 8192);
        arena(1).flipBit(place(flipped) + 5000);
        assertThat(verify(1).getDamagedCells()).isEqualTo(1);
        assertThat(rebuild(1).getCellsWritten()).isEqualTo(1);
        assertWhole(1);

        var erased = stripeOf(2, 8192);
        arena(2).erase(place(erased), erased.stripe().geometry().recordBytes());
        assertThat(rebuild(2).getCellsWritten()).isEqualTo(1);
        assertWhole(2);

        var headless = stripeOf(3, 8192);
        arena(3).flipBit(place(headless) + 30);
        assertThat(rebuild(3).getCellsWritten()).isEqualTo(1);
        assertWhole(3);
    }

    @Test
    void rebuildsAroundRotInOtherShards() throws AshlarException {
        writeSegment();
        seal();
        ShardRef ref = shards.get(4);
        order(4, Order.newBuilder().setDelete(DeleteShard.newBuilder().setShard(ref)));
        var rotten = stripeOf(5, 8192);
        arena(5).flipBit(place(rotten) + 5000);
        assertThat(rebuild(4).hasFailure()).isFalse();
        assertWhole(4);
    }

    @Test
    void aDeletionCancelsARebuildThatWaitsForOthers() throws AshlarException {
        writeSegment();
        seal();
        TestCluster.Node node = cluster.nodes.get(6);
        List<Order> orders = new ArrayList<>();
        for (int i = 0; i <= StorageNodeConfig.DEFAULT_REBUILDS_AT_ONCE; i++) {
            RebuildShard rebuild = RebuildShard.newBuilder()
                    .setSegment(cluster.sealed(segment, shards, sealedBytes))
                    .setShard(copyOf(i))
                    .setCells(cellsOf(i))
                    .build();
            orders.add(Order.newBuilder().setId(orderId++).setRebuild(rebuild).build());
        }
        ShardRef last = copyOf(StorageNodeConfig.DEFAULT_REBUILDS_AT_ONCE);
        orders.add(Order.newBuilder()
                .setId(orderId++)
                .setDelete(DeleteShard.newBuilder().setShard(last))
                .build());
        cluster.orders.put(node.id, orders);
        cluster.transport.runUntil(() -> orders.stream()
                .allMatch(order -> cluster.results.stream()
                        .anyMatch(result -> result.getOrder() == order.getId())));
        long waiting = orders.get(StorageNodeConfig.DEFAULT_REBUILDS_AT_ONCE).getId();
        assertThat(cluster.results)
                .filteredOn(OrderResult::hasFailure)
                .singleElement()
                .satisfies(result -> {
                    assertThat(result.getOrder()).isEqualTo(waiting);
                    assertThat(result.getFailure().getCode()).isEqualTo(ErrorCode.NOT_FOUND);
                });
    }

    @Test
    void rebuildsMirrorsToo() throws AshlarException {
        segment = new TestSegment(5, new Policy(1, 2));
        shards = cluster.place(segment);
        writeSegment();
        seal();
        ShardRef ref = shards.get(1);
        order(1, Order.newBuilder().setDelete(DeleteShard.newBuilder().setShard(ref)));
        assertThat(rebuild(1).hasFailure()).isFalse();
        assertWhole(1);
    }

    @Test
    void doesNotRebuildAnOpenSegment() throws AshlarException {
        writeSegment();
        RebuildShard rebuild = RebuildShard.newBuilder()
                .setSegment(
                        cluster.sealed(segment, shards, sealedBytes).toBuilder().clearState())
                .setShard(shards.getFirst())
                .build();
        assertThat(order(0, Order.newBuilder().setRebuild(rebuild)).getFailure().getCode())
                .isEqualTo(ErrorCode.INVALID);
    }

    @Test
    void rebuildsWhatWasLostWhenTheArenaWasCutShort() throws AshlarException {
        writeSegment();
        seal();
        var kept = stripeOf(0, 4096);
        arena(0).truncate(place(kept) + kept.stripe().geometry().recordBytes());
        cluster.transport.runUntil(() -> !cluster.damage.isEmpty());
        assertThat(cluster.damage.getFirst().getKind()).isEqualTo(ShardDamage.Kind.MISSING_CELL);
        assertThat(scrub(0).getDamagedCells()).isPositive();
        assertThat(rebuild(0).hasFailure()).isFalse();
        assertWhole(0);
    }

    @Test
    void copiesFromTheShardItReplacesWhereThatStillAnswers() throws AshlarException {
        writeSegment();
        seal();
        for (int i = 1; i < 6; i++) {
            arena(i).flipBit(place(stripeOf(i, 65536)) + 5000);
        }
        OrderResult result = rebuildElsewhere(0);
        assertThat(result.getFailure().getMessage()).isEmpty();
        assertThat(result.getCellsWritten()).isEqualTo(cellsOf(0));
        assertThat(result.getBytesRead()).isLessThan(4 * result.getBytesWritten());
    }

    /** What a rebuild holds in memory is what it has asked for. */
    @Test
    void readsNoMoreThanSoManyStripesAtOnce() throws AshlarException {
        writeSegment();
        seal();
        delete(0);
        long answerNanos = 500_000_000L;
        List<Long> asked = new ArrayList<>();
        cluster.transport.delay(request -> {
            if (!request.hasReadCell()) {
                return 50_000;
            }
            asked.add(cluster.transport.nextLoop().nanoTime());
            return answerNanos;
        });
        assertThat(rebuild(0).hasFailure()).isFalse();
        int most = ShardRebuilder.STRIPES_AT_ONCE * (shards.size() - 1);
        assertThat(asked).hasSizeGreaterThan(most);
        for (long from : asked) {
            assertThat(asked.stream().filter(at -> at >= from && at < from + answerNanos))
                    .hasSizeLessThanOrEqualTo(most);
        }
    }

    @Test
    void doesNotWaitForSilentNodesAtEveryStripe() throws AshlarException {
        writeSegment();
        seal();
        ShardRef ref = shards.getFirst();
        order(0, Order.newBuilder().setDelete(DeleteShard.newBuilder().setShard(ref)));
        for (int node = 1; node <= 3; node++) {
            cluster.transport.silent.add(cluster.nodes.get(node).address());
        }
        long before = cluster.transport.nextLoop().nanoTime();
        OrderResult result = rebuildElsewhere(0);
        assertThat(cluster.transport.nextLoop().nanoTime() - before).isLessThan(45_000_000_000L);
        assertThat(result.hasFailure()).isFalse();
        assertThat(result.getCellsWritten()).isPositive();
        assertThat(result.getUnmadeCells()).isPositive();
        assertThat(result.getUnmadeList()).noneMatch(UnmadeStripes::getAnswered);
    }
}
