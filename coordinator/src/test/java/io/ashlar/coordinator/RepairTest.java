package io.ashlar.coordinator;

import static org.assertj.core.api.Assertions.assertThat;

import io.ashlar.client.AshlarException;
import io.ashlar.client.model.SegmentId;
import io.ashlar.client.protocol.ClusterStatus;
import io.ashlar.client.protocol.ErrorCode;
import io.ashlar.client.protocol.Failure;
import io.ashlar.client.protocol.Health;
import io.ashlar.client.protocol.Order;
import io.ashlar.client.protocol.OrderResult;
import io.ashlar.client.protocol.ReportDamage;
import io.ashlar.client.protocol.Request;
import io.ashlar.client.protocol.Segment;
import io.ashlar.client.protocol.SetRepair;
import io.ashlar.client.protocol.ShardDamage;
import io.ashlar.client.protocol.ShardRef;
import io.ashlar.client.protocol.ShardState;
import io.ashlar.client.protocol.StartRepair;
import io.ashlar.client.protocol.StartScrub;
import io.ashlar.client.protocol.VolumeInfo;

import org.junit.jupiter.api.Test;

import java.time.Duration;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;

/** Losses found, repaired and reported. */
final class RepairTest {
    private static final Duration DELAY = Duration.ofSeconds(60);

    private static VolumeInfo held(TestCluster cluster, String policy) throws AshlarException {
        cluster.createVolume("disk0", policy);
        return cluster.open("disk0", "writer", true).getVolume();
    }

    private static void report(TestCluster cluster, Segment segment, int index)
            throws AshlarException {
        cluster.ask(Request.newBuilder()
                .setReportDamage(ReportDamage.newBuilder()
                        .addDamage(ShardDamage.newBuilder()
                                .setShard(TestCluster.shard(segment, index))
                                .setKind(ShardDamage.Kind.CORRUPT_CELL)
                                .setCells(1)
                                .setDetail("a reader found it")))
                .build());
    }

    private static void startRepair(TestCluster cluster) throws AshlarException {
        cluster.ask(Request.newBuilder()
                .setStartRepair(StartRepair.getDefaultInstance())
                .build());
    }

    private static long rebuilds(TestNode node) {
        return node.ordered.stream()
                .filter(order -> order.getKindCase() == Order.KindCase.REBUILD)
                .count();
    }

    private static Set<String> nodesOf(Segment segment) {
        Set<String> nodes = new HashSet<>();
        segment.getPlacementsList().forEach(placement -> nodes.add(placement.getNode()));
        return nodes;
    }

    private static TestNode spareOf(TestCluster cluster, Segment segment) {
        return cluster.nodes.values().stream()
                .filter(node -> !nodesOf(segment).contains(node.id))
                .findFirst()
                .orElseThrow();
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

        cluster.passSeconds(3);
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
    void doublesUpWhereNoDomainIsFreeAndSpreadsAgainLater() throws AshlarException {
        TestCluster cluster = TestCluster.of(6, DELAY);
        Segment segment = cluster.sealedSegment(held(cluster, "rs-4-2"));
        TestNode dead = cluster.nodeOf(segment, 0);
        dead.kill();
        cluster.passSeconds(70);
        Segment doubled = cluster.segment(segment);
        assertThat(doubled.getWeaker()).isTrue();
        assertThat(nodesOf(doubled)).hasSize(5);
        assertThat(cluster.status().getSegments().getWeaker()).isEqualTo(1);
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
    void neverRepairsASegmentThatIsOpen() throws AshlarException {
        TestCluster cluster = TestCluster.of(7, DELAY);
        VolumeInfo held = held(cluster, "rs-4-2");
        Segment segment = cluster.openSegment(held, cluster.createSegment(held));
        cluster.nodeOf(segment, 0).kill();
        report(cluster, segment, 1);
        cluster.passSeconds(80);
        cluster.nodes.values().forEach(node -> assertThat(rebuilds(node)).isZero());
        assertThat(cluster.status().getHealth()).isEqualTo(Health.AT_RISK);
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
    void reportsWhatCannotBeRepairedAndRepairsTheRest() throws AshlarException {
        TestCluster cluster = TestCluster.of(6);
        VolumeInfo held = held(cluster, "rs-4-2");
        Segment bad = cluster.sealedSegment(held);
        Segment good = cluster.sealedSegment(held);
        Failure undecodable = Failure.newBuilder()
                .setCode(ErrorCode.INSUFFICIENT_SHARDS)
                .setMessage("stripe 3: 3 of 4 cells")
                .build();
        cluster.nodes
                .values()
                .forEach(node -> node.failRebuilds(order ->
                        order.getSegment().getId().equals(bad.getId()) ? undecodable : null));
        report(cluster, bad, 0);
        report(cluster, bad, 1);
        report(cluster, bad, 2);
        report(cluster, good, 0);
        cluster.passSeconds(10);
        assertThat(cluster.segment(good).getPlacements(0).getComplete()).isTrue();
        assertThat(cluster.repair().getFailedList())
                .singleElement()
                .asString()
                .contains(SegmentId.of(bad.getId()).toString())
                .contains("3 of 4 cells");
        assertThat(cluster.repair().getState()).isEqualTo("idle");
        assertThat(cluster.status().getHealth()).isEqualTo(Health.DATA_LOSS);
        assertThat(cluster.status().getSegments().getLost()).isEqualTo(1);

        cluster.nodes.values().forEach(node -> node.failRebuilds(null));
        startRepair(cluster);
        cluster.passSeconds(8);
        assertThat(cluster.repair().getFailedList()).isEmpty();
        assertThat(cluster.status().getHealth()).isEqualTo(Health.OK);
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
                .singleElement()
                .asString()
                .contains("no drive");
    }

    @Test
    void scrubsEveryNodeAndSaysWhatItCouldNotRead() throws AshlarException {
        TestCluster cluster = TestCluster.of(6);
        VolumeInfo held = held(cluster, "rs-4-2");
        Segment segment = cluster.sealedSegment(held);
        cluster.ask(Request.newBuilder()
                .setStartScrub(StartScrub.getDefaultInstance())
                .build());
        assertThat(cluster.scrub().getState()).isEqualTo("running");
        cluster.passSeconds(3);
        assertThat(cluster.scrub().getState()).isEqualTo("idle");
        assertThat(cluster.scrub().getCellsChecked()).isEqualTo(48);
        assertThat(cluster.scrub().getCoveragePercent()).isEqualTo(100);

        TestNode dead = cluster.nodeOf(segment, 5);
        dead.setObedient(false);
        cluster.ask(Request.newBuilder()
                .setStartScrub(StartScrub.getDefaultInstance())
                .build());
        cluster.passSeconds(2);
        cluster.restartCoordinator();
        cluster.passSeconds(2);
        assertThat(cluster.scrub().getState()).isEqualTo("running");
        dead.kill();
        cluster.passSeconds(6);
        assertThat(cluster.scrub().getState()).isEqualTo("idle");
        assertThat(cluster.scrub().getUnreadable()).isEqualTo(1);
        assertThat(cluster.scrub().getCoveragePercent()).isBetween(83.0, 84.0);
        assertThat(cluster.scrub().getLastCompletedAtMillis()).isPositive();
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
