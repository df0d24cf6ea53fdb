package io.ashlar.coordinator;

import static org.assertj.core.api.Assertions.assertThat;

import io.ashlar.client.AshlarException;
import io.ashlar.client.protocol.ClusterStatus;
import io.ashlar.client.protocol.ErrorCode;
import io.ashlar.client.protocol.Failure;
import io.ashlar.client.protocol.Health;
import io.ashlar.client.protocol.Order;
import io.ashlar.client.protocol.OrderResult;
import io.ashlar.client.protocol.Request;
import io.ashlar.client.protocol.Segment;
import io.ashlar.client.protocol.ShardRef;
import io.ashlar.client.protocol.ShardState;
import io.ashlar.client.protocol.VolumeInfo;
import io.ashlar.coordinator.record.RebuildRecord;

import org.junit.jupiter.api.Test;

import java.util.ArrayList;
import java.util.List;
import java.util.Map;

/** Shards that are gone from their node, rebuilt on another. */
final class RebuildElsewhereTest extends RepairFixture {

    @Test
    void awaitsADownNodeForTheDelayAndThenRebuildsElsewhere() throws AshlarException {
        TestCluster cluster = TestCluster.of(7, DELAY);
        Segment segment = cluster.sealedSegment(held(cluster, "rs-4-2"));
        TestNode dead = cluster.nodeOf(segment, 0);
        dead.kill();
        cluster.passSeconds(50);
        assertThat(cluster.segment(segment).getPlacements(0).getNode()).isEqualTo(dead.id);
        assertThat(cluster.status().getHealth()).isEqualTo(Health.DEGRADED);
        assertThat(cluster.repair().getState()).isEqualTo("idle");
        cluster.passSeconds(20);
        Segment rebuilt = cluster.segment(segment);
        assertThat(nodesOf(rebuilt)).hasSize(6).doesNotContain(dead.id);
        assertThat(rebuilt.getPlacements(0).getComplete()).isTrue();
        assertThat(rebuilt.getVersion()).isGreaterThan(segment.getVersion());
        assertThat(rebuilt.getWeaker()).isFalse();
        assertThat(cluster.status().getHealth()).isEqualTo(Health.OK);

        assertThat(cluster.metadata().isDoomed(TestCluster.shard(segment, 0))).isTrue();
        dead.start();
        cluster.passSeconds(3);
        assertThat(dead.shards).isEmpty();
        assertThat(cluster.metadata().isDoomed(TestCluster.shard(segment, 0))).isFalse();
    }

    @Test
    void doesNotWaitWhenAskedNotTo() throws AshlarException {
        TestCluster cluster = TestCluster.of(7);
        Segment segment = cluster.sealedSegment(held(cluster, "rs-4-2"));
        TestNode dead = cluster.nodeOf(segment, 0);
        dead.kill();
        cluster.passSeconds(5);
        startRepair(cluster);
        cluster.passSeconds(3);
        assertThat(nodesOf(cluster.segment(segment))).doesNotContain(dead.id);
    }

    @Test
    void usesAShardThatComesBackBeforeItIsRebuilt() throws AshlarException {
        TestCluster cluster = TestCluster.of(7, DELAY);
        Segment segment = cluster.sealedSegment(held(cluster, "rs-4-2"));
        TestNode dead = cluster.nodeOf(segment, 0);
        TestNode spare = spareOf(cluster, segment);
        spare.setObedient(false);
        dead.kill();
        cluster.passSeconds(70);
        assertThat(rebuilds(spare)).isPositive();
        assertThat(cluster.metadata().rebuilds()).hasSize(1);
        ShardRef target = cluster.metadata().rebuilds().getFirst().getTarget();
        dead.start();
        cluster.passSeconds(2);
        assertThat(cluster.metadata().rebuilds()).isEmpty();
        assertThat(cluster.metadata().isDoomed(target)).isTrue();
        assertThat(cluster.segment(segment).getPlacements(0).getNode()).isEqualTo(dead.id);
        assertThat(cluster.status().getHealth()).isEqualTo(Health.OK);
    }

    @Test
    void goesOnWithARebuildAfterARestart() throws AshlarException {
        TestCluster cluster = TestCluster.of(7, DELAY);
        Segment segment = cluster.sealedSegment(held(cluster, "rs-4-2"));
        TestNode dead = cluster.nodeOf(segment, 0);
        cluster.nodes.values().forEach(node -> node.setObedient(false));
        dead.kill();
        cluster.passSeconds(70);
        ShardRef target = cluster.metadata().rebuilds().getFirst().getTarget();
        cluster.restartCoordinator();
        cluster.nodes.values().forEach(node -> node.setObedient(true));
        cluster.passSeconds(5);
        assertThat(TestCluster.shard(cluster.segment(segment), 0)).isEqualTo(target);
    }

