package io.ashlar.coordinator;

import static org.assertj.core.api.Assertions.assertThat;

import io.ashlar.client.AshlarException;
import io.ashlar.client.model.SegmentId;
import io.ashlar.client.protocol.ClusterStatus;
import io.ashlar.client.protocol.DegradedSegment;
import io.ashlar.client.protocol.Health;
import io.ashlar.client.protocol.Id;
import io.ashlar.client.protocol.ListDegraded;
import io.ashlar.client.protocol.Order;
import io.ashlar.client.protocol.Request;
import io.ashlar.client.protocol.Segment;
import io.ashlar.client.protocol.SetRepair;
import io.ashlar.client.protocol.ShardDamage;
import io.ashlar.client.protocol.VolumeInfo;

import org.junit.jupiter.api.Test;

import java.util.ArrayList;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;

/** Damage on living nodes, repaired where it is. */
final class RepairTest extends RepairFixture {

    private static List<DegradedSegment> degraded(TestCluster cluster, Id volume)
            throws AshlarException {
        return cluster.ask(Request.newBuilder()
                        .setListDegraded(ListDegraded.newBuilder().setVolume(volume))
                        .build())
                .getDegradedSegments()
                .getSegmentsList();
    }

    @Test
    void repairsACorruptCellWhereItIs() throws AshlarException {
        TestCluster cluster = TestCluster.of(7);
        Segment segment = cluster.sealedSegment(held(cluster, "rs-4-2"));
        report(cluster, segment, 2);
        ClusterStatus damaged = cluster.status();
        assertThat(damaged.getHealth()).isEqualTo(Health.DEGRADED);
        assertThat(damaged.getSegments().getBySurvivableLossesMap()).isEqualTo(Map.of(1, 1L));
        assertThat(damaged.getRepair().getState()).isEqualTo("running");
        assertThat(degraded(cluster, segment.getVolume()))
                .containsExactly(DegradedSegment.newBuilder()
                        .setSegment(segment.getId())
                        .setSurvivableLosses(1)
                        .build());
        assertThat(degraded(cluster, Id.newBuilder().setLow(99).build())).isEmpty();

        cluster.passSeconds(3);
        assertThat(degraded(cluster, segment.getVolume())).isEmpty();
        Segment repaired = cluster.segment(segment);
        assertThat(TestCluster.shard(repaired, 2)).isEqualTo(TestCluster.shard(segment, 2));
        assertThat(repaired.getPlacements(2).getComplete()).isTrue();
        assertThat(cluster.repair().getRepairedShards()).isEqualTo(1);
        assertThat(cluster.repair().getRepairedCells()).isEqualTo(8);
        assertThat(cluster.repair().getState()).isEqualTo("idle");
        assertThat(cluster.status().getHealth()).isEqualTo(Health.OK);
    }

    @Test
    void repairsAgainWhatWasDamagedWhileItWasRepaired() throws AshlarException {
        TestCluster cluster = TestCluster.of(6);
        Segment segment = cluster.sealedSegment(held(cluster, "rs-4-2"));
        TestNode node = cluster.nodeOf(segment, 2);
        report(cluster, segment, 2);
        cluster.passSeconds(1);
        report(cluster, segment, 2);
        cluster.heartbeats();
        assertThat(cluster.status().getHealth()).isEqualTo(Health.DEGRADED);
        cluster.passSeconds(3);
        assertThat(rebuilds(node)).isEqualTo(2);
        assertThat(cluster.status().getHealth()).isEqualTo(Health.OK);
    }

    @Test
    void repairsOnceWhatIsReportedWhileAnotherShardIsRepaired() throws AshlarException {
        TestCluster cluster = TestCluster.of(6);
        Segment segment = cluster.sealedSegment(held(cluster, "rs-4-2"));
        cluster.nodeOf(segment, 2).setObedient(false);
        report(cluster, segment, 2);
        report(cluster, segment, 3);
        cluster.passSeconds(1);
        report(cluster, segment, 3);
        cluster.nodeOf(segment, 2).setObedient(true);
        cluster.passSeconds(4);
        assertThat(rebuilds(cluster.nodeOf(segment, 3))).isEqualTo(1);
        assertThat(cluster.repair().getRepairedShards()).isEqualTo(2);
        assertThat(cluster.repair().getRepairedCells()).isEqualTo(16);
    }

