package io.ashlar.coordinator;

import static org.assertj.core.api.Assertions.assertThat;

import io.ashlar.client.AshlarException;
import io.ashlar.client.model.SegmentId;
import io.ashlar.client.protocol.ClusterStatus;
import io.ashlar.client.protocol.ErrorCode;
import io.ashlar.client.protocol.Failure;
import io.ashlar.client.protocol.Health;
import io.ashlar.client.protocol.Order;
import io.ashlar.client.protocol.Placement;
import io.ashlar.client.protocol.Segment;
import io.ashlar.client.protocol.ShardRef;
import io.ashlar.client.protocol.UnmadeStripes;
import io.ashlar.client.protocol.VolumeInfo;

import org.junit.jupiter.api.Test;

import java.util.List;

/** Shards of which a repair cannot make every cell: the rest is repaired, placed and counted. */
final class UndecodableStripesTest extends RepairFixture {
    private static final UnmadeStripes LOST = UnmadeStripes.newBuilder()
            .setFirst(3)
            .setCount(1)
            .setAnswered(true)
            .setReason("3 of 4 cells are there")
            .build();
    private static final UnmadeStripes NOT_NOW =
            LOST.toBuilder().setAnswered(false).build();
    private static final UnmadeStripes HEADLESS =
            NOT_NOW.toBuilder().setHeadless(true).build();

    /** Makes every node leave these out of a shard of this segment. */
    private static void unmade(
            TestCluster cluster, Segment segment, int index, UnmadeStripes... stripes) {
        cluster.nodes
                .values()
                .forEach(node -> node.leaveUnmade(order -> {
                    boolean it = order.getSegment().getId().equals(segment.getId())
                            && order.getShard().getIndex() == index;
                    return it ? List.of(stripes) : List.of();
                }));
    }

    private static Order lastRebuild(TestNode node) {
        return node.ordered.stream()
                .filter(order -> order.getKindCase() == Order.KindCase.REBUILD)
                .reduce((first, second) -> second)
                .orElseThrow();
    }

    @Test
    void countsTheCellsOfARepairInPlaceThatFailed() throws AshlarException {
        TestCluster cluster = TestCluster.of(6);
        Segment segment = cluster.sealedSegment(held(cluster, "rs-4-2"));
        Failure failure = Failure.newBuilder()
                .setCode(ErrorCode.UNAVAILABLE)
                .setMessage("busy")
                .build();
        cluster.nodeOf(segment, 2).failRebuilds(order -> failure);
        report(cluster, segment, 2);
        cluster.passSeconds(1);
        cluster.heartbeats();
        assertThat(cluster.repair().getRepairedCells()).isEqualTo(TestNode.CELLS_BEFORE_FAILURE);
        assertThat(cluster.repair().getRepairedShards()).isZero();
    }

    @Test
    void namesTheLostStripesAtOnceAndCountsWhatWasMade() throws AshlarException {
        TestCluster cluster = TestCluster.of(6);
        Segment segment = cluster.sealedSegment(held(cluster, "rs-4-2"));
        unmade(
                cluster,
                segment,
                2,
                LOST,
                LOST.toBuilder().setFirst(5).setCount(3).build());
        report(cluster, segment, 2);
        cluster.passSeconds(2);
        assertThat(cluster.repair().getRepairedCells()).isPositive();
        for (int start = 0; start < 2; start++) {
            ClusterStatus status = cluster.status();
            assertThat(status.getHealth()).isEqualTo(Health.DATA_LOSS);
            assertThat(status.getSegments().getLost()).isEqualTo(1);
            assertThat(status.getReasonsList())
                    .anySatisfy(reason -> assertThat(reason)
                            .contains("stripes 3, 5 to 7 cannot be decoded", "3 of 4 cells"));
            assertThat(cluster.repair().getFailedList())
                    .singleElement()
                    .asString()
                    .contains(SegmentId.of(segment.getId()).toString(), "shard 2", "3, 5 to 7");
            cluster.restartCoordinator();
        }
        unmade(cluster, segment, 2);
        startRepair(cluster);
        cluster.passSeconds(8);
        assertThat(cluster.repair().getFailedList()).isEmpty();
        assertThat(cluster.status().getHealth()).isEqualTo(Health.OK);
    }