    @Test
    void rebuildsAMissingShardOfALivingNodeAtOnce() throws AshlarException {
        TestCluster cluster = TestCluster.of(7);
        Segment segment = cluster.sealedSegment(held(cluster, "rs-4-2"));
        TestNode node = cluster.nodeOf(segment, 4);
        node.shards.clear();
        node.start();
        node.heartbeat();
        assertThat(cluster.status().getHealth()).isEqualTo(Health.DEGRADED);
        cluster.passSeconds(4);
        assertThat(cluster.status().getHealth()).isEqualTo(Health.OK);
        assertThat(TestCluster.shard(cluster.segment(segment), 4).getIncarnation())
                .isNotEqualTo(TestCluster.shard(segment, 4).getIncarnation());
    }

    @Test
    void verifiesAMissingShardThatReturnsInsteadOfRebuildingIt() throws AshlarException {
        TestCluster cluster = TestCluster.of(7);
        Segment segment = cluster.sealedSegment(held(cluster, "rs-4-2"));
        TestNode node = cluster.nodeOf(segment, 4);
        Map<ShardRef, ShardState> away = Map.copyOf(node.shards);
        cluster.nodes.values().forEach(other -> other.setObedient(false));
        node.shards.clear();
        node.start();
        cluster.passSeconds(2);
        ShardRef target = cluster.metadata().rebuilds().getFirst().getTarget();
        node.shards.putAll(away);
        node.start();
        assertThat(cluster.metadata().isDoomed(target)).isTrue();
        assertThat(cluster.status().getHealth()).isEqualTo(Health.DEGRADED);
        cluster.nodes.values().forEach(other -> other.setObedient(true));
        cluster.passSeconds(4);
        assertThat(rebuilds(node)).as("a look at what it holds").isPositive();
        assertThat(TestCluster.shard(cluster.segment(segment), 4))
                .isEqualTo(TestCluster.shard(segment, 4));
        assertThat(cluster.status().getHealth()).isEqualTo(Health.OK);
    }

    /** The node would delete what it has made, and then make it anew: nobody would know of that. */
    @Test
    void aRebuildThatIsGivenUpIsNotOrderedBesideItsDeletion() throws AshlarException {
        TestCluster cluster = TestCluster.of(7);
        Segment segment = cluster.sealedSegment(held(cluster, "rs-4-2"));
        TestNode node = cluster.nodeOf(segment, 4);
        Map<ShardRef, ShardState> away = Map.copyOf(node.shards);
        cluster.nodes.values().forEach(other -> other.setObedient(false));
        node.shards.clear();
        node.start();
        cluster.passSeconds(2);
        RebuildRecord plan = cluster.metadata().rebuilds().getFirst();
        TestNode maker = cluster.node(plan.getNode());
        maker.ordered.clear();
        maker.heartbeat();
        assertThat(maker.ordered).anyMatch(order -> isRebuildOf(order, plan.getTarget()));

        node.shards.putAll(away);
        node.start();
        maker.ordered.clear();
        maker.heartbeat();
        assertThat(maker.ordered)
                .anyMatch(order ->
                        order.hasDelete() && order.getDelete().getShard().equals(plan.getTarget()))
                .noneMatch(order -> isRebuildOf(order, plan.getTarget()));
    }

    private static boolean isRebuildOf(Order order, ShardRef shard) {
        return order.hasRebuild() && order.getRebuild().getShard().equals(shard);
    }

    @Test
    void rebuildsTheShardsOfAFailedDriveAtOnce() throws AshlarException {
        TestCluster cluster = TestCluster.of(7);
        Segment segment = cluster.sealedSegment(held(cluster, "rs-4-2"));
        TestNode node = cluster.nodeOf(segment, 1);
        node.failDrive("fsync: input/output error");
        cluster.passSeconds(4);
        assertThat(nodesOf(cluster.segment(segment))).doesNotContain(node.id);
        assertThat(cluster.status().getHealth()).isEqualTo(Health.OK);
    }

    @Test
    void allNodesShareTheWorkOfALostDrive() throws AshlarException {
        TestCluster cluster = TestCluster.of(8);
        VolumeInfo held = held(cluster, "rs-4-2");
        for (int i = 0; i < 60; i++) {
            var _ = cluster.sealedSegment(held);
        }
        TestNode lost = cluster.node("n1");
        lost.failDrive("fsync: input/output error");
        cluster.passSeconds(60);
        assertThat(cluster.status().getHealth()).isEqualTo(Health.OK);
        for (TestNode node : cluster.nodes.values()) {
            long rebuilds = node.ordered.stream().filter(Order::hasRebuild).count();
            assertThat(rebuilds).as(node.id).isBetween(node == lost ? 0L : 2L, 14L);
        }
    }

