package io.ashlar.client;

import static org.assertj.core.api.Assertions.assertThat;

import io.ashlar.client.fake.FakeCluster;
import io.ashlar.client.fake.FakeLoop;
import io.ashlar.client.model.Policy;
import io.ashlar.client.nbd.NbdExport;
import io.ashlar.client.nbd.VolumeDisk;

import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;

import java.nio.ByteBuffer;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.HashSet;
import java.util.List;
import java.util.Set;
import java.util.SplittableRandom;
import java.util.concurrent.CompletableFuture;

/** Bytes of any alignment on a volume that knows blocks only. */
class VolumeDiskTest {
    private static final int SIZE = 1 << 20;
    private static final int SECTOR = 512;

    private final SplittableRandom random = new SplittableRandom(3);
    private final FakeLoop loop = new FakeLoop();
    private final FakeCluster cluster = new FakeCluster(loop, random, 6, new Policy(4, 2), SIZE);
    private final TestClient client = new TestClient(loop, cluster, random, ClientConfig.DEFAULT);
    private final VolumeDisk disk = new VolumeDisk(client.open(), false);

    @AfterEach
    void end() {
        client.kill();
    }

    private CompletableFuture<Void> write(long offset, byte[] bytes) {
        int before = (int) (offset % NbdExport.BLOCK_BYTES);
        int blocks = Math.ceilDiv(before + bytes.length, NbdExport.BLOCK_BYTES);
        byte[] whole = new byte[blocks * NbdExport.BLOCK_BYTES];
        Arrays.fill(whole, (byte) 0xee);
        System.arraycopy(bytes, 0, whole, before, bytes.length);
        return disk.write(offset, bytes.length, ByteBuffer.wrap(whole));
    }

    private byte[] read(long offset, int length) {
        byte[] bytes = new byte[length];
        var _ = client.finish(() -> disk.read(offset, ByteBuffer.wrap(bytes)));
        return bytes;
    }

    @Test
    void singleBytesLeaveTheirNeighboursAlone() {
        byte[] expected = new byte[SIZE];
        for (int i = 0; i < 100; i++) {
            int offset = random.nextInt(20_000);
            byte[] bytes = new byte[1 + random.nextInt(9_000)];
            random.nextBytes(bytes);
            System.arraycopy(bytes, 0, expected, offset, bytes.length);
            var _ = client.finish(() -> write(offset, bytes));
        }
        assertThat(read(0, 40_000)).isEqualTo(Arrays.copyOf(expected, 40_000));
    }

    @Test
    void zeroesAreExactAndTrimsLeaveWhatIsNoWholeBlock() {
        byte[] ones = new byte[65_536];
        Arrays.fill(ones, (byte) 1);
        byte[] expected = ones.clone();
        var _ = client.finish(() -> write(0, ones));
        for (int[] range : new int[][] {{100, 50}, {4000, 200}, {8192, 4096}, {20_000, 30_000}}) {
            var _ = client.finish(() -> disk.zero(range[0], range[1]));
            Arrays.fill(expected, range[0], range[0] + range[1], (byte) 0);
        }
        assertThat(read(0, ones.length)).isEqualTo(expected);
        var _ = client.finish(() -> disk.trim(50_100, 8_000));
        var _ = client.finish(() -> disk.trim(60_000, 100));
        Arrays.fill(expected, 53_248, 57_344, (byte) 0);
        assertThat(read(0, ones.length)).isEqualTo(expected);
    }

    @Test
    void moreZeroesThanMayWaitAreHeldBackAndNoneIsRefused() {
        List<CompletableFuture<Void>> zeroes = new ArrayList<>();
        for (int i = 0; i < 20_000; i++) {
            zeroes.add(disk.zero(i % 256 * 4096L, 4096));
        }
        client.finish(() -> CompletableFuture.allOf(zeroes.toArray(CompletableFuture[]::new)));
    }

    @Test
    void tellsWhatItConsistsOf() {
        var _ = client.finish(() -> write(8192, new byte[] {1}));
        List<VolumeExtent> extents = client.finish(() -> disk.extents(100, SIZE - 100, 10));
        assertThat(extents)
                .containsExactly(
                        new VolumeExtent(100, 8092, VolumeExtent.Content.ZERO),
                        new VolumeExtent(8192, 4096, VolumeExtent.Content.STORED),
                        new VolumeExtent(12_288, SIZE - 12_288, VolumeExtent.Content.ZERO));
        assertThat(client.finish(() -> disk.extents(100, SIZE - 100, 2))).hasSize(2);
    }

    /** Each sector holds what one of its last writers wrote, whole. */
    @Test
    void overlappingWritersNeitherTearSectorsNorBringOldOnesBack() {
        int sectors = 64;
        List<Set<Byte>> allowed = new ArrayList<>();
        for (int i = 0; i < sectors; i++) {
            allowed.add(Set.of((byte) 0));
        }
        byte number = 0;
        for (int round = 0; round < 40; round++) {
            List<CompletableFuture<Void>> writes = new ArrayList<>();
            List<Set<Byte>> written = new ArrayList<>();
            for (int i = 0; i < sectors; i++) {
                written.add(new HashSet<>());
            }
            for (int i = 0; i < 12; i++) {
                int first = random.nextInt(sectors);
                int count = 1 + random.nextInt(Math.min(20, sectors - first));
                boolean zeroes = random.nextInt(4) == 0;
                byte[] bytes = new byte[count * SECTOR];
                byte content = zeroes ? 0 : ++number;
                Arrays.fill(bytes, content);
                long offset = (long) first * SECTOR;
                writes.add(zeroes ? disk.zero(offset, bytes.length) : write(offset, bytes));
                written.subList(first, first + count).forEach(one -> one.add(content));
            }
            var _ = client.finish(
                    () -> CompletableFuture.allOf(writes.toArray(CompletableFuture[]::new)));
            byte[] found = read(0, sectors * SECTOR);
            for (int i = 0; i < sectors; i++) {
                byte[] sector = Arrays.copyOfRange(found, i * SECTOR, (i + 1) * SECTOR);
                Set<Byte> may = written.get(i).isEmpty() ? allowed.get(i) : written.get(i);
                assertThat(sector).as("sector " + i).containsOnly(sector[0]);
                assertThat(may).as("sector " + i).contains(sector[0]);
                allowed.set(i, Set.of(sector[0]));
            }
        }
    }
}
