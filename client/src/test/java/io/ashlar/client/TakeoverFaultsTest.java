package io.ashlar.client;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.ashlar.client.fake.FakeCluster;
import io.ashlar.client.fake.FakeLoop;
import io.ashlar.client.model.Policy;
import io.ashlar.client.protocol.Request;
import io.ashlar.client.protocol.SegmentState;

import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;

import java.nio.ByteBuffer;
import java.util.Arrays;
import java.util.HashSet;
import java.util.Set;
import java.util.SplittableRandom;

/** What an opening meets on the nodes while it recovers what a writer left. */
class TakeoverFaultsTest {
    private static final int STRIPE_BLOCKS = 16;

    private final SplittableRandom random = new SplittableRandom(1);
    private final FakeLoop loop = new FakeLoop();
    private final FakeCluster cluster = new FakeCluster(loop, random, 6, new Policy(4, 2), 4 << 20);
    private final Set<Integer> denying = new HashSet<>();
    private TestClient client = newClient();

    private TestClient newClient() {
        return new TestClient(loop, cluster, random, ClientConfig.DEFAULT);
    }

    @AfterEach
    void endClient() {
        client.kill();
    }

    /** Four of six cells are found, so the stripe is kept; then one more is, while it is decoded. */
    @Test
    void looksAtTheCellsAnewWhenTheyCannotBeDecodedAnyMore() {
        Volume volume = client.open();
        byte[] acknowledged = bytes(STRIPE_BLOCKS);
        client.write(volume, 0, acknowledged);
        cluster.slow(0, 60 * TestClient.SECOND);
        cluster.slow(1, 60 * TestClient.SECOND);
        var cut = volume.writeAsync(0, ByteBuffer.wrap(bytes(STRIPE_BLOCKS)));
        loop.runFor(TestClient.SECOND / 50);
        assertThat(cut).isNotDone();
        client.kill();
        cluster.slow(0, 0);
        cluster.slow(1, 0);

        Set<Integer> rotten = new HashSet<>();
        cluster.watch((to, request, bulk) -> {
            if (request.hasReadCell() && rotten.add(2)) {
                cluster.rotLastRecords(2);
            }
        });
        client = newClient();
        Volume next = client.open();
        assertThat(rotten).as("a cell was decoded").isNotEmpty();
        assertThat(client.read(next, 0, STRIPE_BLOCKS)).isEqualTo(acknowledged);
    }

    /** It is connected and never answers: the others are enough. */
    @Test
    void aHungNodeDoesNotHoldUpATakeover() {
        Volume volume = client.open();
        byte[] acknowledged = bytes(STRIPE_BLOCKS);
        client.write(volume, 0, acknowledged);
        client.kill();
        cluster.slow(3, 3600 * TestClient.SECOND);
        client = newClient();
        long begin = loop.nanoTime();
        Volume next = client.open();
        assertThat(client.read(next, 0, STRIPE_BLOCKS)).isEqualTo(acknowledged);
        assertThat(loop.nanoTime() - begin).isLessThan(30 * TestClient.SECOND);
    }

    @Test
    void aSealedShardWhoseDriveIsAbsentMayStillKnow() {
        Set<Integer> holders = watchHolders(0);
        Volume volume = client.open();
        byte[] written = bytes(1);
        client.write(volume, 0, written);
        cluster.refuseRoots();
        client.close(volume);
        assertThat(holders).hasSize(3);
        assertNothingIsDecidedWithout(holders);

        client = newClient();
        Volume next = client.open();
        assertThat(client.read(next, 0, 1)).isEqualTo(written);
        assertThat(client.stats(next).lostBlocks()).isZero();
    }

    /** Later stripes, and the end, are on other nodes: only the first one needs those that deny. */
    @Test
    void anOpenShardWhoseDriveIsAbsentMayStillKnow() {
        Set<Integer> holders = watchHolders(0);
        Volume volume = client.open();
        byte[] written = bytes(5);
        for (int block = 0; block < 5; block++) {
            client.write(
                    volume, block, Arrays.copyOfRange(written, block * 4096, (block + 1) * 4096));
        }
        client.kill();
        assertThat(holders).hasSize(3);
        assertNothingIsDecidedWithout(holders);
        assertThat(cluster.segments())
                .allMatch(segment -> segment.getState() != SegmentState.SEALED);

        client = newClient();
        Volume next = client.open();
        assertThat(client.read(next, 0, 5)).isEqualTo(written);
        assertThat(client.stats(next).lostBlocks()).isZero();
    }

    private void assertNothingIsDecidedWithout(Set<Integer> nodes) {
        cluster.watch((to, request, bulk) -> {
            if (denying.contains(to)) {
                throw new AshlarException.Invalid("drive 7 is not served here");
            }
        });
        denying.addAll(nodes);
        client = newClient();
        assertThatThrownBy(() -> client.open())
                .hasCauseInstanceOf(AshlarException.Unavailable.class)
                .hasMessageContaining("drive 7 is not served here");
        client.kill();
        denying.clear();
    }

    /** Learns which nodes are sent the stripe at this offset. */
    private Set<Integer> watchHolders(long offset) {
        Set<Integer> holders = new HashSet<>();
        cluster.watch((to, request, bulk) -> {
            if (request.getBodyCase() == Request.BodyCase.APPEND_CELL
                    && request.getAppendCell().getOffset() == offset) {
                holders.add(to);
            }
        });
        return holders;
    }

    private byte[] bytes(int blocks) {
        byte[] bytes = new byte[blocks * 4096];
        random.nextBytes(bytes);
        return bytes;
    }
}
