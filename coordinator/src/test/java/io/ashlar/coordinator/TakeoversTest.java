package io.ashlar.coordinator;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.ashlar.client.AshlarException;
import io.ashlar.client.protocol.AbandonedVolume;
import io.ashlar.client.protocol.ClusterStatus;
import io.ashlar.client.protocol.ErrorCode;
import io.ashlar.client.protocol.Health;
import io.ashlar.client.protocol.Order;
import io.ashlar.client.protocol.Request;
import io.ashlar.client.protocol.Response;
import io.ashlar.client.protocol.SealTail;
import io.ashlar.client.protocol.Segment;
import io.ashlar.client.protocol.SegmentState;
import io.ashlar.client.protocol.VolumeInfo;
import io.ashlar.client.protocol.VolumeOpened;

import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;

import java.util.ArrayList;
import java.util.HashSet;
import java.util.List;

/** What a dead writer leaves is sealed by a worker; what a living one has is not touched. */
final class TakeoversTest {
    /** A lease, as long again for whoever mounts the volume, and two heartbeats. */
    private static final int SEALED_WITHIN_SECONDS = 5 + 5 + 2;

    private TestCluster cluster = new TestCluster();

    @BeforeEach
    void start() throws AshlarException {
        cluster = TestCluster.of(6);
    }

    private VolumeInfo writer(String name) throws AshlarException {
        cluster.createVolume(name, "rs-4-2");
        return cluster.open(name, "writer", false).getVolume();
    }

    private Segment openSegment(VolumeInfo volume) throws AshlarException {
        return cluster.openSegment(volume, cluster.createSegment(volume));
    }

    private List<SealTail> orders() {
        List<SealTail> orders = new ArrayList<>();
        cluster.nodes.values().forEach(node -> orders.addAll(ordersTo(node)));
        return orders;
    }

    private static List<SealTail> ordersTo(TestNode node) {
        return node.ordered.stream()
                .filter(order -> order.getKindCase() == Order.KindCase.SEAL_TAIL)
                .map(Order::getSealTail)
                .toList();
    }

    private void obey(boolean obedient) {
        cluster.nodes.values().forEach(node -> node.setObedient(obedient));
    }

    private static AbandonedVolume left(VolumeInfo volume) {
        return AbandonedVolume.newBuilder()
                .setId(volume.getId())
                .setName(volume.getName())
                .setEpoch(volume.getEpoch())
                .build();
    }

    @Test
    void sealsWhatADeadWriterLeft() throws AshlarException {
        VolumeInfo dead = writer("disk0");
        Segment first = openSegment(dead);
        Segment second = openSegment(dead);
        cluster.passSeconds(9);
        assertThat(orders()).isEmpty();
        cluster.passSeconds(SEALED_WITHIN_SECONDS - 9);
        assertThat(orders())
                .containsOnly(SealTail.newBuilder().setVolume(left(dead)).build());
        assertThat(cluster.segment(first).getState()).isEqualTo(SegmentState.SEALED);
        assertThat(cluster.segment(second).getState()).isEqualTo(SegmentState.SEALED);
        VolumeInfo volume = cluster.get("disk0");
        assertThat(volume.getHolder()).isEmpty();
        assertThat(volume.getEpoch()).isEqualTo(dead.getEpoch() + 1);
        assertThat(cluster.status().getHealth()).isEqualTo(Health.OK);

        cluster.passSeconds(60);
        assertThat(cluster.get("disk0").getEpoch()).isEqualTo(dead.getEpoch() + 1);
    }

    @Test
    void leavesAWriterAloneThatRenewsItsLease() throws AshlarException {
        VolumeInfo volume = writer("disk0");
        openSegment(volume);
        for (int i = 0; i < 30; i++) {
            cluster.passSeconds(4);
            cluster.renewed(volume);
        }
        assertThat(orders()).isEmpty();
        cluster.sealAll(volume);
        cluster.close(volume);
        cluster.passSeconds(60);
        assertThat(orders()).isEmpty();
    }

    @Test
    void sealsWhatNobodyHoldsAndGivesTheNextMountTimeFirst() throws AshlarException {
        VolumeInfo failed = writer("disk0");
        Segment segment = openSegment(failed);
        cluster.close(failed);
        cluster.passSeconds(4);
        assertThat(orders()).isEmpty();
        cluster.passSeconds(4);
        assertThat(cluster.segment(segment).getState()).isEqualTo(SegmentState.SEALED);
    }

