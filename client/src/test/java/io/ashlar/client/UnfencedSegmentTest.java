package io.ashlar.client;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.ashlar.client.fake.FakeCluster;
import io.ashlar.client.fake.FakeLoop;
import io.ashlar.client.model.Policy;

import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;

import java.util.ArrayList;
import java.util.List;
import java.util.SplittableRandom;
import java.util.concurrent.CompletableFuture;
import java.util.function.IntConsumer;

/**
 * What was written lies sealed on three nodes, and the segment that is open on three others, none of
 * which answers.
 */
class UnfencedSegmentTest {
    private static final int BLOCKS = 4;
    private static final long LEASE = 5 * TestClient.SECOND;

    private final SplittableRandom random = new SplittableRandom(11);
    private final FakeLoop loop = new FakeLoop();
    private final FakeCluster cluster = new FakeCluster(loop, random, 6, new Policy(1, 2), 4 << 20);
    private final byte[] written = new byte[BLOCKS * 4096];
    private final List<String> givenUp = new ArrayList<>();
    private final TestClient former = newClient();
    private final TestClient client = newClient();
    private Volume volume;

    private TestClient newClient() {
        return new TestClient(loop, cluster, random, ClientConfig.DEFAULT);
    }

    @BeforeEach
    void openASegmentOnTheFirstNodes() {
        random.nextBytes(written);
        cluster.watch((to, request, bulk) -> request.getSealSegments()
                .getSealsList()
                .forEach(seal -> givenUp.add(seal.getGivenUp())));
        firstNodes(cluster::kill);
        Volume earlier = client.open();
        client.write(earlier, 0, written);
        client.close(earlier);
        firstNodes(cluster::start);
        volume = former.open();
        loop.runFor(3 * TestClient.SECOND);
        assertThat(cluster.openSegments()).isEqualTo(1);
        givenUp.clear();
    }

    @AfterEach
    void endClients() {
        former.kill();
        client.kill();
    }

    private static void firstNodes(IntConsumer action) {
        for (int node = 0; node < 3; node++) {
            action.accept(node);
        }
    }

    @Test
    void blocksAndSaysWhatHelps() {
        former.kill();
        firstNodes(cluster::kill);
        assertThatThrownBy(client::open)
                .hasCauseInstanceOf(AshlarException.Unavailable.class)
                .hasMessageContaining("cannot be fenced yet")
                .hasMessageContaining("n0:1; cannot connect to n1:1; cannot connect to n2:1")
                .hasMessageContaining("start one of these nodes again")
                .hasMessageContaining("does not run any more")
                .hasMessageContaining("--accept-loss");
        assertThat(cluster.openSegments()).isEqualTo(1);
        assertThat(givenUp).isEmpty();
    }

    @Test
    void isGivenUpOnRecordAndLosesNothingElse() {
        former.kill();
        firstNodes(cluster::kill);
        Volume next = client.finish(client::openGivingUp);
        assertThat(cluster.openSegments()).isZero();
        assertThat(givenUp).hasSize(1);
        assertThat(givenUp.getFirst())
                .contains("stripe 0 of segment", "may have been acknowledged", "shard 2");
        assertThat(client.read(next, 0, BLOCKS)).isEqualTo(written);
        assertThat(client.stats(next).lostBlocks()).isZero();
        client.write(next, 0, new byte[4096]);
        client.close(next);
        assertThat(client.read(client.open(), 0, 1)).containsOnly(0);
    }

    @Test
    void isGivenUpOnlyWhenItsWriterReadsNothingAnyMore() {
        assertThat(former.read(volume, 0, BLOCKS)).isEqualTo(written);
        former.hearCoordinator(false);
        firstNodes(cluster::kill);
        long began = loop.nanoTime();
        Volume next = client.finish(client::openGivingUp);
        assertThat(loop.nanoTime() - began).isBetween(LEASE, 2 * LEASE);
        client.write(next, 0, new byte[4096]);
        assertThatThrownBy(() -> former.read(volume, 0, 1))
                .hasCauseInstanceOf(AshlarException.Unavailable.class)
                .hasMessageContaining("lease on volume disk0 has lapsed");
    }

    @Test
    void nodesThatComeBackMeanwhileAreHeard() {
        byte[] last = new byte[4096];
        random.nextBytes(last);
        former.write(volume, 0, last);
        former.kill();
        firstNodes(cluster::kill);
        CompletableFuture<Volume> opening = client.openGivingUp();
        loop.runFor(TestClient.SECOND);
        cluster.start(1);
        loop.runUntil(opening::isDone, 60 * TestClient.SECOND);
        assertThat(client.read(opening.join(), 0, 1)).isEqualTo(last);
        assertThat(givenUp).containsExactly("");
    }

    @Test
    void whereItsNodesAnswerNothingIsWaitedFor() {
        former.kill();
        long began = loop.nanoTime();
        Volume next = client.finish(client::openGivingUp);
        assertThat(loop.nanoTime() - began).isLessThan(TestClient.SECOND);
        client.write(next, 0, new byte[4096]);
    }
}
