package io.ashlar.coordinator;

import static org.assertj.core.api.Assertions.assertThat;

import io.ashlar.client.AshlarException;
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
}
