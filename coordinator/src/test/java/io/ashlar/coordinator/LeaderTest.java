package io.ashlar.coordinator;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.ashlar.client.AshlarException;
import io.ashlar.client.model.SegmentId;
import io.ashlar.client.protocol.CloseVolume;
import io.ashlar.client.protocol.CreateSegment;
import io.ashlar.client.protocol.CreateVolume;
import io.ashlar.client.protocol.DeleteVolume;
import io.ashlar.client.protocol.Event;
import io.ashlar.client.protocol.GetEvents;
import io.ashlar.client.protocol.GetVolume;
import io.ashlar.client.protocol.Health;
import io.ashlar.client.protocol.LeaseRenewed;
import io.ashlar.client.protocol.Order;
import io.ashlar.client.protocol.RenewLease;
import io.ashlar.client.protocol.Request;
import io.ashlar.client.protocol.Segment;
import io.ashlar.client.protocol.SegmentSeal;
import io.ashlar.client.protocol.SegmentState;
import io.ashlar.client.protocol.ShardRef;
import io.ashlar.client.protocol.ShardState;
import io.ashlar.client.protocol.VolumeInfo;
import io.ashlar.client.protocol.VolumeOpened;

import org.junit.jupiter.api.Test;

import java.util.List;

/** Volumes, leases, segments, nodes and their orders. */
final class LeaderTest {

    private static void renew(TestCluster cluster, VolumeInfo volume) throws AshlarException {
        renewed(cluster, volume);
    }

    private static LeaseRenewed renewed(TestCluster cluster, VolumeInfo volume)
            throws AshlarException {
        return cluster.ask(Request.newBuilder()
                        .setRenewLease(RenewLease.newBuilder()
                                .setVolume(volume.getId())
                                .setEpoch(volume.getEpoch()))
                        .build())
                .getLeaseRenewed();
    }

    private static VolumeInfo get(TestCluster cluster, String name) throws AshlarException {
        return cluster.ask(Request.newBuilder()
                        .setGetVolume(GetVolume.newBuilder().setName(name))
                        .build())
                .getVolume();
    }

    private static void delete(TestCluster cluster, String name) throws AshlarException {
        cluster.ask(Request.newBuilder()
                .setDeleteVolume(DeleteVolume.newBuilder()
                        .setRequestId(cluster.newRequest())
                        .setName(name))
                .build());
    }

    private static void close(TestCluster cluster, VolumeInfo volume) throws AshlarException {
        cluster.ask(Request.newBuilder()
                .setCloseVolume(CloseVolume.newBuilder()
                        .setRequestId(cluster.newRequest())
                        .setVolume(volume.getId())
                        .setEpoch(volume.getEpoch()))
                .build());
    }

    // ---- volumes

    @Test
    void refusesAVolumeThatCouldNeverBeWritten() throws AshlarException {
        TestCluster cluster = TestCluster.of(2);
        assertThatThrownBy(() -> cluster.createVolume("disk0", "rs-4-2"))
                .isInstanceOf(AshlarException.Invalid.class)
                .hasMessageContaining("3 failure domains")
                .hasMessageContaining("has 2");
        assertThatThrownBy(() -> cluster.createVolume("bad name", "rs-1-1"))
                .hasMessageContaining("no name for a volume");
        assertThatThrownBy(() -> cluster.createVolume("disk0", "raid5"))
                .hasMessageContaining("unknown policy");
        cluster.createVolume("disk0", "rs-1-1");
        assertThatThrownBy(() -> cluster.createVolume("disk0", "rs-1-1"))
                .hasMessageContaining("exists already");
    }

