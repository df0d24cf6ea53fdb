package io.ashlar.client;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import com.google.protobuf.ByteString;
import com.google.protobuf.InvalidProtocolBufferException;

import io.ashlar.client.fake.FakeCluster;
import io.ashlar.client.fake.FakeLoop;
import io.ashlar.client.map.MapLimits;
import io.ashlar.client.model.Policy;
import io.ashlar.client.protocol.MapPlace;
import io.ashlar.client.protocol.Request;

import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;

import java.time.Duration;
import java.util.SplittableRandom;
import java.util.function.IntConsumer;

/** The roots of a volume lie in the segment that its writer left open, and no node of it answers. */
class GivenUpRootTest {
    private static final int BLOCKS = 64;
    private static final int NODES = 6;
    private static final int STRIPES_BETWEEN_ROOTS = 20;
    private static final int ROOTS = 5;
    private static final int LARGE_SHARD = 8 << 20;
    private static final ClientConfig CONFIG = new ClientConfig(
            Duration.ofSeconds(1),
            Duration.ofSeconds(5),
            Duration.ofSeconds(15),
            Duration.ofSeconds(10),
            Duration.ofSeconds(15),
            Duration.ofSeconds(1),
            4,
            16 * 4096,
            1 << 20,
            STRIPES_BETWEEN_ROOTS,
            MapLimits.DEFAULT,
            LARGE_SHARD,
            LARGE_SHARD);

    private final SplittableRandom random = new SplittableRandom(5);
    private final FakeLoop loop = new FakeLoop();
    private final FakeCluster cluster =
            new FakeCluster(loop, random, NODES, new Policy(4, 2), BLOCKS * 4096L);
    private final TestClient former = new TestClient(loop, cluster, random, CONFIG);
    private final TestClient client = new TestClient(loop, cluster, random, CONFIG);
    private int roots;
    private long rootEndsAt;
    private long sealedAt;

    @AfterEach
    void endClients() {
        former.kill();
        client.kill();
    }

    /** It ends behind the place from which the map is replayed, as it is written after that. */
    @Test
    void theNewestRootIsNotGivenUp() {
        cluster.watch((to, request, bulk) -> note(request));
        Volume volume = former.open();
        while (roots < ROOTS) {
            for (int block = 0; block < BLOCKS; block++) {
                former.write(volume, block, new byte[4096]);
            }
        }
        former.kill();
        everyNode(cluster::kill);
        assertThatThrownBy(() -> client.finish(client::openGivingUp))
                .hasCauseInstanceOf(AshlarException.class);
        assertThat(sealedAt).isGreaterThanOrEqualTo(rootEndsAt);
        everyNode(cluster::start);
        Volume later = client.open();
        assertThat(client.read(later, 0, BLOCKS)).containsOnly(0);
        assertThat(client.stats(later).lostBlocks()).isZero();
    }

    private void note(Request request) {
        if (request.hasCommitRoot()) {
            roots++;
            rootEndsAt = endOf(request.getCommitRoot().getRoot().getMap());
        }
        request.getSealSegments()
                .getSealsList()
                .forEach(seal -> sealedAt = Math.max(sealedAt, seal.getSealedBytes()));
    }

    private static long endOf(ByteString root) {
        try {
            MapPlace place = MapPlace.parseFrom(root);
            return place.getOffset() + place.getHeaderBytes() + place.getCellBytes();
        } catch (InvalidProtocolBufferException e) {
            throw new IllegalStateException(e);
        }
    }

    private static void everyNode(IntConsumer action) {
        for (int node = 0; node < NODES; node++) {
            action.accept(node);
        }
    }
}
