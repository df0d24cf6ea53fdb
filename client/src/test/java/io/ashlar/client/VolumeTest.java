package io.ashlar.client;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.ashlar.client.cluster.Cluster;
import io.ashlar.client.cluster.CoordinatorCalls;
import io.ashlar.client.cluster.NodeHealth;
import io.ashlar.client.fake.FakeCluster;
import io.ashlar.client.fake.FakeLoop;
import io.ashlar.client.model.Policy;
import io.ashlar.client.protocol.Request;

import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;

import java.nio.ByteBuffer;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.SplittableRandom;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionException;
import java.util.function.Supplier;

class VolumeTest {
    private static final long SECOND = 1_000_000_000L;
    private static final int SIZE = 4 << 20;

    private final SplittableRandom random = new SplittableRandom(1);
    private final FakeLoop loop = new FakeLoop();
    private final FakeCluster cluster = new FakeCluster(loop, random, 6, new Policy(4, 2), SIZE);
    private FakeCluster.ClientTransport transport = cluster.newClient();
    private Volume volume = open();

    @AfterEach
    void endClient() {
        transport.kill();
        loop.runFor(10 * SECOND);
    }

    @Test
    void readsBackWhatWasWrittenAtAnyOffsetAndLength() {
        byte[] image = new byte[SIZE];
        for (int i = 0; i < 40; i++) {
            int block = random.nextInt(1000);
            byte[] bytes = randomBytes((1 + random.nextInt(24)) * 4096);
            System.arraycopy(bytes, 0, image, block * 4096, bytes.length);
            finish(() -> volume.writeAsync(block * 4096L, ByteBuffer.wrap(bytes)));
        }
        for (int i = 0; i < 200; i++) {
            int from = random.nextInt(SIZE);
            int length = random.nextInt(Math.min(SIZE - from, 100_000));
            assertThat(read(from, length))
                    .isEqualTo(Arrays.copyOfRange(image, from, from + length));
        }
    }

    @Test
    void blocksNeverWrittenReadAsZeroes() {
        assertThat(read(12_345, 10_000)).isEqualTo(new byte[10_000]);
    }

    @Test
    void zeroedBlocksReadAsZeroesAlsoAfterReopening() {
        write(0, randomBytes(64 * 4096));
        finish(() -> volume.zeroAsync(4096, 8192));
        byte[] before = read(0, 64 * 4096);
        assertThat(Arrays.copyOfRange(before, 4096, 12_288)).containsOnly(0);
        reopen();
        assertThat(read(0, 64 * 4096)).isEqualTo(before);
    }

    @Test
    void zeroesThatWaitAreBoundedAsWritesAre() {
        int most = Math.toIntExact(volume.maxWaitingBytes() / 4096);
        List<CompletableFuture<Void>> zeroes = new ArrayList<>();
        for (int i = 0; i < most + 100; i++) {
            zeroes.add(volume.zeroAsync((i % 1024) * 4096L, 4096));
        }
        assertThat(zeroes.subList(0, most)).noneMatch(CompletableFuture::isDone);
        assertThat(zeroes.subList(most, most + 100))
                .allMatch(refused -> refused.exceptionNow() instanceof AshlarException.Unavailable);
        assertThat(volume.writeAsync(0, ByteBuffer.allocate(4096))).isCompletedExceptionally();
        finish(() -> zeroes.get(most - 1));
        assertThat(zeroes.subList(0, most)).noneMatch(CompletableFuture::isCompletedExceptionally);
        finish(() -> volume.zeroAsync(0, SIZE));
    }

    @Test
    void readsThroughTwoLostShards() {
        byte[] bytes = randomBytes(1 << 20);
        write(0, bytes);
        cluster.kill(1);
        cluster.kill(4);
        assertThat(read(0, bytes.length)).isEqualTo(bytes);
        assertThat(stats().degradedReads()).isPositive();
    }

    @Test
    void aThirdLossIsReportedAndNeverWrongBytes() {
        byte[] bytes = randomBytes(1 << 20);
        write(0, bytes);
        cluster.kill(1);
        cluster.kill(3);
        cluster.kill(4);
        ByteBuffer target = ByteBuffer.allocate(bytes.length);
        assertThatThrownBy(() -> finish(() -> volume.readAsync(0, target)))
                .hasCauseInstanceOf(AshlarException.InsufficientShards.class)
                .hasMessageContaining("too few cells of stripe");
    }

