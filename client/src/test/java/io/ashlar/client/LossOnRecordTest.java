package io.ashlar.client;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.ashlar.client.fake.FakeCluster;
import io.ashlar.client.fake.FakeLoop;
import io.ashlar.client.model.Policy;
import io.ashlar.client.protocol.BlockRange;
import io.ashlar.client.protocol.LostStripes;
import io.ashlar.client.protocol.RecordLoss;
import io.ashlar.client.protocol.Request;
import io.ashlar.client.protocol.SegmentSeal;

import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;

import java.util.ArrayList;
import java.util.List;
import java.util.Set;
import java.util.SplittableRandom;
import java.util.TreeSet;
import java.util.stream.Collectors;

/** Whatever an opening finds lost is told to the coordinator, and nothing is lost that may come back. */
class LossOnRecordTest {
    private static final int STRIPE_BLOCKS = 16;
    private static final int NODES = 6;
    private static final int BLOCKS = 1024;

    private final SplittableRandom random = new SplittableRandom(7);
    private final FakeLoop loop = new FakeLoop();
    private final FakeCluster cluster =
            new FakeCluster(loop, random, NODES, new Policy(4, 2), BLOCKS * 4096L);
    private final Set<Integer> holders = new TreeSet<>();
    private final List<LostStripes> sealed = new ArrayList<>();
    private final List<RecordLoss> replayed = new ArrayList<>();
    private final List<Long> lostByRoot = new ArrayList<>();
    private TestClient client = newClient();

    private TestClient newClient() {
        return new TestClient(loop, cluster, random, ClientConfig.DEFAULT);
    }

    @AfterEach
    void endClient() {
        client.kill();
    }

    /** Two stripes: the second one says that the first one was acknowledged. */
    private void writeAndDie(int blocks) {
        cluster.watch((to, request, bulk) -> {
            if (request.hasAppendCell() && request.getAppendCell().getOffset() == 0) {
                holders.add(to);
            }
        });
        Volume volume = client.open();
        client.write(volume, 0, bytes(blocks));
        client.write(volume, STRIPE_BLOCKS, bytes(STRIPE_BLOCKS));
        client.kill();
        cluster.watch((to, request, bulk) -> note(request));
        client = newClient();
    }

    private void note(Request request) {
        request.getSealSegments().getSealsList().stream()
                .map(SegmentSeal::getLostList)
                .forEach(sealed::addAll);
        if (request.hasRecordLoss()) {
            replayed.add(request.getRecordLoss());
        }
        if (request.hasCommitRoot()) {
            lostByRoot.add(request.getCommitRoot().getRoot().getLostBlocks());
        }
    }

    private byte[] bytes(int blocks) {
        byte[] bytes = new byte[blocks * 4096];
        random.nextBytes(bytes);
        return bytes;
    }

    private Set<String> namesOfHolders() {
        return holders.stream().map(node -> "n" + node).collect(Collectors.toSet());
    }

    @Test
    void aTakeoverNamesTheBlocksOfAStripeThatCannotBeDecoded() {
        writeAndDie(STRIPE_BLOCKS);
        for (int node = 0; node < 3; node++) {
            cluster.eraseFirstRecords(node);
        }
        Volume next = client.open();
        assertThat(sealed).hasSize(1);
        LostStripes lost = sealed.getFirst();
        assertThat(lost.getFirst()).isZero();
        assertThat(lost.getCount()).isEqualTo(1);
        assertThat(lost.getOffset()).isZero();
        assertThat(lost.getHeadless()).isFalse();
        assertThat(lost.getBlocksList())
                .containsExactly(BlockRange.newBuilder().setCount(STRIPE_BLOCKS).build());
        assertThat(lost.getReason()).isEqualTo("3 of its 6 cells are left, 4 are needed");
        assertThatThrownBy(() -> client.read(next, 0, 1)).hasMessageContaining("lost");
        assertThat(client.read(next, STRIPE_BLOCKS, 1)).hasSize(4096);

        loop.runFor(TestClient.SECOND);
        assertThat(lostByRoot).as("at once").containsExactly((long) STRIPE_BLOCKS);
        client.write(next, 0, bytes(STRIPE_BLOCKS));
        client.close(next);
        assertThat(lostByRoot.getLast()).isZero();
        assertThat(replayed).isEmpty();
    }

