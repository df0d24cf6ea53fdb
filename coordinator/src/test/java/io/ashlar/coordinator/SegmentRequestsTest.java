package io.ashlar.coordinator;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.ashlar.client.AshlarException;
import io.ashlar.client.model.SegmentId;
import io.ashlar.client.protocol.CreateSegment;
import io.ashlar.client.protocol.Id;
import io.ashlar.client.protocol.ListSegments;
import io.ashlar.client.protocol.Request;
import io.ashlar.client.protocol.Segment;
import io.ashlar.client.protocol.SegmentList;
import io.ashlar.client.protocol.SegmentSeal;
import io.ashlar.client.protocol.SegmentState;
import io.ashlar.client.protocol.ShardState;
import io.ashlar.client.protocol.VolumeInfo;
import io.ashlar.client.protocol.VolumeOpened;

import org.junit.jupiter.api.Test;

import java.util.ArrayList;
import java.util.List;

/** Segments, their placement, their seals and their tombstones. */
final class SegmentRequestsTest {

    @Test
    void keepsATombstoneUntilTheNodeIsBack() throws AshlarException {
        TestCluster cluster = TestCluster.of(6);
        cluster.createVolume("disk0", "rs-4-2");
        VolumeInfo held = cluster.open("disk0", "first", false).getVolume();
        Segment segment = cluster.sealedSegment(held);
        TestNode away = cluster.nodeOf(segment, 0);
        away.kill();
        cluster.close(held);
        cluster.delete("disk0");
        cluster.passSeconds(10);
        cluster.restartCoordinator();
        cluster.passSeconds(10);
        assertThat(away.shards).hasSize(1);
        away.start();
        cluster.passSeconds(3);
        assertThat(away.shards).isEmpty();
        assertThat(cluster.metadata().doomedOn(away.drive, 1)).isEmpty();
    }

    @Test
    void listsTheLogOfAnOpenedVolumePageByPage() throws AshlarException {
        TestCluster cluster = TestCluster.withPages(3, 6);
        cluster.createVolume("disk0", "rs-4-2");
        VolumeInfo first = cluster.open("disk0", "first", false).getVolume();
        List<Id> log = new ArrayList<>();
        for (int i = 0; i < 7; i++) {
            log.add(cluster.sealedSegment(first).getId());
        }
        cluster.createVolume("disk1", "rs-4-2");
        VolumeInfo other = cluster.open("disk1", "first", false).getVolume();
        List<Id> all = new ArrayList<>(log);
        all.add(cluster.sealedSegment(other).getId());

        VolumeOpened opened = cluster.open("disk0", "second", true);
        VolumeInfo held = opened.getVolume();
        assertThat(opened.getSegmentsCount()).isEqualTo(3);
        assertThat(opened.getMore()).isTrue();
        List<Segment> segments = new ArrayList<>(opened.getSegmentsList());
        boolean more = true;
        while (more) {
            SegmentList page = cluster.list(behind(held, segments.getLast()));
            assertThat(page.getSegmentsCount()).isBetween(1, 3);
            segments.addAll(page.getSegmentsList());
            more = page.getMore();
        }
        assertThat(segments).extracting(Segment::getId).containsExactlyElementsOf(log);

        List<Id> listed = new ArrayList<>();
        SegmentList page = cluster.list(ListSegments.getDefaultInstance());
        while (page.getMore()) {
            page.getSegmentsList().forEach(segment -> listed.add(segment.getId()));
            page = cluster.list(
                    ListSegments.newBuilder().setAfter(listed.getLast()).build());
        }
        page.getSegmentsList().forEach(segment -> listed.add(segment.getId()));
        assertThat(listed).containsExactlyInAnyOrderElementsOf(all);
    }

    @Test
    void listsNothingForAnEpochThatIsOver() throws AshlarException {
        TestCluster cluster = TestCluster.withPages(1, 6);
        cluster.createVolume("disk0", "rs-4-2");
        VolumeInfo first = cluster.open("disk0", "first", false).getVolume();
        Segment segment = cluster.sealedSegment(first);
        cluster.sealedSegment(first);
        assertThat(cluster.list(behind(first, segment)).getSegmentsCount()).isEqualTo(1);
        cluster.open("disk0", "second", true);
        assertThatThrownBy(() -> cluster.list(behind(first, segment)))
                .isInstanceOf(AshlarException.Fenced.class);
    }