    @Test
    void refusesTheWorkerWhereSomebodyHasOpenedTheVolumeSince() throws AshlarException {
        VolumeInfo dead = writer("disk0");
        openSegment(dead);
        List<VolumeOpened> remounts = new ArrayList<>();
        cluster.nodes
                .values()
                .forEach(node -> node.beforeTakeover(
                        () -> remounts.add(cluster.open("disk0", "remount", false))));
        cluster.passSeconds(SEALED_WITHIN_SECONDS);
        assertThat(orders()).hasSize(1);
        VolumeInfo remounted = remounts.getFirst().getVolume();
        for (int i = 0; i < 10; i++) {
            cluster.renewed(remounted);
            cluster.passSeconds(4);
        }
        assertThat(orders()).hasSize(1);
        assertThat(cluster.get("disk0").getEpoch()).isEqualTo(remounted.getEpoch());
        assertThat(cluster.get("disk0").getHolder()).isEqualTo("remount");
    }

    @Test
    void refusesTheWorkerWhereTheWriterHasRenewedSince() throws AshlarException {
        VolumeInfo paused = writer("disk0");
        openSegment(paused);
        cluster.nodes.values().forEach(node -> node.beforeTakeover(() -> cluster.renewed(paused)));
        cluster.passSeconds(SEALED_WITHIN_SECONDS);
        assertThat(orders()).hasSize(1);
        cluster.renewed(paused);
        openSegment(paused);
        assertThat(cluster.get("disk0").getEpoch()).isEqualTo(paused.getEpoch());
    }

    @Test
    void refusesTheWorkerWhereTheNameIsAnotherVolumes() throws AshlarException {
        VolumeInfo deleted = writer("disk0");
        cluster.close(deleted);
        cluster.delete("disk0");
        VolumeInfo other = writer("disk0");
        cluster.close(other);
        assertThat(other.getEpoch()).isEqualTo(deleted.getEpoch());
        assertThatThrownBy(() -> cluster.openAbandoned(left(deleted), "worker"))
                .isInstanceOf(AshlarException.Fenced.class);
        cluster.openAbandoned(left(other), "worker");
    }

    /** Either it is told that it has the lease, or it loses the volume: never both. */
    @Test
    void letsARenewalWaitForTheTakeoverThatIsUnderWay() throws AshlarException {
        VolumeInfo first = writer("disk0");
        cluster.loop.passMillis(11_000);
        List<Response> tooLate = cluster.askTogether(
                cluster.openingOf(left(first), "worker"), cluster.renewalOf(first));
        assertThat(tooLate.get(0).hasVolumeOpened()).isTrue();
        assertThat(tooLate.get(1).getFailure().getCode()).isEqualTo(ErrorCode.FENCED);

        cluster.loop.passMillis(6_000);
        VolumeInfo second = cluster.open("disk0", "second", false).getVolume();
        cluster.loop.passMillis(11_000);
        List<Response> inTime = cluster.askTogether(
                cluster.renewalOf(second), cluster.openingOf(left(second), "worker"));
        assertThat(inTime.get(0).hasLeaseRenewed()).isTrue();
        assertThat(inTime.get(1).getFailure().getCode()).isEqualTo(ErrorCode.UNAVAILABLE);
    }

    @Test
    void answersARepeatedOpeningOfTheWorkerOnce() throws AshlarException {
        VolumeInfo dead = writer("disk0");
        openSegment(dead);
        cluster.loop.passMillis(11_000);
        Request opening = cluster.openingOf(left(dead), "worker");
        VolumeOpened once = cluster.ask(opening).getVolumeOpened();
        cluster.restartCoordinator();
        VolumeOpened again = cluster.ask(opening).getVolumeOpened();
        assertThat(again.getVolume().getEpoch()).isEqualTo(once.getVolume().getEpoch());
    }

    @Test
    void asksAnotherNodeWhereOneDies() throws AshlarException {
        Segment segment = openSegment(writer("disk0"));
        obey(false);
        cluster.passSeconds(SEALED_WITHIN_SECONDS);
        TestNode chosen = cluster.nodes.values().stream()
                .filter(node -> !ordersTo(node).isEmpty())
                .findFirst()
                .orElseThrow();
        chosen.kill();
        cluster.passSeconds(8);
        assertThat(new HashSet<>(orders())).hasSize(1);
        assertThat(cluster.nodes.values().stream()
                        .filter(node -> !ordersTo(node).isEmpty())
                        .count())
                .isEqualTo(2);
        obey(true);
        cluster.passSeconds(2);
        assertThat(cluster.segment(segment).getState()).isEqualTo(SegmentState.SEALED);
    }