    @Test
    void aDecodeThatContradictsItsCellsIsCountedAndNotHandedOut() {
        byte[] bytes = randomBytes(1 << 20);
        write(0, bytes);
        cluster.contradictFirstPieces();
        assertThat(read(0, bytes.length)).isEqualTo(bytes);
        assertThat(stats().contradictions()).isZero();
        int refused = 0;
        for (int node = 0; node < 6; node++) {
            cluster.kill(node);
            ByteBuffer target = ByteBuffer.allocate(bytes.length);
            CompletableFuture<Void> read = volume.readAsync(0, target);
            loop.runFor(60_000_000_000L);
            assertThat(read).isDone();
            if (read.isCompletedExceptionally()) {
                refused++;
                assertThat(read.exceptionNow())
                        .hasMessageContaining("the CRC vector does not allow");
            } else {
                assertThat(target.array()).isEqualTo(bytes);
            }
            cluster.start(node);
        }
        assertThat(refused).isPositive();
        assertThat(stats().contradictions()).isPositive();
    }

    @Test
    void rottenCellsAreDecodedAndReported() {
        byte[] bytes = randomBytes(1 << 20);
        write(0, bytes);
        for (int i = 0; i < 20; i++) {
            cluster.rot(2);
            cluster.rot(5);
        }
        assertThat(read(0, bytes.length)).isEqualTo(bytes);
        assertThat(stats().damageReports()).isPositive();
    }

    @Test
    void aFlushedBlockCostsOneDataCellAndTheParity() {
        write(8192, randomBytes(4096));
        assertThat(cluster.recordCount()).isEqualTo(3);
        assertThat(cluster.recordBytes()).isEqualTo(3 * 8192);
    }

    @Test
    void goesOnWritingThroughADeadNode() {
        write(0, randomBytes(65_536));
        cluster.kill(0);
        byte[] bytes = randomBytes(65_536);
        write(0, bytes);
        assertThat(stats().rolls()).isEqualTo(1);
        assertThat(read(0, bytes.length)).isEqualTo(bytes);
    }

    @Test
    void aWriterThatWasTakenOverWritesNothingMore() {
        write(0, randomBytes(4096));
        Volume old = volume;
        FakeCluster.ClientTransport oldTransport = transport;
        transport = cluster.newClient();
        volume = open();
        assertThatThrownBy(
                        () -> finish(() -> old.writeAsync(0, ByteBuffer.wrap(randomBytes(4096)))))
                .hasCauseInstanceOf(AshlarException.Fenced.class);
        oldTransport.kill();
    }

    @Test
    void aClosedVolumeLeavesNothingToTakeOver() {
        byte[] bytes = randomBytes(200_000 / 4096 * 4096);
        write(4096, bytes);
        CompletableFuture<Void> closing = volume.closeAsync();
        loop.runUntil(closing::isDone, 60 * SECOND);
        closing.join();
        assertThat(cluster.openSegments()).isZero();
        transport = cluster.newClient();
        volume = open();
        assertThat(read(4096, bytes.length)).isEqualTo(bytes);
    }

    /** It is begun when the last segment is half full; nobody waits for it. */
    @Test
    void closingLeavesNoSegmentThatWasBeingMadeAhead() {
        int recordBytes = 4096 + 64 * 1024 / 4;
        long halfBytes = ClientConfig.DEFAULT.firstShardBytes() / 2;
        for (long filled = 0; filled <= halfBytes; filled += recordBytes) {
            write(0, randomBytes(64 * 1024));
        }
        CompletableFuture<Void> closing = volume.closeAsync();
        loop.runUntil(closing::isDone, 60 * SECOND);
        closing.join();
        loop.runFor(SECOND);
        assertThat(cluster.openSegments()).isZero();
    }