    private static ListSegments behind(VolumeInfo volume, Segment last) {
        return ListSegments.newBuilder()
                .setVolumeId(volume.getId())
                .setEpoch(volume.getEpoch())
                .setAfterSequence(last.getSequence())
                .build();
    }

    @Test
    void answersARepeatedCreationThoughThereIsNoPlaceForAnother() throws AshlarException {
        TestCluster cluster = TestCluster.of(6);
        cluster.createVolume("disk0", "rs-4-2");
        VolumeInfo held = cluster.open("disk0", "first", false).getVolume();
        Request create = Request.newBuilder()
                .setCreateSegment(CreateSegment.newBuilder()
                        .setRequestId(cluster.newRequest())
                        .setVolume(held.getId())
                        .setEpoch(held.getEpoch())
                        .setShardBytes(TestCluster.SHARD_BYTES))
                .build();
        Segment made = cluster.ask(create).getSegment();
        cluster.nodes.values().stream().skip(2).forEach(TestNode::kill);
        for (int second = 0; second < 15; second++) {
            cluster.passSeconds(1);
            cluster.renewed(held);
        }
        assertThatThrownBy(() -> cluster.createSegment(held))
                .isInstanceOf(AshlarException.Unavailable.class);
        assertThat(cluster.ask(create).getSegment().getId()).isEqualTo(made.getId());
        cluster.restartCoordinator();
        assertThat(cluster.ask(create).getSegment().getId()).isEqualTo(made.getId());
    }

    @Test
    void abortsSegmentsThatWereNeverOpened() throws AshlarException {
        TestCluster cluster = TestCluster.of(6);
        cluster.createVolume("disk0", "rs-4-2");
        VolumeInfo held = cluster.open("disk0", "first", false).getVolume();
        Segment open = cluster.openSegment(held, cluster.createSegment(held));
        Segment creating = cluster.createSegment(held);
        VolumeOpened taken = cluster.open("disk0", "second", true);
        assertThat(taken.getSegmentsList())
                .extracting(Segment::getId)
                .containsExactly(open.getId());
        assertThat(cluster.metadata().segment(SegmentId.of(creating.getId()))).isNull();
        assertThat(cluster.metadata().isDoomed(TestCluster.shard(creating, 0))).isTrue();
        assertThatThrownBy(() -> cluster.openSegment(held, creating))
                .isInstanceOf(AshlarException.Fenced.class);
    }

    @Test
    void refusesEverythingOfAnOldEpoch() throws AshlarException {
        TestCluster cluster = TestCluster.of(6);
        cluster.createVolume("disk0", "rs-4-2");
        VolumeInfo old = cluster.open("disk0", "first", false).getVolume();
        Segment open = cluster.openSegment(old, cluster.createSegment(old));
        Segment creating = cluster.createSegment(old);
        cluster.open("disk0", "second", true);
        assertThatThrownBy(() -> cluster.createSegment(old))
                .isInstanceOf(AshlarException.Fenced.class);
        assertThatThrownBy(() -> cluster.openSegment(old, creating))
                .isInstanceOf(AshlarException.Fenced.class);
        assertThatThrownBy(() -> cluster.seal(old, TestCluster.sealOf(open)))
                .isInstanceOf(AshlarException.Fenced.class);
        assertThatThrownBy(() -> cluster.close(old)).isInstanceOf(AshlarException.Fenced.class);
        assertThatThrownBy(() -> cluster.renewed(old)).isInstanceOf(AshlarException.Fenced.class);
        assertThat(cluster.segment(open).getState()).isEqualTo(SegmentState.OPEN);
    }