    @Test
    void refusesOddSizesAndUnknownCompression() throws AshlarException {
        TestCluster cluster = TestCluster.of(6);
        for (long size : new long[] {0, 4095, -4096, 4097}) {
            assertThatThrownBy(() -> cluster.ask(volume(size, "none")))
                    .hasMessageContaining("multiple of 4096");
        }
        for (String compression : List.of("", "lz4", "zstd:0", "zstd:20", "zstd")) {
            assertThatThrownBy(() -> cluster.ask(volume(4096, compression)))
                    .hasMessageContaining("unknown compression");
        }
        cluster.ask(volume(4096, "zstd:19"));
    }

    private static Request volume(long sizeBytes, String compression) {
        return Request.newBuilder()
                .setCreateVolume(CreateVolume.newBuilder()
                        .setRequestId(9)
                        .setName("odd")
                        .setSizeBytes(sizeBytes)
                        .setPolicy("rs-4-2")
                        .setCompression(compression))
                .build();
    }

    @Test
    void letsAnotherInOnlyWhenTheLeaseHasRunOutOrByForce() throws AshlarException {
        TestCluster cluster = TestCluster.of(6);
        cluster.createVolume("disk0", "rs-4-2");
        VolumeInfo first = cluster.open("disk0", "first", false).getVolume();
        assertThat(first.getEpoch()).isEqualTo(1);
        assertThatThrownBy(() -> cluster.open("disk0", "second", false))
                .isInstanceOf(AshlarException.Unavailable.class)
                .hasMessageContaining("held by first");

        for (int i = 0; i < 5; i++) {
            cluster.loop.passMillis(3000);
            renew(cluster, first);
        }
        assertThat(get(cluster, "disk0").getRenewals()).isEqualTo(5);
        assertThatThrownBy(() -> cluster.open("disk0", "second", false))
                .hasMessageContaining("held by first");

        VolumeInfo stolen = cluster.open("disk0", "thief", true).getVolume();
        assertThat(stolen.getEpoch()).isEqualTo(2);
        assertThatThrownBy(() -> renew(cluster, first)).isInstanceOf(AshlarException.Fenced.class);

        cluster.loop.passMillis(5001);
        assertThat(get(cluster, "disk0").getLeaseMillis()).isZero();
        assertThat(cluster.open("disk0", "second", false).getVolume().getEpoch())
                .isEqualTo(3);
    }

    @Test
    void countsALeaseAsRenewedWhenACoordinatorStarts() throws AshlarException {
        TestCluster cluster = TestCluster.of(6);
        cluster.createVolume("disk0", "rs-4-2");
        VolumeInfo held = cluster.open("disk0", "first", false).getVolume();
        cluster.loop.passMillis(4900);
        cluster.restartCoordinator();
        cluster.loop.passMillis(4900);
        assertThatThrownBy(() -> cluster.open("disk0", "second", false))
                .hasMessageContaining("held by first");
        renew(cluster, held);
        close(cluster, held);
        assertThat(get(cluster, "disk0").getHolder()).isEmpty();
        assertThat(cluster.open("disk0", "second", false).getVolume().getEpoch())
                .isEqualTo(2);
    }

    @Test
    void answersARepeatedOpenOnceAndOpensOnce() throws AshlarException {
        TestCluster cluster = TestCluster.of(6);
        cluster.createVolume("disk0", "rs-4-2");
        Request open = Request.newBuilder()
                .setOpenVolume(io.ashlar.client.protocol.OpenVolume.newBuilder()
                        .setRequestId(77)
                        .setName("disk0")
                        .setHolder("first"))
                .build();
        VolumeOpened once = cluster.ask(open).getVolumeOpened();
        VolumeOpened again = cluster.ask(open).getVolumeOpened();
        assertThat(again.getVolume().getEpoch()).isEqualTo(once.getVolume().getEpoch());
    }

