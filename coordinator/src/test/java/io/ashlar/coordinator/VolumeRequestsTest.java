package io.ashlar.coordinator;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.ashlar.client.AshlarException;
import io.ashlar.client.protocol.CreateVolume;
import io.ashlar.client.protocol.GetVolume;
import io.ashlar.client.protocol.Health;
import io.ashlar.client.protocol.Request;
import io.ashlar.client.protocol.Response;
import io.ashlar.client.protocol.VolumeInfo;
import io.ashlar.client.protocol.VolumeOpened;

import org.junit.jupiter.api.Test;

import java.util.List;
import java.util.concurrent.atomic.AtomicReference;

/** Volumes, their leases and their deletion. */
final class VolumeRequestsTest {
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
        assertThatThrownBy(() -> cluster.open("disk0", "first", false))
                .as("another process of the same name")
                .hasMessageContaining("held by first");

        for (int i = 0; i < 5; i++) {
            cluster.loop.passMillis(3000);
            cluster.renewed(first);
        }
        assertThat(cluster.get("disk0").getRenewals()).isEqualTo(5);
        assertThatThrownBy(() -> cluster.open("disk0", "second", false))
                .hasMessageContaining("held by first");

        VolumeInfo stolen = cluster.open("disk0", "thief", true).getVolume();
        assertThat(stolen.getEpoch()).isEqualTo(2);
        assertThatThrownBy(() -> cluster.renewed(first)).isInstanceOf(AshlarException.Fenced.class);

        cluster.loop.passMillis(5001);
        assertThat(cluster.get("disk0").getLeaseMillis()).isZero();
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
        cluster.renewed(held);
        cluster.close(held);
        assertThat(cluster.get("disk0").getHolder()).isEmpty();
        assertThat(cluster.open("disk0", "second", false).getVolume().getEpoch())
                .isEqualTo(2);
    }

    /** Also where no segment with a loss is left. */
    @Test
    void isDataLossUntilARootSaysThatNoBlockIsLostAnyMore() throws AshlarException {
        TestCluster cluster = TestCluster.of(6);
        cluster.createVolume("disk0", "rs-4-2");
        VolumeInfo held = cluster.open("disk0", "first", false).getVolume();
        cluster.commitRoot(held, 1, 0);
        assertThat(cluster.status().getHealth()).isEqualTo(Health.OK);

        cluster.commitRoot(held, 2, 17);
        assertThat(cluster.get("disk0").getLostBlocks()).isEqualTo(17);
        assertThat(cluster.status().getHealth()).isEqualTo(Health.DATA_LOSS);
        assertThat(cluster.status().getReasonsList())
                .containsExactly("volume disk0: 17 blocks are lost and read as errors; write them"
                        + " anew or restore them from a backup");
        cluster.restartCoordinator();
        cluster.heartbeats();
        assertThat(cluster.status().getHealth()).isEqualTo(Health.DATA_LOSS);

        cluster.commitRoot(held, 3, 0);
        assertThat(cluster.get("disk0").getLostBlocks()).isZero();
        assertThat(cluster.status().getHealth()).isEqualTo(Health.OK);
        assertThat(cluster.status().getReasonsList()).isEmpty();
    }

    /** Another replica may have let somebody else open the volume. */
    @Test
    void renewsOnlyWhereTheLogSaysThatItLeads() throws AshlarException {
        TestCluster cluster = TestCluster.withPeer(6);
        cluster.createVolume("disk0", "rs-4-2");
        VolumeInfo held = cluster.open("disk0", "first", false).getVolume();
        cluster.renewed(held);

        AtomicReference<Response> renewal = cluster.askLater(cluster.renewalOf(held));
        assertThat(renewal.get()).as("before the log was asked").isNull();
        cluster.log().depose();
        cluster.loop.passMillis(1_000);
        assertThat(renewal.get().getFailure().getNotLeader()).isTrue();
    }

    /** A later leader may have raised the epoch, or made what this one does not know. */
    @Test
    void refusesForGoodOnlyWhereTheLogSaysThatItLeads() throws AshlarException {
        TestCluster cluster = TestCluster.withPeer(6);
        cluster.createVolume("disk0", "rs-4-2");
        VolumeInfo held = cluster.open("disk0", "first", false).getVolume();
        Request ofALaterEpoch =
                cluster.renewalOf(held.toBuilder().setEpoch(held.getEpoch() + 1).build());
        assertThatThrownBy(() -> cluster.ask(ofALaterEpoch))
                .isInstanceOf(AshlarException.Fenced.class);
        assertThatThrownBy(() -> cluster.get("disk1")).isInstanceOf(AshlarException.NotFound.class);

        cluster.log().depose();
        AtomicReference<Response> renewal = cluster.askLater(ofALaterEpoch);
        AtomicReference<Response> unknown = cluster.askLater(Request.newBuilder()
                .setGetVolume(GetVolume.newBuilder().setName("disk1"))
                .build());
        cluster.loop.passMillis(1_000);
        assertThat(renewal.get().getFailure().getNotLeader()).isTrue();
        assertThat(unknown.get().getFailure().getNotLeader()).isTrue();
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
        assertThatThrownBy(() -> cluster.delete("disk0")).hasMessageContaining("held by first");
        cluster.close(held);
        cluster.delete("disk0");
        assertThatThrownBy(() -> cluster.get("disk0")).isInstanceOf(AshlarException.NotFound.class);
        cluster.passSeconds(3);
        for (TestNode node : cluster.nodes.values()) {
            assertThat(node.shards).isEmpty();
            assertThat(cluster.metadata().doomedOn(node.drive, 1)).isEmpty();
        }
        assertThat(cluster.metadata().anyDeletedVolume()).isNull();
        cluster.createVolume("disk0", "rs-4-2");
        assertThat(cluster.metadata().segmentCounts().get("rs-4-2")).isZero();
    }

    @Test
    void givesManyDeletedVolumesBackAtOnce() throws AshlarException {
        TestCluster cluster = TestCluster.of(6);
        for (int i = 0; i < 50; i++) {
            cluster.createVolume("disk" + i, "rs-4-2");
            cluster.delete("disk" + i);
        }
        cluster.passSeconds(1);
        assertThat(cluster.metadata().anyDeletedVolume()).isNull();
    }
}