    @Test
    void givesOneOrderToANodeAtATime() throws AshlarException {
        for (int i = 0; i < 9; i++) {
            openSegment(writer("disk" + i));
        }
        obey(false);
        cluster.passSeconds(SEALED_WITHIN_SECONDS);
        assertThat(new HashSet<>(orders())).hasSize(6);
        for (TestNode node : cluster.nodes.values()) {
            assertThat(new HashSet<>(ordersTo(node))).hasSize(1);
        }
        obey(true);
        cluster.passSeconds(5);
        assertThat(new HashSet<>(orders())).hasSize(9);
        assertThat(cluster.metadata().unsealedVolumes()).isEmpty();
    }

    @Test
    void reportsATakeoverThatIsBlockedUntilItIsDecided() throws AshlarException {
        openSegment(writer("disk0"));
        cluster.nodes
                .values()
                .forEach(node -> node.blockTakeovers("stripe 3 may have been acknowledged"));
        cluster.passSeconds(SEALED_WITHIN_SECONDS + 1);
        assertBlocked();
        assertThat(cluster.get("disk0").getBlocked()).contains("stripe 3");
        cluster.restartCoordinator();
        cluster.heartbeats();
        assertBlocked();

        int before = orders().size();
        cluster.passSeconds(600);
        assertThat(orders().size() - before).isBetween(8, 18);
        assertBlocked();
        cluster.nodes.values().forEach(node -> node.blockTakeovers(""));
        TestNode returning = cluster.node("n6");
        returning.kill();
        cluster.passSeconds(5);
        returning.start();
        cluster.passSeconds(SEALED_WITHIN_SECONDS);
        assertThat(cluster.metadata().unsealedVolumes()).isEmpty();
        assertThat(cluster.status().getHealth()).isEqualTo(Health.OK);
        assertThat(cluster.status().getReasonsList()).isEmpty();
        assertThat(cluster.get("disk0").getBlocked()).isEmpty();
    }

    private void assertBlocked() throws AshlarException {
        ClusterStatus status = cluster.status();
        assertThat(status.getHealth()).isEqualTo(Health.AT_RISK);
        assertThat(status.getReasonsList())
                .anySatisfy(reason -> assertThat(reason)
                        .contains("volume disk0 is blocked")
                        .contains("stripe 3 may have been acknowledged")
                        .contains("volume recover disk0 --accept-loss"));
    }

    @Test
    void reportsATakeoverThatFailsAgainAndAgain() throws AshlarException {
        openSegment(writer("disk0"));
        cluster.nodes
                .values()
                .forEach(node -> node.beforeTakeover(() -> {
                    throw new AshlarException.Unavailable("no route");
                }));
        cluster.passSeconds(SEALED_WITHIN_SECONDS);
        assertThat(cluster.status().getHealth()).isEqualTo(Health.OK);
        cluster.passSeconds(10);
        assertThat(cluster.status().getHealth()).isEqualTo(Health.AT_RISK);
        assertThat(cluster.status().getReasonsList())
                .anySatisfy(reason -> assertThat(reason).contains("disk0").contains("no route"));
        cluster.nodes.values().forEach(node -> node.beforeTakeover(() -> {}));
        cluster.passSeconds(60);
        assertThat(cluster.status().getHealth()).isEqualTo(Health.OK);
    }

    /** The new leader counts the lease as renewed; the old one's order finds nothing as it was. */
    @Test
    void waitsAnewAfterAChangeOfLeader() throws AshlarException {
        VolumeInfo dead = writer("disk0");
        Segment segment = openSegment(dead);
        obey(false);
        cluster.passSeconds(SEALED_WITHIN_SECONDS);
        int before = orders().size();
        assertThat(before).isPositive();
        cluster.restartCoordinator();
        assertThatThrownBy(() -> cluster.openAbandoned(left(dead), "worker of the old leader"))
                .isInstanceOf(AshlarException.Unavailable.class)
                .hasMessageContaining("held by writer");
        cluster.passSeconds(9);
        assertThat(orders()).hasSize(before);
        obey(true);
        cluster.passSeconds(4);
        assertThat(cluster.segment(segment).getState()).isEqualTo(SegmentState.SEALED);
    }

    @Test
    void forgetsAVolumeThatIsDeleted() throws AshlarException {
        VolumeInfo left = writer("disk0");
        openSegment(left);
        cluster.close(left);
        cluster.delete("disk0");
        cluster.passSeconds(60);
        assertThat(orders()).isEmpty();
        assertThat(cluster.status().getHealth()).isEqualTo(Health.OK);
    }
}
