package io.ashlar.coordinator;

import static org.assertj.core.api.Assertions.assertThat;

import io.ashlar.client.AshlarException;
import io.ashlar.client.protocol.Order;
import io.ashlar.client.protocol.Request;
import io.ashlar.client.protocol.Segment;
import io.ashlar.client.protocol.StartScrub;
import io.ashlar.client.protocol.VolumeInfo;

import org.junit.jupiter.api.Test;

/** What a scrub of the cluster asks of its nodes and says of them. */
final class ScrubTest extends RepairFixture {

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

    private static void startDeep(TestCluster cluster, String volume, String node)
            throws AshlarException {
        cluster.ask(Request.newBuilder()
                .setStartScrub(
                        StartScrub.newBuilder().setDeep(true).setVolume(volume).setNode(node))
                .build());
    }

    private static long comparisons(TestCluster cluster) {
        return cluster.nodes.values().stream()
                .flatMap(node -> node.ordered.stream())
                .filter(order -> order.getKindCase() == Order.KindCase.COMPARE)
                .map(Order::getId)
                .distinct()
                .count();
    }

    @Test
    void hasTheShardsOfEverySealedSegmentComparedOnce() throws AshlarException {
        TestCluster cluster = TestCluster.of(6);
        VolumeInfo held = held(cluster, "rs-4-2");
        for (int i = 0; i < 40; i++) {
            cluster.sealedSegment(held);
        }
        cluster.openSegment(held, cluster.createSegment(held));
        cluster.node("n3").setMismatches(1);
        cluster.ask(Request.newBuilder()
                .setStartScrub(StartScrub.getDefaultInstance())
                .build());
        cluster.passSeconds(3);
        assertThat(comparisons(cluster)).as("a plain scrub compares nothing").isZero();
        assertThat(cluster.scrub().getCorruptCells()).isZero();

        startDeep(cluster, "", "");
        cluster.passSeconds(6);
        assertThat(cluster.scrub().getState()).isEqualTo("idle");
        assertThat(comparisons(cluster)).isEqualTo(40);
        assertThat(cluster.scrub().getSegmentsCompared()).isEqualTo(40);
        assertThat(cluster.scrub().getSegmentsUncompared()).isZero();
        assertThat(cluster.scrub().getStripesDecoded()).isEqualTo(80);
        assertThat(cluster.scrub().getCorruptCells()).isPositive();
        for (TestNode node : cluster.nodes.values()) {
            assertThat(node.ordered)
                    .as("each does its part")
                    .anyMatch(order -> order.getKindCase() == Order.KindCase.COMPARE);
        }
    }

    @Test
    void comparesElsewhereWhatOneNodeDoesNotReach() throws AshlarException {
        TestCluster cluster = TestCluster.of(6);
        VolumeInfo held = held(cluster, "rs-4-2");
        for (int i = 0; i < 40; i++) {
            cluster.sealedSegment(held);
        }
        cluster.node("n3").setUnreached(1);
        startDeep(cluster, "", "");
        cluster.passSeconds(6);
        assertThat(cluster.scrub().getState()).isEqualTo("idle");
        assertThat(cluster.scrub().getSegmentsCompared()).isEqualTo(40);
        assertThat(cluster.scrub().getSegmentsUncompared()).isZero();

        cluster.nodes.values().forEach(node -> node.setUnreached(1));
        startDeep(cluster, "", "");
        cluster.passSeconds(12);
        assertThat(cluster.scrub().getSegmentsCompared()).isZero();
        assertThat(cluster.scrub().getSegmentsUncompared()).isEqualTo(40);
    }

    @Test
    void comparesOnlyWhatWasAskedFor() throws AshlarException {
        TestCluster cluster = TestCluster.of(8);
        Segment segment = cluster.sealedSegment(held(cluster, "rs-4-2"));
        cluster.createVolume("disk1", "rs-4-2");
        VolumeInfo other = cluster.open("disk1", "writer", true).getVolume();
        for (int i = 0; i < 3; i++) {
            cluster.sealedSegment(other);
        }
        startDeep(cluster, "disk0", "");
        cluster.passSeconds(3);
        assertThat(comparisons(cluster)).isEqualTo(1);
        assertThat(spareOf(cluster, segment).ordered)
                .noneMatch(order -> order.getKindCase() == Order.KindCase.COMPARE);
    }

    @Test
    void goesOnWithAnotherNodeAndAnotherLeader() throws AshlarException {
        TestCluster cluster = TestCluster.of(6);
        cluster.sealedSegment(held(cluster, "rs-4-2"));
        cluster.nodes.values().forEach(node -> node.setObedient(false));
        startDeep(cluster, "", "");
        cluster.passSeconds(2);
        cluster.restartCoordinator();
        cluster.passSeconds(2);
        TestNode worker = cluster.nodes.values().stream()
                .filter(node -> node.ordered.getLast().getKindCase() == Order.KindCase.COMPARE)
                .findFirst()
                .orElseThrow();
        worker.kill();
        cluster.nodes.values().forEach(node -> node.setObedient(true));
        cluster.passSeconds(8);
        assertThat(cluster.scrub().getState()).isEqualTo("idle");
        assertThat(cluster.scrub().getSegmentsCompared()).isEqualTo(1);
    }

    @Test
    void scrubsNothingOfAVolumeThatIsDeletedMeanwhile() throws AshlarException {
        TestCluster cluster = TestCluster.of(6);
        VolumeInfo held = held(cluster, "rs-4-2");
        cluster.sealedSegment(held);
        cluster.createVolume("disk1", "rs-4-2");
        cluster.sealedSegment(cluster.open("disk1", "writer", true).getVolume());
        cluster.ask(Request.newBuilder()
                .setStartScrub(StartScrub.newBuilder().setVolume("disk0"))
                .build());
        cluster.close(held);
        cluster.delete("disk0");
        cluster.heartbeats();
        assertThat(cluster.nodes.values())
                .allSatisfy(node -> assertThat(node.ordered)
                        .noneMatch(order -> order.getKindCase() == Order.KindCase.SCRUB));
        cluster.passSeconds(2);
        assertThat(cluster.scrub().getState()).isEqualTo("idle");
    }
}