    @Test
    void refusesToDeleteWhatIsHeldAndGivesBackWhatIsNot() throws AshlarException {
        TestCluster cluster = TestCluster.of(6);
        cluster.createVolume("disk0", "rs-4-2");
        VolumeInfo held = cluster.open("disk0", "first", false).getVolume();
        for (int i = 0; i < 3; i++) {
            cluster.sealedSegment(held);
        }
        assertThatThrownBy(() -> delete(cluster, "disk0")).hasMessageContaining("held by first");
        close(cluster, held);
        delete(cluster, "disk0");
        assertThatThrownBy(() -> get(cluster, "disk0"))
                .isInstanceOf(AshlarException.NotFound.class);
        cluster.passSeconds(3);
        for (TestNode node : cluster.nodes.values()) {
            assertThat(node.shards).isEmpty();
            assertThat(cluster.metadata().doomedOn(node.drive, 1)).isEmpty();
        }
        assertThat(cluster.metadata().deletedVolumes()).isEmpty();
        cluster.createVolume("disk0", "rs-4-2");
        assertThat(cluster.metadata().segmentCounts().get("rs-4-2")).isZero();
    }

    // ---- segments

    @Test
    void keepsATombstoneUntilTheNodeIsBack() throws AshlarException {
        TestCluster cluster = TestCluster.of(6);
        cluster.createVolume("disk0", "rs-4-2");
        VolumeInfo held = cluster.open("disk0", "first", false).getVolume();
        Segment segment = cluster.sealedSegment(held);
        TestNode away = cluster.nodeOf(segment, 0);
        away.kill();
        close(cluster, held);
        delete(cluster, "disk0");
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
        assertThatThrownBy(() -> close(cluster, old)).isInstanceOf(AshlarException.Fenced.class);
        assertThatThrownBy(() -> renew(cluster, old)).isInstanceOf(AshlarException.Fenced.class);
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
        assertThat(get(cluster, "disk0").getSegments()).isEqualTo(1);
        assertThat(get(cluster, "disk0").getStoredBytes()).isEqualTo(3 * TestCluster.SHARD_BYTES);
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
        assertThat(get(cluster, "disk0").getSegments()).isEqualTo(1);
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
        assertThatThrownBy(() -> avoiding(cluster, held, "n1", "n2", "n3", "n4"))
                .isInstanceOf(AshlarException.Unavailable.class)
                .hasMessageContaining("3 failure domains");
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
        assertThat(renewed(cluster, held).getRollList()).isEmpty();
        cluster.nodeOf(segment, 2).kill();
        cluster.passSeconds(4);
        renew(cluster, held);
        cluster.passSeconds(1);
        assertThat(renewed(cluster, held).getRollList()).containsExactly(segment.getId());
    }

    // ---- nodes

    @Test
    void showsADeadNodeWithinFiveSeconds() throws AshlarException {
        TestCluster cluster = TestCluster.of(6);
        cluster.passSeconds(2);
        assertThat(cluster.status().getHealth()).isEqualTo(Health.OK);
        cluster.node("n3").kill();
        cluster.passSeconds(5);
        assertThat(cluster.status().getNodesList())
                .filteredOn(node -> node.getId().equals("n3"))
                .first()
                .satisfies(node -> {
                    assertThat(node.getState()).isEqualTo("down");
                    assertThat(node.getReason()).contains("no heartbeat");
                });
        assertThat(events(cluster)).anySatisfy(event -> {
            assertThat(event.getSubject()).isEqualTo("node n3");
            assertThat(event.getText()).contains("-> down: no heartbeat");
        });
        cluster.restartCoordinator();
        assertThat(cluster.status().getNodesList())
                .filteredOn(node -> node.getState().equals("down"))
                .hasSize(1);
        cluster.node("n3").start();
        cluster.passSeconds(1);
        assertThat(cluster.status().getNodesList())
                .allMatch(node -> node.getState().equals("up"));
    }

