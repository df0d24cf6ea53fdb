package io.ashlar.coordinator;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.ashlar.client.AshlarException;
import io.ashlar.client.model.DriveId;
import io.ashlar.client.protocol.ClusterStatus;
import io.ashlar.client.protocol.CreateSegment;
import io.ashlar.client.protocol.Event;
import io.ashlar.client.protocol.GetEvents;
import io.ashlar.client.protocol.Health;
import io.ashlar.client.protocol.LeaseRenewed;
import io.ashlar.client.protocol.NodeStatus;
import io.ashlar.client.protocol.RenewLease;
import io.ashlar.client.protocol.Request;
import io.ashlar.client.protocol.Segment;
import io.ashlar.client.protocol.SlowDrive;
import io.ashlar.client.protocol.VolumeInfo;

import org.junit.jupiter.api.Test;

import java.util.List;
import java.util.Optional;

/** What becomes of drives that writers find slow. */
final class SlowDrivesTest extends RepairFixture {
    private static final int SEGMENTS = 30;

    private static void tellSlow(TestCluster cluster, VolumeInfo volume, DriveId drive)
            throws AshlarException {
        tell(cluster, volume, drive, false);
    }

    private static LeaseRenewed tell(
            TestCluster cluster, VolumeInfo volume, DriveId drive, boolean silent)
            throws AshlarException {
        Request renewal = Request.newBuilder()
                .setRenewLease(RenewLease.newBuilder()
                        .setVolume(volume.getId())
                        .setEpoch(volume.getEpoch())
                        .addSlow(SlowDrive.newBuilder()
                                .setDrive(drive.toProto())
                                .setAppendMicros(104_000)
                                .setOthersMicros(3_000)
                                .setSilent(silent)))
                .build();
        return cluster.ask(renewal).getLeaseRenewed();
    }

    /** Wanted by a writer that finds a drive slow. */
    private static Segment create(
            TestCluster cluster, VolumeInfo volume, DriveId slow, Optional<Segment> insteadOf)
            throws AshlarException {
        CreateSegment.Builder create = CreateSegment.newBuilder()
                .setRequestId(cluster.newRequest())
                .setVolume(volume.getId())
                .setEpoch(volume.getEpoch())
                .setShardBytes(TestCluster.SHARD_BYTES)
                .addAvoidDrives(slow.toProto());
        insteadOf.ifPresent(segment -> create.setInsteadOf(segment.getId()));
        return cluster.ask(Request.newBuilder().setCreateSegment(create).build())
                .getSegment();
    }

    private static NodeStatus statusOf(TestCluster cluster, String node) throws AshlarException {
        return cluster.status().getNodesList().stream()
                .filter(one -> one.getId().equals(node))
                .findFirst()
                .orElseThrow();
    }

    @Test
    void newSegmentsOfEveryVolumeAvoidThem() throws AshlarException {
        TestCluster cluster = TestCluster.of(7);
        VolumeInfo writer = held(cluster, "rs-4-2");
        cluster.createVolume("disk1", "rs-4-2");
        VolumeInfo other = cluster.open("disk1", "other", false).getVolume();
        tellSlow(cluster, writer, cluster.node("n3").drive);
        for (int i = 0; i < SEGMENTS; i++) {
            Segment segment = cluster.createSegment(other);
            assertThat(nodesOf(segment)).hasSize(6).doesNotContain("n3");
        }
    }

    @Test
    void redundancyComesFirst() throws AshlarException {
        TestCluster cluster = TestCluster.of(6);
        VolumeInfo writer = held(cluster, "rs-4-2");
        tellSlow(cluster, writer, cluster.node("n3").drive);
        for (int i = 0; i < SEGMENTS; i++) {
            Segment segment = cluster.createSegment(writer);
            assertThat(nodesOf(segment)).hasSize(6);
            assertThat(segment.getWeaker()).isFalse();
        }
    }