    @Test
    void repairsTheOtherShardsOfTheSegmentAndOtherSegments() throws AshlarException {
        TestCluster cluster = TestCluster.of(6);
        VolumeInfo held = held(cluster, "rs-4-2");
        Segment bad = cluster.sealedSegment(held);
        Segment good = cluster.sealedSegment(held);
        unmade(cluster, bad, 0, LOST);
        report(cluster, bad, 0);
        report(cluster, bad, 1);
        report(cluster, good, 0);
        cluster.passSeconds(10);
        assertThat(cluster.segment(good).getPlacements(0).getComplete()).isTrue();
        assertThat(cluster.segment(bad).getPlacements(1).getComplete()).isTrue();
        assertThat(cluster.segment(bad).getPlacements(0).getComplete()).isFalse();
        assertThat(cluster.repair().getFailedList()).hasSize(1);
        assertThat(cluster.repair().getQueued()).isZero();
    }

    @Test
    void placesWhatCouldBeMadeAndKeepsTheFormerShardForTheRest() throws AshlarException {
        TestCluster cluster = TestCluster.of(7, DELAY);
        Segment segment = cluster.sealedSegment(held(cluster, "rs-4-2"));
        TestNode dead = cluster.nodeOf(segment, 0);
        ShardRef former = TestCluster.shard(segment, 0);
        unmade(cluster, segment, 0, NOT_NOW);
        dead.kill();
        cluster.passSeconds(70);
        Segment placed = cluster.segment(segment);
        Placement placement = placed.getPlacements(0);
        assertThat(placement.getNode()).isNotEqualTo(dead.id);
        assertThat(placement.getComplete()).isFalse();
        assertThat(cluster.repair().getRepairedCells()).isGreaterThanOrEqualTo(7);
        assertThat(cluster.metadata().isDoomed(former)).isFalse();
        assertThat(cluster.status().getHealth()).isEqualTo(Health.DEGRADED);

        dead.start();
        unmade(cluster, segment, 0);
        cluster.passSeconds(2);
        assertThat(cluster.status().getNodesList())
                .noneMatch(node -> node.getReason().contains("unknown"));
        cluster.passSeconds(3);
        TestNode holder = cluster.node(placement.getNode());
        assertThat(lastRebuild(holder).getRebuild().getFormerList())
                .singleElement()
                .satisfies(place -> {
                    assertThat(place.getShard()).isEqualTo(former);
                    assertThat(place.getNode()).isEqualTo(dead.id);
                    assertThat(place.getAddress()).isNotEmpty();
                });
        assertThat(cluster.status().getHealth()).isEqualTo(Health.OK);
        assertThat(TestCluster.shard(cluster.segment(segment), 0)).isEqualTo(placement.getShard());
        cluster.passSeconds(2);
        assertThat(dead.shards).as("nothing is lacking any more").isEmpty();
    }

    /** Shard 0 is placed elsewhere and lacks cells, as the node of its former place is dead. */
    private static void moveLackingCells(TestCluster cluster, Segment segment)
            throws AshlarException {
        unmade(cluster, segment, 0, NOT_NOW);
        cluster.nodeOf(segment, 0).kill();
        cluster.passSeconds(70);
    }

    /** What one shard left behind helps to make the others. */
    @Test
    void aRebuildIsToldOfTheFormerPlacesOfAllShards() throws AshlarException {
        TestCluster cluster = TestCluster.of(7, DELAY);
        Segment segment = cluster.sealedSegment(held(cluster, "rs-4-2"));
        ShardRef former = TestCluster.shard(segment, 0);
        moveLackingCells(cluster, segment);
        assertThat(cluster.metadata().isFormer(former)).isTrue();
        report(cluster, segment, 3);
        cluster.passSeconds(3);
        assertThat(lastRebuild(cluster.nodeOf(segment, 3)).getRebuild().getFormerList())
                .singleElement()
                .satisfies(place -> assertThat(place.getShard()).isEqualTo(former));
    }

    /** That a former place does not answer is not the fault of the node that asked it. */
    @Test
    void placesWhatCouldBeMadeThoughAFormerPlaceIsDown() throws AshlarException {
        TestCluster cluster = TestCluster.of(8, DELAY);
        Segment segment = cluster.sealedSegment(held(cluster, "rs-4-2"));
        moveLackingCells(cluster, segment);
        Segment placed = cluster.segment(segment);
        TestNode emptied = cluster.nodeOf(placed, 3);
        unmade(cluster, segment, 3, NOT_NOW);
        emptied.shards.clear();
        emptied.start();
        cluster.passSeconds(8);
        assertThat(TestCluster.shard(cluster.segment(segment), 3))
                .isNotEqualTo(TestCluster.shard(placed, 3));
    }

