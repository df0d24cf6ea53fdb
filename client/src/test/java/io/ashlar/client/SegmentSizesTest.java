package io.ashlar.client;

import static org.assertj.core.api.Assertions.assertThat;

import io.ashlar.client.fake.FakeCluster;
import io.ashlar.client.fake.FakeLoop;
import io.ashlar.client.model.Policy;
import io.ashlar.client.protocol.Placement;
import io.ashlar.client.protocol.Segment;

import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;

import java.util.ArrayList;
import java.util.List;
import java.util.SplittableRandom;

/** What a volume reserves on drives follows what is written to it. */
class SegmentSizesTest {
    private static final ClientConfig CONFIG = ClientConfig.DEFAULT;

    private final SplittableRandom random = new SplittableRandom(1);
    private final FakeLoop loop = new FakeLoop();
    private final FakeCluster cluster =
            new FakeCluster(loop, random, 7, new Policy(4, 2), 16 << 20);
    private TestClient client = newClient();

    private TestClient newClient() {
        return new TestClient(loop, cluster, random, CONFIG);
    }

    @AfterEach
    void endClient() {
        client.kill();
    }

    @Test
    void shardsStaySmallHoweverOftenAWriterDies() {
        for (int death = 0; death < 8; death++) {
            client.write(client.open(), 0, new byte[4096]);
            client.kill();
            client = newClient();
        }
        assertThat(cluster.segments())
                .hasSize(8)
                .extracting(Segment::getShardBytes)
                .containsOnly(CONFIG.firstShardBytes());
    }

    @Test
    void shardsGrowWithWhatIsWritten() {
        List<Long> sizes = new ArrayList<>();
        cluster.watch((to, request, bulk) -> {
            if (request.hasCreateSegment()) {
                sizes.add(request.getCreateSegment().getShardBytes());
            }
        });
        Volume volume = client.open();
        byte[] bytes = new byte[1 << 20];
        for (int i = 0; i < 300; i++) {
            client.write(volume, i % 16 * (bytes.length / 4096), bytes);
        }
        assertThat(sizes).isSorted().startsWith(CONFIG.firstShardBytes()).hasSizeLessThan(8);
        assertThat(sizes.getLast()).isGreaterThanOrEqualTo(8 * CONFIG.firstShardBytes());
    }

    /** Writing it over with zeros would take long, and what was sent waits for it. */
    @Test
    void aSegmentThatStripesWaitForIsSmall() {
        Volume volume = client.open();
        byte[] bytes = new byte[1 << 20];
        for (int i = 0; i < 300; i++) {
            client.write(volume, i % 16 * (bytes.length / 4096), bytes);
        }
        List<Segment> before = cluster.segments();
        String both = before.getLast().getPlacementsList().stream()
                .map(Placement::getNode)
                .filter(node -> before.get(before.size() - 2).getPlacementsList().stream()
                        .anyMatch(placement -> placement.getNode().equals(node)))
                .findFirst()
                .orElseThrow();
        cluster.kill(Integer.parseInt(both.substring(1)));
        client.write(volume, 0, bytes);
        assertThat(cluster.segments().get(before.size()).getShardBytes())
                .isEqualTo(CONFIG.firstShardBytes());
    }

    /** However small segments are to begin with. */
    @Test
    void aSegmentHasRoomForTheStripeThatWaitsForIt() {
        client.kill();
        client = new TestClient(
                loop,
                cluster,
                random,
                new ClientConfig(
                        CONFIG.hangBound(),
                        CONFIG.readTimeout(),
                        CONFIG.readPatience(),
                        CONFIG.recoveryTimeout(),
                        CONFIG.coordinatorTimeout(),
                        CONFIG.leaseRenewal(),
                        CONFIG.windowStripes(),
                        CONFIG.stripeBytes(),
                        CONFIG.maxWaitingBytes(),
                        CONFIG.maxTailStripes(),
                        CONFIG.mapLimits(),
                        64 << 10,
                        128 << 10));
        Volume volume = client.open();
        for (int i = 0; i < 4; i++) {
            client.write(volume, 0, new byte[CONFIG.stripeBytes()]);
        }
        assertThat(cluster.segments().getFirst().getShardBytes())
                .isGreaterThan(CONFIG.stripeBytes() / 4);
    }
}
