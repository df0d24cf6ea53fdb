package io.ashlar.client;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.ashlar.client.fake.FakeCluster;
import io.ashlar.client.fake.FakeLoop;
import io.ashlar.client.model.Policy;

import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;

import java.nio.ByteBuffer;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.SplittableRandom;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.atomic.AtomicInteger;

/** Reads while every node is slow: how many there are at a time, and when they end. */
class ReadBoundsTest {
    private static final int NODES = 6;
    private static final int BLOCKS = 1024;

    private final SplittableRandom random = new SplittableRandom(1);
    private final FakeLoop loop = new FakeLoop();
    private final FakeCluster cluster =
            new FakeCluster(loop, random, NODES, new Policy(4, 2), BLOCKS * 4096L);
    private TestClient client = newClient();
    private Volume volume = client.open();

    private TestClient newClient() {
        return new TestClient(loop, cluster, random, ClientConfig.DEFAULT);
    }

    @AfterEach
    void endClient() {
        client.kill();
    }

    /** An answer takes four seconds: in three none has come, and all that may be asked is asked. */
    @Test
    void noMoreThan256ReadsAnd4HedgesAreUnderWay() {
        byte[] image = bytes(BLOCKS);
        client.write(volume, 0, image);
        AtomicInteger reads = new AtomicInteger();
        AtomicInteger cellsForDecoding = new AtomicInteger();
        cluster.watch((to, request, bulk) -> {
            if (request.hasReadCell()) {
                (request.getReadCell().getHeader() ? cellsForDecoding : reads).incrementAndGet();
            }
        });
        slowAll(2 * TestClient.SECOND);
        byte[] found = new byte[image.length];
        List<CompletableFuture<Void>> all = new ArrayList<>();
        for (int block = 0; block < BLOCKS; block++) {
            all.add(volume.readAsync(
                    block * 4096L, ByteBuffer.wrap(found, block * 4096, 4096).slice()));
        }
        loop.runFor(3 * TestClient.SECOND);
        assertThat(all).noneMatch(CompletableFuture::isDone);
        assertThat(reads).hasValue(256);
        assertThat(cellsForDecoding.get()).as("of 4 decodes of 4 or 5 cells").isBetween(16, 20);
        all.forEach(read -> client.finish(() -> read));
        assertThat(found).isEqualTo(image);
    }

    /** It takes a minute for everything; each read asks others after what it usually takes. */
    @Test
    void oneSlowNodeIsNotWaitedFor() {
        byte[] image = bytes(64);
        client.write(volume, 0, image);
        cluster.slow(2, 60 * TestClient.SECOND);
        long begin = loop.nanoTime();
        assertThat(client.read(volume, 0, 64)).isEqualTo(image);
        assertThat(loop.nanoTime() - begin).isLessThan(TestClient.SECOND / 2);
        assertThat(client.stats(volume).degradedReads()).isPositive();
    }

    @Test
    void aReadOverLostBlocksFailsWhenAllOfItsPartsHaveEnded() {
        byte[] stored = bytes(1);
        client.write(volume, 0, bytes(1));
        client.write(volume, 1, stored);
        cluster.refuseRoots();
        client.close(volume);
        for (int node = 0; node < NODES; node++) {
            cluster.eraseFirstRecords(node);
        }
        client = newClient();
        volume = client.open();
        assertThat(client.stats(volume).lostBlocks()).isPositive();

        slowAll(TestClient.SECOND / 10);
        byte[] target = new byte[2 * 4096];
        CompletableFuture<Void> read = volume.readAsync(0, ByteBuffer.wrap(target));
        loop.runFor(TestClient.SECOND / 10);
        assertThat(read).isNotDone();
        assertThatThrownBy(() -> client.finish(() -> read))
                .hasCauseInstanceOf(AshlarException.Corrupt.class)
                .hasMessageContaining("block 0 is lost");
        assertThat(Arrays.copyOfRange(target, 4096, 8192)).isEqualTo(stored);
        Arrays.fill(target, (byte) 0);
        loop.runFor(TestClient.SECOND);
        assertThat(target).as("the target belongs to the caller again").containsOnly(0);
    }

    private void slowAll(long nanos) {
        for (int node = 0; node < NODES; node++) {
            cluster.slow(node, nanos);
        }
    }

    private byte[] bytes(int blocks) {
        byte[] bytes = new byte[blocks * 4096];
        random.nextBytes(bytes);
        return bytes;
    }
}