    @Test
    void sealsOnceAndTheSameForEver() throws AshlarException {
        TestCluster cluster = TestCluster.of(6);
        cluster.createVolume("disk0", "rs-4-2");
        VolumeInfo held = cluster.open("disk0", "first", false).getVolume();
        Segment one = cluster.openSegment(held, cluster.createSegment(held));
        Segment two = cluster.openSegment(held, cluster.createSegment(held));
        SegmentSeal longer = TestCluster.sealOf(one).toBuilder()
                .setSealedBytes(TestCluster.SHARD_BYTES)
                .build();

        cluster.seal(held, TestCluster.sealOf(one));
        cluster.seal(held, TestCluster.sealOf(one));
        assertThatThrownBy(() -> cluster.seal(held, TestCluster.sealOf(two), longer))
                .isInstanceOf(AshlarException.Invalid.class)
                .hasMessageContaining("is sealed at");
        assertThat(cluster.segment(two).getState())
                .as("all of a command's seals or none")
                .isEqualTo(SegmentState.OPEN);

        SegmentSeal empty = TestCluster.sealOf(two).toBuilder()
                .setSealedBytes(0)
                .setStripeCount(0)
                .build();
        cluster.seal(held, empty);
        cluster.seal(held, empty);
        assertThatThrownBy(() -> cluster.segment(two)).isInstanceOf(AshlarException.NotFound.class);
        assertThat(cluster.get("disk0").getSegments()).isEqualTo(1);
        assertThat(cluster.get("disk0").getStoredBytes()).isEqualTo(3 * TestCluster.SHARD_BYTES);
    }

    @Test
    void tellsEveryNodeOfASealUntilItHasHeard() throws AshlarException {
        TestCluster cluster = TestCluster.of(6);
        cluster.createVolume("disk0", "rs-4-2");
        VolumeInfo held = cluster.open("disk0", "first", false).getVolume();
        Segment segment = cluster.openSegment(held, cluster.createSegment(held));
        TestNode away = cluster.nodeOf(segment, 3);
        away.kill();
        cluster.seal(held, TestCluster.sealOf(segment, 3));
        cluster.passSeconds(6);
        for (TestNode node : cluster.nodes.values()) {
            boolean sealed = node.shards.values().stream().allMatch(ShardState::getSealed);
            assertThat(sealed).isEqualTo(node != away);
        }
        cluster.restartCoordinator();
        away.start();
        cluster.passSeconds(2);
        assertThat(away.shards.values()).allMatch(ShardState::getSealed);
    }

    @Test
    void makesTheSegmentOnceForARepeatedRequest() throws AshlarException {
        TestCluster cluster = TestCluster.of(8);
        cluster.createVolume("disk0", "rs-4-2");
        VolumeInfo held = cluster.open("disk0", "first", false).getVolume();
        Request create = Request.newBuilder()
                .setCreateSegment(CreateSegment.newBuilder()
                        .setRequestId(4711)
                        .setVolume(held.getId())
                        .setEpoch(held.getEpoch())
                        .setShardBytes(TestCluster.SHARD_BYTES))
                .build();
        Segment once = cluster.ask(create).getSegment();
        cluster.restartCoordinator();
        cluster.passSeconds(1);
        assertThat(cluster.ask(create).getSegment()).isEqualTo(once);
        assertThat(cluster.get("disk0").getSegments()).isEqualTo(1);
    }

    @Test
    void avoidsNodesAsAskedAndDoublesUpWhereItMust() throws AshlarException {
        TestCluster cluster = TestCluster.of(6);
        cluster.createVolume("disk0", "rs-4-2");
        VolumeInfo held = cluster.open("disk0", "first", false).getVolume();
        assertThat(cluster.createSegment(held).getWeaker()).isFalse();
        Segment without = avoiding(cluster, held, "n1");
        assertThat(without.getWeaker()).isTrue();
        assertThat(without.getPlacementsList()).noneMatch(p -> p.getNode().equals("n1"));
        assertThat(avoiding(cluster, held, "n1", "n2", "n3").getPlacementsCount())
                .isEqualTo(6);
    }

    /** A writer that finds all nodes slow asks to avoid all; they are up nevertheless. */
    @Test
    void usesAvoidedNodesWhereTooFewOthersAreUp() throws AshlarException {
        TestCluster cluster = TestCluster.of(6);
        cluster.createVolume("disk0", "rs-4-2");
        VolumeInfo held = cluster.open("disk0", "first", false).getVolume();
        String[] slow = {"n1", "n2", "n3", "n4", "n5", "n6"};
        assertThat(avoiding(cluster, held, slow).getPlacementsCount()).isEqualTo(6);
        for (String node : List.of("n1", "n2", "n3", "n4")) {
            cluster.node(node).kill();
        }
        cluster.passSeconds(5);
        assertThatThrownBy(() -> avoiding(cluster, held, slow))
                .isInstanceOf(AshlarException.Unavailable.class)
                .hasMessageContaining("3 failure domains that are up, and 2 are");
    }