    /** A renewal has one made where there is none: not while the one that was made before is sealed. */
    @Test
    void closingLeavesNoSegmentThatARenewalAsksFor() {
        long renewalNanos = ClientConfig.DEFAULT.leaseRenewal().toNanos();
        for (long early = 0; early < SECOND / 50; early += SECOND / 10_000) {
            reopen();
            loop.runFor(2 * renewalNanos - early);
            CompletableFuture<Void> closing = volume.closeAsync();
            loop.runUntil(closing::isDone, 60 * SECOND);
            closing.join();
            loop.runFor(SECOND);
            assertThat(cluster.openSegments()).as("closed %d ns early", early).isZero();
        }
    }

    @Test
    void closingOnAFullClusterKeepsWhatWasAcknowledged() {
        write(0, randomBytes(4096));
        cluster.refuseSegments();
        byte[][] written = new byte[24][];
        int[] lastAcknowledged = {-1, -1, -1, -1};
        for (int i = 0; i < written.length; i++) {
            int index = i;
            written[i] = randomBytes(1 << 20);
            ByteBuffer bytes = ByteBuffer.wrap(written[i]);
            var _ = volume.writeAsync((long) (i % 4) << 20, bytes)
                    .thenRun(() -> lastAcknowledged[index % 4] = index);
        }
        CompletableFuture<Void> closing = volume.closeAsync();
        loop.runUntil(closing::isDone, 60 * SECOND);
        loop.runFor(SECOND);
        transport = cluster.newClient();
        volume = open();
        for (int i = 0; i < 4; i++) {
            assertThat(lastAcknowledged[i]).isNotNegative();
            assertThat(read((long) i << 20, 1 << 20)).isEqualTo(written[lastAcknowledged[i]]);
        }
    }

    @Test
    void refusesWhatIsNotWholeBlocksOrOutside() {
        ByteBuffer bytes = ByteBuffer.allocate(4096);
        assertThatThrownBy(() -> finish(() -> volume.writeAsync(1, bytes)))
                .hasMessageContaining("not whole blocks of 4096");
        assertThatThrownBy(() -> finish(() -> volume.writeAsync(SIZE, bytes)))
                .hasMessageContaining("not within volume disk0");
        assertThatThrownBy(() -> finish(() -> volume.readAsync(SIZE - 1, bytes)))
                .hasMessageContaining("not within volume disk0");
    }

    @Test
    void opensAVolumeWhoseSegmentsComeInPages() {
        int blocks = 16;
        byte[] image = randomBytes(blocks * 4096);
        for (int i = 0; i < blocks; i++) {
            write(i * 4096L, Arrays.copyOfRange(image, i * 4096, (i + 1) * 4096));
            finish(volume::closeAsync);
            transport = cluster.newClient();
            volume = open();
        }
        cluster.setPageSegments(3);
        reopen();
        assertThat(read(0, image.length)).isEqualTo(image);
        assertThat(cluster.arrivals(Request.BodyCase.LIST_SEGMENTS)).isEqualTo((blocks - 1) / 3);
    }

    private Volume open() {
        Cluster reached = new Cluster(
                transport,
                loop,
                random,
                new CoordinatorCalls(transport, loop, List.of(FakeCluster.COORDINATOR)),
                new NodeHealth(),
                ClientConfig.DEFAULT);
        return finish(() -> Volume.open(reached, "disk0", new OpenOptions("test")));
    }

    private void reopen() {
        transport.kill();
        transport = cluster.newClient();
        volume = open();
    }

    private byte[] randomBytes(int size) {
        byte[] bytes = new byte[size];
        random.nextBytes(bytes);
        return bytes;
    }

    private void write(long offset, byte[] bytes) {
        finish(() -> volume.writeAsync(offset, ByteBuffer.wrap(bytes)));
    }

    private byte[] read(long offset, int length) {
        byte[] bytes = new byte[length];
        finish(() -> volume.readAsync(offset, ByteBuffer.wrap(bytes)));
        return bytes;
    }

    private VolumeStats stats() {
        return finish(volume::statsAsync);
    }

    private <T> T finish(Supplier<CompletableFuture<T>> action) throws CompletionException {
        CompletableFuture<T> outcome = action.get();
        loop.runUntil(outcome::isDone, 60 * SECOND);
        return outcome.join();
    }
}
