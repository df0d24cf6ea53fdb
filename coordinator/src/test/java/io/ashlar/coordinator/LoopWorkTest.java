package io.ashlar.coordinator;

import static org.assertj.core.api.Assertions.assertThat;

import io.ashlar.client.AshlarException;
import io.ashlar.client.protocol.Request;
import io.ashlar.client.protocol.Segment;
import io.ashlar.client.protocol.StartScrub;
import io.ashlar.client.protocol.VolumeInfo;

import org.junit.jupiter.api.Test;

/** How much the leader's one loop reads, as segments and nodes become many. */
final class LoopWorkTest extends RepairFixture {
    private static final int SEGMENTS = 1000;

    private static TestCluster withSegments(int nodes) throws AshlarException {
        TestCluster cluster = TestCluster.of(nodes);
        VolumeInfo held = held(cluster, "rs-4-2");
        for (int i = 0; i < SEGMENTS; i++) {
            Segment segment = cluster.openSegment(held, cluster.createSegment(held));
            cluster.seal(held, TestCluster.sealOf(segment));
        }
        cluster.passSeconds(6);
        return cluster;
    }

    @Test
    void aLookAtDamagedSegmentsReadsNodesOnce() throws AshlarException {
        TestCluster cluster = withSegments(20);
        cluster.node("n1").kill();
        cluster.passSeconds(15);
        long affected = cluster.status().getSegments().getBySurvivableLossesOrDefault(1, 0);
        assertThat(affected).isGreaterThan(SEGMENTS / 10);
        long before = cluster.reads();
        cluster.loop.passMillis(1000);
        assertThat(cluster.reads() - before)
                .as("two looks in a second")
                .isBetween(affected, 10 * affected);
    }

    @Test
    void anEndedComparisonLooksAtTheNextSegmentsOnly() throws AshlarException {
        TestCluster cluster = withSegments(6);
        cluster.ask(Request.newBuilder()
                .setStartScrub(StartScrub.newBuilder().setDeep(true))
                .build());
        cluster.heartbeats();
        long before = cluster.reads();
        cluster.node("n1").heartbeat();
        assertThat(cluster.node("n1").ordered).hasSizeGreaterThan(4);
        assertThat(cluster.reads() - before).isLessThan(2 * SEGMENTS);
    }
}