    @Test
    void aTakeoverSaysWhereNothingTellsWhatWasLost() {
        writeAndDie(STRIPE_BLOCKS);
        for (int node = 0; node < NODES; node++) {
            cluster.eraseFirstRecords(node);
        }
        Volume next = client.open();
        assertThat(sealed).hasSize(1);
        LostStripes lost = sealed.getFirst();
        assertThat(lost.getHeadless()).isTrue();
        assertThat(lost.getBlocksList()).isEmpty();
        assertThat(lost.getFirst()).isZero();
        assertThat(lost.getCount()).isEqualTo(1);
        assertThat(lost.getLengthBytes()).isPositive();
        assertThat(lost.getReason()).isEqualTo("no header of it is left");
        assertThat(client.stats(next).lostBlocks()).isEqualTo(BLOCKS - STRIPE_BLOCKS);
    }

    @Test
    void aReplayPutsWhatItFindsLostOnRecord() {
        writeAndDie(1);
        seal();
        for (int node = 0; node < NODES; node++) {
            cluster.eraseFirstRecords(node);
        }
        Volume next = client.open();
        assertThat(replayed).hasSize(1);
        assertThat(replayed.getFirst().getLosses(0).getSegment())
                .isEqualTo(cluster.segments().getFirst().getId());
        LostStripes lost = replayed.getFirst().getLosses(0).getLost(0);
        assertThat(lost.getHeadless()).isTrue();
        assertThat(lost.getCount()).isEqualTo(1);
        assertThat(lost.getReason()).isEqualTo("no header of it is left");
        assertThat(client.stats(next).lostBlocks()).isEqualTo(BLOCKS - STRIPE_BLOCKS);
        loop.runFor(TestClient.SECOND);
        assertThat(lostByRoot).containsExactly((long) BLOCKS - STRIPE_BLOCKS);
    }

    /** As a worker does it. */
    private void seal() {
        var _ = client.finish(() -> client.sealTail(cluster.abandoned()));
        assertThat(cluster.openSegments()).isZero();
        client.kill();
        client = newClient();
    }

    @Test
    void whatLiesInSealedSegmentsIsNotGivenUpWhileNodesMayComeBack() {
        writeAndDie(1);
        seal();
        assertThat(holders).hasSize(3);
        holders.forEach(cluster::kill);
        assertThatThrownBy(() -> client.finish(client::openGivingUp))
                .hasCauseInstanceOf(AshlarException.Unavailable.class)
                .hasMessageContaining("knows stripe 0 of segment")
                .hasMessageContaining("on node n" + holders.iterator().next())
                .hasMessageContaining("start these nodes again")
                .hasMessageContaining("--accept-loss --gone NODE");
        assertThat(replayed).isEmpty();
        assertThat(lostByRoot).isEmpty();

        Set<String> allButOne = namesOfHolders();
        allButOne.remove("n" + holders.iterator().next());
        assertThatThrownBy(() -> client.finish(() -> client.openWithout(allButOne)))
                .hasCauseInstanceOf(AshlarException.Unavailable.class);
        holders.forEach(cluster::start);
        Volume next = client.open();
        assertThat(client.stats(next).lostBlocks()).isZero();
    }

    @Test
    void whatOnlyNodesKnowOfThatAreGoneForGoodIsLostOnRecord() {
        writeAndDie(1);
        seal();
        holders.forEach(cluster::kill);
        Volume next = client.finish(() -> client.openWithout(namesOfHolders()));
        assertThat(replayed).hasSize(1);
        String reason = replayed.getFirst().getLosses(0).getLost(0).getReason();
        assertThat(reason).contains("which an operator says is gone for good");
        assertThat(namesOfHolders()).allMatch(name -> reason.contains("on node " + name));
        assertThat(client.stats(next).lostBlocks()).isEqualTo(BLOCKS - STRIPE_BLOCKS);
    }

    /** The map that says so was never saved. */
    @Test
    void whatASealDeclaredLostIsNotAskedForAgain() {
        writeAndDie(1);
        cluster.refuseRoots();
        holders.forEach(cluster::kill);
        Volume recovered = client.finish(client::openGivingUp);
        assertThat(sealed).hasSize(2);
        assertThat(sealed).allMatch(lost -> lost.getReason().startsWith("given up: "));
        assertThat(client.stats(recovered).lostBlocks()).isEqualTo(BLOCKS);
        client.kill();
        client = newClient();
        Volume next = client.open();
        assertThat(client.stats(next).lostBlocks())
                .as("but where a header tells which cells are missing")
                .isEqualTo(BLOCKS - STRIPE_BLOCKS);
        assertThat(replayed).as("it is on record already").isEmpty();
    }
}