    @Test
    void doublesUpWhereNoDomainIsFreeAndSpreadsAgainLater() throws AshlarException {
        TestCluster cluster = TestCluster.of(6, DELAY);
        Segment segment = cluster.sealedSegment(held(cluster, "rs-4-2"));
        TestNode dead = cluster.nodeOf(segment, 0);
        dead.kill();
        cluster.passSeconds(70);
        Segment doubled = cluster.segment(segment);
        assertThat(doubled.getWeaker()).isTrue();
        assertThat(nodesOf(doubled)).hasSize(5);
        ClusterStatus weaker = cluster.status();
        assertThat(weaker.getSegments().getWeaker()).isEqualTo(1);
        assertThat(weaker.getSegments().getBySurvivableLossesMap())
                .as("the loss of the node with two shards leaves none to lose")
                .isEqualTo(Map.of(1, 1L));
        assertThat(weaker.getHealth()).isEqualTo(Health.DEGRADED);
        dead.start();
        cluster.passSeconds(5);
        Segment spread = cluster.segment(segment);
        assertThat(spread.getWeaker()).isFalse();
        assertThat(nodesOf(spread)).hasSize(6);
        cluster.passSeconds(3);
        int shards = cluster.nodes.values().stream()
                .mapToInt(node -> node.shards.size())
                .sum();
        assertThat(shards).as("what was replaced is deleted").isEqualTo(6);
    }

    @Test
    void takesARepeatedResultForNoOtherRebuild() throws AshlarException {
        TestCluster cluster = TestCluster.of(7, DELAY);
        Segment segment = cluster.sealedSegment(held(cluster, "rs-4-2"));
        TestNode spare = spareOf(cluster, segment);
        spare.setObedient(false);
        cluster.nodes.values().stream()
                .filter(node -> node != spare)
                .forEach(node -> node.setCapacity(1));
        cluster.nodeOf(segment, 0).kill();
        cluster.nodeOf(segment, 1).kill();
        cluster.passSeconds(70);
        Order order = spare.ordered.getLast();
        int first = order.getRebuild().getShard().getIndex();

        cluster.askAndRepeat(Request.newBuilder()
                .setHeartbeat(spare.heartbeatWith(
                        OrderResult.newBuilder().setOrder(order.getId()).build()))
                .build());
        assertThat(cluster.segment(segment).getPlacements(first).getNode()).isEqualTo(spare.id);
        assertThat(cluster.metadata().rebuilds())
                .as("the other shard is to be rebuilt there too, and was not")
                .singleElement()
                .satisfies(plan -> assertThat(plan.getNode()).isEqualTo(spare.id));
        assertThat(nodesOf(cluster.segment(segment)))
                .contains(cluster.nodeOf(segment, 1 - first).id);
    }

    @Test
    void triesElsewhereWhenANodeCannotRebuild() throws AshlarException {
        TestCluster cluster = TestCluster.of(8);
        VolumeInfo held = held(cluster, "rs-4-2");
        Segment segment = cluster.sealedSegment(held);
        TestNode dead = cluster.nodeOf(segment, 0);
        List<String> refused = new ArrayList<>();
        cluster.nodes
                .values()
                .forEach(node -> node.failRebuilds(order -> {
                    if (!refused.isEmpty()) {
                        return null;
                    }
                    refused.add(node.id);
                    return Failure.newBuilder()
                            .setCode(ErrorCode.NO_SPACE)
                            .setMessage("full")
                            .build();
                }));
        dead.kill();
        cluster.passSeconds(5);
        startRepair(cluster);
        cluster.passSeconds(10);
        assertThat(refused).hasSize(1);
        assertThat(nodesOf(cluster.segment(segment))).doesNotContain(dead.id, refused.getFirst());
    }

    @Test
    void saysWhenNoDriveMayTakeAShard() throws AshlarException {
        TestCluster cluster = TestCluster.of(3);
        Segment segment = cluster.sealedSegment(held(cluster, "rs-4-2"));
        cluster.nodeOf(segment, 0).kill();
        cluster.passSeconds(5);
        startRepair(cluster);
        cluster.passSeconds(3);
        assertThat(cluster.status().getHealth()).isEqualTo(Health.AT_RISK);
        assertThat(cluster.repair().getState()).isEqualTo("idle");
        assertThat(cluster.repair().getFailedList())
                .hasSize(2)
                .allSatisfy(reason -> assertThat(reason).contains("no drive"));
    }
}
