package io.ashlar.client;

import static org.assertj.core.api.Assertions.assertThat;

import io.ashlar.client.fake.FakeCluster;
import io.ashlar.client.fake.FakeLoop;
import io.ashlar.client.map.MapLimits;
import io.ashlar.client.model.Policy;
import io.ashlar.client.protocol.Request;

import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;

import java.nio.ByteBuffer;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.SplittableRandom;
import java.util.concurrent.CompletableFuture;

/** A volume whose map is in its log. */
class CheckpointTest {
    private static final int BLOCKS = 256;
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
            40,
            MapLimits.DEFAULT,
            64 * 1024,
            128 * 1024);

    /** Tables that fill after a few dozen scattered blocks. */
    private static final ClientConfig SMALL_TABLES = new ClientConfig(
            Duration.ofSeconds(1),
            Duration.ofSeconds(5),
            Duration.ofSeconds(15),
            Duration.ofSeconds(10),
            Duration.ofSeconds(15),
            Duration.ofSeconds(1),
            4,
            16 * 4096,
            1 << 20,
            40,
            new MapLimits(4 << 10, 64 << 10, 2, 4),
            64 * 1024,
            128 * 1024);

    private final SplittableRandom random = new SplittableRandom(3);
    private final FakeLoop loop = new FakeLoop();
    private final FakeCluster cluster =
            new FakeCluster(loop, random, 6, new Policy(4, 2), BLOCKS * 4096L);
    private final byte[] image = new byte[BLOCKS * 4096];
    private TestClient client = new TestClient(loop, cluster, random, CONFIG);
    private Volume volume = client.open();

    @AfterEach
    void endClient() {
        client.kill();
    }

    private void write(int firstBlock, int blockCount) {
        byte[] bytes = new byte[blockCount * 4096];
        random.nextBytes(bytes);
        System.arraycopy(bytes, 0, image, firstBlock * 4096, bytes.length);
        client.write(volume, firstBlock, bytes);
    }

    private void overwrite(int times) {
        for (int i = 0; i < times; i++) {
            for (int block = 0; block < BLOCKS; block += 8) {
                write(block, 8);
            }
        }
    }

    private void killAndReopen() {
        client.kill();
        client = new TestClient(loop, cluster, random, CONFIG);
        volume = client.open();
    }

    private void expectImage() {
        assertThat(Arrays.equals(client.read(volume, 0, BLOCKS), image)).isTrue();
    }

    @Test
    void anOverwrittenVolumeGivesItsSegmentsBack() {
        overwrite(10);
        long segments = cluster.segments().size();
        overwrite(60);
        assertThat(cluster.segments().size()).isLessThanOrEqualTo((int) (segments + 4));
        expectImage();
        killAndReopen();
        expectImage();
    }

    /** Each commits one root, when it closes the volume. */
    @Test
    void writersThatStayForAShortTimeGiveSegmentsBackToo() {
        int most = 0;
        for (int round = 0; round < 40; round++) {
            overwrite(1);
            if (round % 3 > 0) {
                client.close(volume);
            }
            killAndReopen();
            expectImage();
            most = round < 15 ? Math.max(most, segmentsWithStripes()) : most;
        }
        assertThat(segmentsWithStripes()).isLessThanOrEqualTo(most + 4);
    }

    /** The coordinator deletes those that are sealed without one. */
    private int segmentsWithStripes() {
        return (int) cluster.segments().stream()
                .filter(segment -> segment.getStripeCount() > 0)
                .count();
    }

    @Test
    void whatWasFreedIsMissedByNobodyWhoeverIsKilled() {
        for (int round = 0; round < 40; round++) {
            for (int i = 0; i < 30; i++) {
                int block = random.nextInt(BLOCKS - 4);
                write(block, 1 + random.nextInt(4));
            }
            killAndReopen();
            expectImage();
        }
    }

    @Test
    void openingReplaysOnlyWhatCameAfterTheLastCheckpoint() {
        overwrite(20);
        client.close(volume);
        int before = cluster.arrivals(Request.BodyCase.READ_HEADERS);
        client = new TestClient(loop, cluster, random, CONFIG);
        volume = client.open();
        assertThat(cluster.arrivals(Request.BodyCase.READ_HEADERS) - before)
                .as("headers read after a clean close")
                .isLessThanOrEqualTo(4);
        expectImage();
    }

    @Test
    void whoOnlyReadsWritesNothing() {
        overwrite(2);
        client.close(volume);
        int before = cluster.arrivals(Request.BodyCase.APPEND_CELL);
        for (int i = 0; i < 3; i++) {
            client = new TestClient(loop, cluster, random, CONFIG);
            volume = client.open();
            expectImage();
            client.close(volume);
        }
        assertThat(cluster.arrivals(Request.BodyCase.APPEND_CELL)).isEqualTo(before);
    }

    /** The first table to be written after the replay began lies before the unreadable roots. */
    @Test
    void anOlderRootServesAlsoWhereATableFillsBeforeTheNewestOnesPlace() {
        client.close(volume);
        client = new TestClient(loop, cluster, random, SMALL_TABLES);
        volume = client.open();
        for (int i = 0; i < 400; i++) {
            write(random.nextInt(BLOCKS), 1);
        }
        client.kill();
        cluster.damageNewestRoots(2);
        for (int round = 0; round < 3; round++) {
            client = new TestClient(loop, cluster, random, SMALL_TABLES);
            volume = client.open();
            expectImage();
            for (int i = 0; i < 400; i++) {
                write(random.nextInt(BLOCKS), 1);
            }
            expectImage();
            client.kill();
        }
    }

    @Test
    void closingEndsWhereNoCoordinatorAnswersAndTheLogIsFull() {
        write(0, 1);
        client.hearCoordinator(false);
        long shardBytes = cluster.segments().getLast().getShardBytes();
        long places = (shardBytes - shardBytes / 4) / 8192; // the rest is the map's
        for (int i = 1; i < places; i++) {
            write(i, 1);
        }
        client.close(volume);
        client.kill();
        client = new TestClient(loop, cluster, random, CONFIG);
        volume = client.open();
        expectImage();
    }

    /** The map's pages cannot be placed: what their segment lost is sealed by nobody. */
    @Test
    void closingEndsWhereNoCoordinatorAnswersAndANodeFails() {
        write(0, 8);
        client.hearCoordinator(false);
        cluster.kill(0);
        client.close(volume);
        reopenWithAllNodes();
        expectImage();
    }

    @Test
    void closingFailsWritesThatWaitForACoordinatorThatDoesNotAnswer() {
        write(0, 8);
        client.hearCoordinator(false);
        cluster.kill(0);
        CompletableFuture<Void> written =
                volume.writeAsync(16 * 4096, ByteBuffer.wrap(new byte[4096]));
        loop.runFor(20 * TestClient.SECOND);
        assertThat(written).isNotDone();
        client.close(volume);
        assertThat(written).isCompletedExceptionally();
        assertThat(written.exceptionNow())
                .isInstanceOf(AshlarException.Unavailable.class)
                .hasMessageContaining("is being closed");
        reopenWithAllNodes();
        expectImage();
    }

    /** Tables that fill are not let go before a coordinator has taken a root. */
    @Test
    void closingFailsWritesThatWaitForRoomInTheMap() {
        client.close(volume);
        client = new TestClient(loop, cluster, random, SMALL_TABLES);
        volume = client.open();
        write(0, 8);
        client.hearCoordinator(false);
        List<CompletableFuture<Void>> writes = new ArrayList<>();
        for (int i = 0; i < 12; i++) {
            for (int block = 0; block < BLOCKS; block += 2) {
                writes.add(volume.writeAsync(
                        block * 4096L, ByteBuffer.wrap(image, block * 4096, 4096)));
            }
            loop.runFor(TestClient.SECOND);
        }
        assertThat(writes).anyMatch(write -> !write.isDone());
        client.close(volume);
        assertThat(writes).allMatch(CompletableFuture::isDone);
        reopenWithAllNodes();
        expectImage();
    }

    private void reopenWithAllNodes() {
        client.kill();
        for (int node = 0; node < 6; node++) {
            if (!cluster.isUp(node)) {
                cluster.start(node);
            }
        }
        client = new TestClient(loop, cluster, random, CONFIG);
        volume = client.open();
    }

    @Test
    void whereTheNewestRootCannotBeReadAnOlderOneServes() {
        overwrite(10);
        client.close(volume);
        cluster.damageNewestRoots(1);
        client = new TestClient(loop, cluster, random, CONFIG);
        volume = client.open();
        expectImage();
        overwrite(2);
        killAndReopen();
        expectImage();
    }
}