    @Test
    void takesNobodyForDeadAfterAPauseOfItsOwn() throws AshlarException {
        TestCluster cluster = TestCluster.of(6);
        cluster.createVolume("disk0", "rs-4-2");
        cluster.open("disk0", "first", false);
        cluster.passSeconds(2);
        cluster.loop.pauseMillis(30_000);
        cluster.loop.settle();
        assertThat(cluster.status().getNodesList())
                .allMatch(node -> node.getState().equals("up"));
        assertThatThrownBy(() -> cluster.open("disk0", "second", false))
                .hasMessageContaining("held by first");
        cluster.passSeconds(2);
        cluster.node("n1").kill();
        cluster.passSeconds(5);
        assertThat(cluster.status().getNodesList())
                .filteredOn(node -> node.getState().equals("down"))
                .hasSize(1);
    }

    @Test
    void givesAnOrderThatFailedAgainAfterAWhile() throws AshlarException {
        TestCluster cluster = TestCluster.of(6);
        cluster.createVolume("disk0", "rs-4-2");
        VolumeInfo held = cluster.open("disk0", "first", false).getVolume();
        Segment segment = cluster.openSegment(held, cluster.createSegment(held));
        TestNode node = cluster.nodeOf(segment, 1);
        node.failSeals(true);
        cluster.seal(held, TestCluster.sealOf(segment));
        for (int i = 0; i < 100; i++) {
            cluster.heartbeats();
        }
        assertThat(node.ordered).hasSize(1);
        node.failSeals(false);
        cluster.passSeconds(7);
        assertThat(node.shards.values()).allMatch(ShardState::getSealed);
    }

    private static List<Event> events(TestCluster cluster) throws AshlarException {
        return cluster.ask(Request.newBuilder()
                        .setGetEvents(GetEvents.newBuilder().setMax(1000))
                        .build())
                .getEvents()
                .getEventsList();
    }

    @Test
    void keepsShardsThatNobodyKnows() throws AshlarException {
        TestCluster cluster = TestCluster.of(6);
        TestNode node = cluster.addNode("n7", "");
        ShardRef stranger = ShardRef.newBuilder()
                .setSegment(new SegmentId(1, 2).toProto())
                .setIncarnation(3)
                .setDrive(node.drive.toProto())
                .build();
        node.shards.put(stranger, ShardState.newBuilder().setShard(stranger).build());
        node.register();
        cluster.passSeconds(3);
        assertThat(node.shards).containsKey(stranger);
        assertThat(node.ordered).isEmpty();
        assertThat(cluster.status().getNodesList())
                .anyMatch(status -> status.getReason().contains("1 unknown shards"));
        assertThat(events(cluster)).anyMatch(event -> event.getText().contains("no segment names"));
    }

    @Test
    void asksANodeItDoesNotKnowToRegister() throws AshlarException {
        TestCluster cluster = TestCluster.of(3);
        cluster.restartCoordinator();
        int before = cluster.metadata().nodes().size();
        cluster.heartbeats();
        assertThat(cluster.metadata().nodes()).hasSize(before);
        cluster.createVolume("disk0", "rs-4-2");
        VolumeInfo held = cluster.open("disk0", "first", false).getVolume();
        assertThat(cluster.createSegment(held).getPlacementsCount()).isEqualTo(6);
    }

    @Test
    void givesAnOrderAgainUntilItsResultHasCome() throws AshlarException {
        TestCluster cluster = TestCluster.of(6);
        cluster.createVolume("disk0", "rs-4-2");
        VolumeInfo held = cluster.open("disk0", "first", false).getVolume();
        Segment segment = cluster.openSegment(held, cluster.createSegment(held));
        TestNode node = cluster.nodeOf(segment, 1);
        node.setObedient(false);
        cluster.seal(held, TestCluster.sealOf(segment));
        cluster.passSeconds(3);
        assertThat(node.ordered).hasSize(3);
        assertThat(node.ordered)
                .extracting(Order::getId)
                .containsOnly(node.ordered.getFirst().getId());
        node.setObedient(true);
        cluster.passSeconds(3);
        assertThat(node.ordered).hasSize(4);
    }
}