    @Test
    void lostShardsAreRebuiltOnOthers() throws AshlarException {
        for (int i = 0; i < 4; i++) {
            TestCluster cluster = TestCluster.of(8, DELAY);
            VolumeInfo writer = held(cluster, "rs-4-2");
            Segment segment = cluster.sealedSegment(writer);
            TestNode slow = spareOf(cluster, segment);
            tellSlow(cluster, writer, slow.drive);
            cluster.nodeOf(segment, i).failDrive("it does not sync");
            cluster.passSeconds(5);
            assertThat(nodesOf(cluster.segment(segment))).hasSize(6).doesNotContain(slow.id);
        }
    }

    @Test
    void theStatusSaysSinceWhenAndNothingWorse() throws AshlarException {
        TestCluster cluster = TestCluster.of(7);
        VolumeInfo writer = held(cluster, "rs-4-2");
        assertThat(cluster.status().getReasonsList()).isEmpty();
        tellSlow(cluster, writer, cluster.node("n3").drive);
        String since = statusOf(cluster, "n3").getReason();
        assertThat(since)
                .containsPattern(
                        "answers slowly since \\d{4}-.*Z: appends take 104 ms, those beside"
                                + " them 3 ms");
        cluster.passSeconds(5);
        tellSlow(cluster, writer, cluster.node("n3").drive);
        assertThat(statusOf(cluster, "n3").getReason()).isEqualTo(since);
        assertThat(statusOf(cluster, "n3").getState()).isEqualTo("up");
        assertThat(statusOf(cluster, "n2").getReason()).doesNotContain("slow");
        ClusterStatus status = cluster.status();
        assertThat(status.getHealth()).isEqualTo(Health.OK);
        assertThat(status.getReasonsList())
                .singleElement()
                .asString()
                .startsWith("node n3: answers slowly since ");
        assertThat(events(cluster)).filteredOn(text -> text.contains("slow")).hasSize(1);
    }

    @Test
    void areForgottenAMinuteAfterAnybodySaidSo() throws AshlarException {
        TestCluster cluster = TestCluster.of(7);
        VolumeInfo writer = held(cluster, "rs-4-2");
        for (int i = 0; i < 3; i++) {
            tellSlow(cluster, writer, cluster.node("n3").drive);
            cluster.passSeconds(50);
            assertThat(statusOf(cluster, "n3").getReason()).contains("slowly");
        }
        cluster.passSeconds(12);
        assertThat(cluster.status().getReasonsList()).isEmpty();
        assertThat(statusOf(cluster, "n3").getReason()).doesNotContain("slow");
        assertThat(events(cluster)).last().asString().contains("slow any more");
    }

    @Test
    void aWeakerSegmentIsNotSpreadToADriveThatDidNotAnswer() throws AshlarException {
        TestCluster cluster = TestCluster.of(5);
        VolumeInfo writer = held(cluster, "rs-4-2");
        Segment weaker = cluster.openSegment(writer, cluster.createSegment(writer));
        DriveId free = cluster.addNode("n6", "").drive;
        assertThat(tell(cluster, writer, free, true).getRollList()).isEmpty();
        assertThat(statusOf(cluster, "n6").getReason()).contains("it did not answer within 104 ms");
        cluster.passSeconds(4);
        assertThat(cluster.renewed(writer).getRollList()).isEmpty();
        cluster.passSeconds(3);
        assertThat(cluster.renewed(writer).getRollList()).containsExactly(weaker.getId());
        assertThat(tell(cluster, writer, free, false).getRollList())
                .as("redundancy comes before latency")
                .containsExactly(weaker.getId());
    }

    private static List<String> events(TestCluster cluster) throws AshlarException {
        return cluster
                .ask(Request.newBuilder()
                        .setGetEvents(GetEvents.newBuilder().setMax(1000))
                        .build())
                .getEvents()
                .getEventsList()
                .stream()
                .map(Event::getText)
                .toList();
    }