    @Test
    void keepsFormerShardsThroughNewDamageAndFurtherMoves() throws AshlarException {
        TestCluster cluster = TestCluster.of(8, DELAY);
        Segment segment = cluster.sealedSegment(held(cluster, "rs-4-2"));
        ShardRef first = TestCluster.shard(segment, 0);
        moveLackingCells(cluster, segment);
        Segment once = cluster.segment(segment);
        ShardRef second = TestCluster.shard(once, 0);
        report(cluster, once, 0);
        cluster.nodeOf(once, 0).kill();
        cluster.passSeconds(70);
        assertThat(TestCluster.shard(cluster.segment(segment), 0)).isNotIn(first, second);
        assertThat(cluster.metadata().isFormer(first)).isTrue();
        assertThat(cluster.metadata().isFormer(second)).isTrue();
        assertThat(cluster.metadata().isDoomed(first)).isFalse();
        cluster.delete("disk0");
    }

    /** A replay would take for lost what no placed shard tells of. */
    @Test
    void doesNotReplaceAShardThatAloneMayTellOfAStripe() throws AshlarException {
        TestCluster cluster = TestCluster.of(7, DELAY);
        Segment segment = cluster.sealedSegment(held(cluster, "rs-4-2"));
        TestNode dead = cluster.nodeOf(segment, 0);
        unmade(cluster, segment, 0, HEADLESS);
        dead.kill();
        cluster.passSeconds(90);
        assertThat(cluster.segment(segment).getPlacements(0).getNode()).isEqualTo(dead.id);
        assertThat(cluster.status().getHealth()).isNotEqualTo(Health.DATA_LOSS);
        dead.start();
        cluster.passSeconds(3);
        assertThat(cluster.status().getHealth()).isEqualTo(Health.OK);
    }

    @Test
    void replacesAShardThatItsNodeSaysIsGoneWhateverItsStripes() throws AshlarException {
        TestCluster cluster = TestCluster.of(7);
        Segment segment = cluster.sealedSegment(held(cluster, "rs-4-2"));
        TestNode node = cluster.nodeOf(segment, 4);
        UnmadeStripes lost = HEADLESS.toBuilder().setAnswered(true).build();
        unmade(cluster, segment, 4, lost);
        node.shards.clear();
        node.start();
        cluster.passSeconds(5);
        assertThat(TestCluster.shard(cluster.segment(segment), 4))
                .isNotEqualTo(TestCluster.shard(segment, 4));
        assertThat(cluster.status().getHealth()).isEqualTo(Health.DATA_LOSS);
        assertThat(cluster.repair().getFailedList())
                .singleElement()
                .asString()
                .contains("stripe 3");
    }

    @Test
    void triesAnotherNodeWhereOneReachesTooFewThatAreUp() throws AshlarException {
        TestCluster cluster = TestCluster.of(8);
        Segment segment = cluster.sealedSegment(held(cluster, "rs-4-2"));
        TestNode node = cluster.nodeOf(segment, 4);
        String[] cutOff = new String[1];
        cluster.nodes
                .values()
                .forEach(other -> other.leaveUnmade(order -> {
                    if (cutOff[0] == null) {
                        cutOff[0] = other.id;
                    }
                    return cutOff[0].equals(other.id) ? List.of(NOT_NOW) : List.of();
                }));
        node.shards.clear();
        node.start();
        cluster.passSeconds(8);
        assertThat(cluster.segment(segment).getPlacements(4).getNode()).isNotEqualTo(cutOff[0]);
        assertThat(cluster.status().getHealth()).isEqualTo(Health.OK);
    }

    @Test
    void restsWhenAShardHasBeenReplacedTooOftenWithoutBeingWhole() throws AshlarException {
        TestCluster cluster = TestCluster.of(18, DELAY);
        Segment segment = cluster.sealedSegment(held(cluster, "rs-4-2"));
        unmade(cluster, segment, 0, NOT_NOW);
        for (int former = 0; former < 8; former++) {
            Placement placed = cluster.segment(segment).getPlacements(0);
            cluster.node(placed.getNode()).kill();
            cluster.passSeconds(70);
            assertThat(cluster.segment(segment).getPlacements(0)).isNotEqualTo(placed);
        }
        Placement last = cluster.segment(segment).getPlacements(0);
        cluster.node(last.getNode()).kill();
        cluster.passSeconds(70);
        long before = rebuildsOfAll(cluster);
        cluster.passSeconds(120);
        assertThat(rebuildsOfAll(cluster) - before).isBetween(1L, 8L);
        assertThat(cluster.segment(segment).getPlacements(0)).isEqualTo(last);
        unmade(cluster, segment, 0);
        startRepair(cluster);
        cluster.passSeconds(5);
        assertThat(cluster.segment(segment).getPlacements(0).getComplete()).isTrue();
    }

    private static long rebuildsOfAll(TestCluster cluster) {
        return cluster.nodes.values().stream()
                .mapToLong(RepairFixture::rebuilds)
                .sum();
    }
}