    @Test
    void neverRepairsASegmentThatIsOpen() throws AshlarException {
        TestCluster cluster = TestCluster.of(7, DELAY);
        VolumeInfo held = held(cluster, "rs-4-2");
        Segment segment = cluster.openSegment(held, cluster.createSegment(held));
        cluster.nodeOf(segment, 0).kill();
        report(cluster, segment, 1);
        for (int i = 0; i < 20; i++) {
            cluster.passSeconds(4);
            cluster.renewed(held);
        }
        cluster.nodes.values().forEach(node -> assertThat(rebuilds(node)).isZero());
        assertThat(cluster.status().getHealth()).isEqualTo(Health.AT_RISK);
    }

    @Test
    void repairsWhatADeadWriterLeftOpen() throws AshlarException {
        TestCluster cluster = TestCluster.of(7, DELAY);
        VolumeInfo dead = held(cluster, "rs-4-2");
        Segment segment = cluster.openSegment(dead, cluster.createSegment(dead));
        cluster.nodeOf(segment, 0).kill();
        cluster.passSeconds(80);
        assertThat(cluster.repair().getRepairedShards()).isEqualTo(1);
        assertThat(cluster.status().getHealth()).isEqualTo(Health.OK);
    }

    @Test
    void repairsFirstWhatSurvivesLeast() throws AshlarException {
        TestCluster cluster = TestCluster.of(6);
        VolumeInfo held = held(cluster, "rs-4-2");
        List<Segment> segments = new ArrayList<>();
        for (int i = 0; i < 40; i++) {
            segments.add(cluster.sealedSegment(held));
        }
        cluster.ask(Request.newBuilder()
                .setSetRepair(SetRepair.newBuilder().setPaused(true))
                .build());
        for (Segment segment : segments) {
            report(cluster, segment, 0);
            cluster.loop.passMillis(5);
        }
        report(cluster, segments.getLast(), 1);
        cluster.passSeconds(2);
        assertThat(cluster.repair().getState()).isEqualTo("paused");
        cluster.nodes.values().forEach(node -> assertThat(rebuilds(node)).isZero());
        cluster.nodes.values().forEach(node -> node.setObedient(false));
        cluster.ask(Request.newBuilder()
                .setSetRepair(SetRepair.getDefaultInstance())
                .build());
        cluster.passSeconds(1);

        int running = 0;
        Set<SegmentId> begun = new HashSet<>();
        for (TestNode node : cluster.nodes.values()) {
            assertThat(rebuilds(node)).as("bounded per node").isLessThanOrEqualTo(4);
            running += (int) rebuilds(node);
            node.ordered.stream()
                    .filter(order -> order.getKindCase() == Order.KindCase.REBUILD)
                    .forEach(order ->
                            begun.add(SegmentId.of(order.getRebuild().getShard().getSegment())));
        }
        assertThat(running).isLessThanOrEqualTo(32).isPositive();
        assertThat(begun).contains(SegmentId.of(segments.getLast().getId()));

        cluster.nodes.values().forEach(node -> node.setObedient(true));
        cluster.passSeconds(20);
        assertThat(cluster.repair().getRepairedShards()).isEqualTo(41);
        assertThat(cluster.status().getHealth()).isEqualTo(Health.OK);
    }

    @Test
    void repairsWhatANodeFoundByItself() throws AshlarException {
        TestCluster cluster = TestCluster.of(6);
        Segment segment = cluster.sealedSegment(held(cluster, "rs-4-2"));
        TestNode node = cluster.nodeOf(segment, 3);
        node.found.add(ShardDamage.newBuilder()
                .setShard(TestCluster.shard(segment, 3))
                .setKind(ShardDamage.Kind.CORRUPT_CELL)
                .setCells(2)
                .build());
        cluster.heartbeats();
        cluster.passSeconds(3);
        assertThat(rebuilds(node)).isEqualTo(1);
        assertThat(cluster.status().getHealth()).isEqualTo(Health.OK);
    }

    @Test
    void completesShardsThatWereNotProvedAtTheSeal() throws AshlarException {
        TestCluster cluster = TestCluster.of(6);
        VolumeInfo held = held(cluster, "rs-4-2");
        Segment segment = cluster.openSegment(held, cluster.createSegment(held));
        cluster.seal(held, TestCluster.sealOf(segment, 1, 4));
        assertThat(cluster.status().getHealth()).isEqualTo(Health.AT_RISK);
        cluster.passSeconds(4);
        assertThat(cluster.status().getHealth()).isEqualTo(Health.OK);
        assertThat(cluster.segment(segment).getPlacementsList())
                .allMatch(placement -> placement.getComplete());
    }
}