    @Test
    void aSegmentOnThemIsGivenUpForOneThatIsNoWeaker() throws AshlarException {
        TestCluster cluster = TestCluster.of(7);
        VolumeInfo writer = held(cluster, "rs-4-2");
        Segment open = cluster.openSegment(writer, cluster.createSegment(writer));
        TestNode slow = cluster.nodeOf(open, 2);
        Segment instead = create(cluster, writer, slow.drive, Optional.of(open));
        assertThat(nodesOf(instead)).hasSize(6).doesNotContain(slow.id);
    }

    @Test
    void aSegmentOnThemStaysWhereAnotherWouldBeWeaker() throws AshlarException {
        TestCluster cluster = TestCluster.of(6);
        VolumeInfo writer = held(cluster, "rs-4-2");
        Segment open = cluster.openSegment(writer, cluster.createSegment(writer));
        DriveId slow = cluster.nodeOf(open, 2).drive;
        assertThatThrownBy(() -> create(cluster, writer, slow, Optional.of(open)))
                .isInstanceOf(AshlarException.Unavailable.class)
                .hasMessageContaining("stays on slow drives");
        assertThat(cluster.get("disk0").getSegments()).as("none was made").isEqualTo(1);
        assertThat(nodesOf(create(cluster, writer, slow, Optional.empty())))
                .as("what is wanted anyhow is made")
                .hasSize(6);
    }

    /** It is on one slow drive; no other segment would be on none. */
    @Test
    void aSegmentIsNotGivenUpForOneOnAnotherSlowDrive() throws AshlarException {
        TestCluster cluster = TestCluster.of(7);
        VolumeInfo writer = held(cluster, "rs-4-2");
        Segment open = cluster.openSegment(writer, cluster.createSegment(writer));
        tellSlow(cluster, writer, spareOf(cluster, open).drive);
        DriveId slow = cluster.nodeOf(open, 2).drive;
        assertThatThrownBy(() -> create(cluster, writer, slow, Optional.of(open)))
                .isInstanceOf(AshlarException.Unavailable.class);
    }

    @Test
    void anotherDriveOfTheNodeTakesThePlaceOfASlowOne() throws AshlarException {
        TestCluster cluster = withDrives(6, 3);
        VolumeInfo writer = held(cluster, "rs-4-2");
        TestNode node = cluster.node("n3");
        tellSlow(cluster, writer, node.drive);
        for (int i = 0; i < SEGMENTS; i++) {
            Segment segment = cluster.createSegment(writer);
            assertThat(nodesOf(segment)).hasSize(6);
            assertThat(drivesOf(segment)).doesNotContain(node.drive);
        }
        assertThat(statusOf(cluster, "n3").getReason()).contains("drive /drive answers slowly");
    }

    @Test
    void aNodeOfWhichTwoAreSlowIsAvoidedAsAWhole() throws AshlarException {
        TestCluster cluster = withDrives(7, 3);
        VolumeInfo writer = held(cluster, "rs-4-2");
        TestNode node = cluster.node("n3");
        tellSlow(cluster, writer, node.drive);
        for (int i = 0; i < SEGMENTS; i++) {
            Segment segment =
                    create(cluster, writer, node.furtherDrives.getFirst(), Optional.empty());
            assertThat(nodesOf(segment)).hasSize(6).doesNotContain("n3");
        }
    }

    private static TestCluster withDrives(int nodeCount, int drivesPerNode) throws AshlarException {
        TestCluster cluster = TestCluster.of(nodeCount);
        for (TestNode node : cluster.nodes.values()) {
            for (int i = 1; i < drivesPerNode; i++) {
                node.furtherDrives.add(new DriveId(node.drive.high(), node.drive.low() + i));
            }
            node.register();
        }
        return cluster;
    }

    private static List<DriveId> drivesOf(Segment segment) {
        return segment.getPlacementsList().stream()
                .map(placement -> DriveId.of(placement.getShard().getDrive()))
                .toList();
    }
}