    private static Segment avoiding(TestCluster cluster, VolumeInfo volume, String... nodes)
            throws AshlarException {
        return cluster.ask(Request.newBuilder()
                        .setCreateSegment(CreateSegment.newBuilder()
                                .setRequestId(cluster.newRequest())
                                .setVolume(volume.getId())
                                .setEpoch(volume.getEpoch())
                                .setShardBytes(TestCluster.SHARD_BYTES)
                                .addAllAvoidNodes(List.of(nodes)))
                        .build())
                .getSegment();
    }

    @Test
    void placesAcrossZonesWhereThereAreSome() throws AshlarException {
        TestCluster cluster = new TestCluster();
        for (int i = 0; i < 9; i++) {
            cluster.addNode("n" + i, "z" + i % 3);
        }
        cluster.createVolume("disk0", "rs-4-2");
        VolumeInfo held = cluster.open("disk0", "first", false).getVolume();
        Segment segment = cluster.createSegment(held);
        for (String zone : List.of("z0", "z1", "z2")) {
            assertThat(segment.getPlacementsList())
                    .filteredOn(
                            p -> zone.equals("z" + Integer.parseInt(p.getNode().substring(1)) % 3))
                    .hasSize(2);
        }
        assertThat(segment.getPlacementsList().stream().map(p -> p.getNode()).distinct())
                .hasSize(6);
    }

    @Test
    void saysThatDrivesAreFullAlsoWhereTheyAreFullerThanTheyMayBe() throws AshlarException {
        TestCluster cluster = TestCluster.of(6);
        cluster.createVolume("disk0", "rs-4-2");
        VolumeInfo held = cluster.open("disk0", "first", false).getVolume();
        for (TestNode node : cluster.nodes.values()) {
            node.setCapacity(TestCluster.SHARD_BYTES);
            node.setUsed(TestCluster.SHARD_BYTES);
        }
        cluster.heartbeats();
        assertThatThrownBy(() -> cluster.createSegment(held))
                .isInstanceOf(AshlarException.NoSpace.class)
                .hasMessageContaining("free space or add drives");
    }

    @Test
    void saysWhenDrivesAreFull() throws AshlarException {
        TestCluster cluster = TestCluster.of(6);
        cluster.createVolume("disk0", "rs-4-2");
        VolumeInfo held = cluster.open("disk0", "first", false).getVolume();
        cluster.nodes.values().forEach(node -> node.setCapacity(TestCluster.SHARD_BYTES));
        cluster.heartbeats();
        assertThatThrownBy(() -> cluster.createSegment(held))
                .isInstanceOf(AshlarException.NoSpace.class)
                .hasMessageContaining("free space");
    }

    @Test
    void tellsAWriterToRollASegmentThatLostAShard() throws AshlarException {
        TestCluster cluster = TestCluster.of(7);
        cluster.createVolume("disk0", "rs-4-2");
        VolumeInfo held = cluster.open("disk0", "first", false).getVolume();
        Segment segment = cluster.openSegment(held, cluster.createSegment(held));
        assertThat(cluster.renewed(held).getRollList()).isEmpty();
        cluster.nodeOf(segment, 2).kill();
        cluster.passSeconds(4);
        cluster.renewed(held);
        cluster.passSeconds(1);
        assertThat(cluster.renewed(held).getRollList()).containsExactly(segment.getId());
    }

    @Test
    void tellsAWriterToRollAWeakerSegmentOnceADomainIsFree() throws AshlarException {
        TestCluster cluster = TestCluster.of(5);
        cluster.createVolume("disk0", "rs-4-2");
        VolumeInfo held = cluster.open("disk0", "first", false).getVolume();
        Segment weaker = cluster.openSegment(held, cluster.createSegment(held));
        assertThat(weaker.getWeaker()).isTrue();
        cluster.passSeconds(1);
        assertThat(cluster.renewed(held).getRollList()).isEmpty();
        cluster.addNode("n6", "");
        cluster.passSeconds(1);
        assertThat(cluster.renewed(held).getRollList()).containsExactly(weaker.getId());
        Segment spread = cluster.openSegment(held, cluster.createSegment(held));
        assertThat(spread.getWeaker()).isFalse();
        assertThat(cluster.renewed(held).getRollList()).containsExactly(weaker.getId());
    }
}
