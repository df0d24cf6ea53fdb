package io.ashlar.node;

import static org.assertj.core.api.Assertions.assertThat;

import io.ashlar.client.AshlarException;
import io.ashlar.client.protocol.DeleteShard;
import io.ashlar.client.protocol.Order;
import io.ashlar.client.protocol.OrderResult;
import io.ashlar.client.protocol.ReadCell;
import io.ashlar.client.protocol.RebuildShard;
import io.ashlar.client.protocol.Request;
import io.ashlar.client.protocol.ScrubDrives;
import io.ashlar.client.protocol.SealShard;
import io.ashlar.client.protocol.Segment;
import io.ashlar.client.protocol.ShardRef;
import io.ashlar.client.protocol.ShardVerified;
import io.ashlar.client.protocol.VerifyShard;
import io.ashlar.client.transport.Buffer;
import io.ashlar.client.transport.Transport;

import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;

import java.io.IOException;
import java.util.ArrayList;
import java.util.List;

/** Seven nodes, one of which holds no shard, and a segment with stripes of every shape. */
abstract class StorageNodeFixture {
    private static final int SCRUBBED = 3;

    TestCluster cluster = newCluster();

    TestSegment segment = TestSegment.rs42();

    List<ShardRef> shards = List.of();

    final List<TestSegment.Written> stripes = new ArrayList<>();
    long sealedBytes;
    long orderId = 100;

    private static TestCluster newCluster() {
        try {
            return new TestCluster(7);
        } catch (IOException e) {
            throw new IllegalStateException(e);
        }
    }

    @BeforeEach
    void place() {
        shards = cluster.place(segment);
    }

    @AfterEach
    void close() {
        cluster.close();
    }

    /** Full and short stripes of several sizes, empty cells among them, in all shards. */
    void writeSegment() throws AshlarException {
        for (int i = 0; i < shards.size(); i++) {
            Request create = Request.newBuilder()
                    .setCreateShard(segment.create(shards.get(i)))
                    .build();
            cluster.tell(cluster.nodes.get(i), create);
        }
        int k = segment.policy.k();
        int[] cellBytes = {4096, 16384, 0, 65536, 8192};
        for (int number = 0; number < 25; number++) {
            int d = cellBytes[number % 5] == 0 ? 1 : 1 + number % k;
            var stripe = segment.stripe(number, sealedBytes, d, cellBytes[number % 5]);
            if (stripe.stripe().endOffset() > TestSegment.SHARD_BYTES) {
                break;
            }
            stripes.add(stripe);
            sealedBytes = stripe.stripe().endOffset();
            for (int i = 0; i < shards.size(); i++) {
                if (stripe.has(i)) {
                    append(i, stripe);
                }
            }
        }
    }

    void append(int shard, TestSegment.Written stripe) throws AshlarException {
        Request append = Request.newBuilder()
                .setAppendCell(segment.append(shards.get(shard), stripe))
                .build();
        cluster.tell(cluster.nodes.get(shard), append, stripe.record(shard));
    }

    void seal() {
        for (int i = 0; i < shards.size(); i++) {
            SealShard seal = SealShard.newBuilder()
                    .setShard(shards.get(i))
                    .setSealedBytes(sealedBytes)
                    .setStripeCount(stripes.size())
                    .setCells(cellsOf(i))
                    .build();
            order(i, Order.newBuilder().setSeal(seal));
        }
    }

    int cellsOf(int shard) {
        return (int) stripes.stream().filter(stripe -> stripe.has(shard)).count();
    }

    OrderResult order(int node, Order.Builder order) {
        return cluster.order(cluster.nodes.get(node), order.setId(orderId++).build());
    }

    Segment placed() {
        return cluster.sealed(segment, shards, sealedBytes).toBuilder()
                .setStripeCount(stripes.size())
                .build();
    }

    OrderResult rebuild(int shard) {
        RebuildShard rebuild = RebuildShard.newBuilder()
                .setSegment(placed())
                .setShard(shards.get(shard))
                .setCells(cellsOf(shard))
                .build();
        return order(shard, Order.newBuilder().setRebuild(rebuild));
    }

    /** Where a shard is to be rebuilt on the node that has none. */
    ShardRef copyOf(int shard) {
        return segment.shard(shard, cluster.nodes.get(6).drive(0)).toBuilder()
                .setIncarnation(77 + shard)
                .build();
    }

    /** Has the shard rebuilt on the node that has none. */
    OrderResult rebuildElsewhere(int shard) {
        RebuildShard rebuild = RebuildShard.newBuilder()
                .setSegment(placed())
                .setShard(copyOf(shard))
                .setCells(cellsOf(shard))
                .build();
        return order(6, Order.newBuilder().setRebuild(rebuild));
    }

    /** Makes the shard's cell of a stripe fail its checksum. */
    void rot(int shard, TestSegment.Written stripe) throws AshlarException {
        arena(shard).flipBit(place(stripe) + stripe.stripe().geometry().headerBytes());
    }

    /** Puts another stripe's record in the place of a shard's. */
    void replace(int shard, TestSegment.Written other) throws IOException {
        replaceOn(shard, shard, other);
    }

    /** The same on the node that has the shard. */
    void replaceOn(int node, int shard, TestSegment.Written other) throws IOException {
        Buffer record = other.record(shard);
        FakeDriveDirectory drive = cluster.nodes.get(node).drives.getFirst();
        try (DriveFile arena = drive.open(DriveOpener.ARENA)) {
            arena.write(place(other), record.segment());
        } finally {
            record.release();
        }
    }

    void delete(int shard) {
        ShardRef ref = shards.get(shard);
        order(shard, Order.newBuilder().setDelete(DeleteShard.newBuilder().setShard(ref)));
    }

    OrderResult scrub(int node) {
        return order(
                node, Order.newBuilder().setScrub(ScrubDrives.newBuilder().setScrub(SCRUBBED)));
    }

    ShardVerified verify(int shard) throws AshlarException {
        VerifyShard verify = VerifyShard.newBuilder()
                .setShard(shards.get(shard))
                .setSealedBytes(sealedBytes)
                .setCells(cellsOf(shard))
                .build();
        Transport.Answer answer = cluster.ask(
                cluster.nodes.get(shard),
                Request.newBuilder().setVerifyShard(verify).build(),
                List.of());
        answer.bulk().release();
        return answer.response().getShardVerified();
    }

    void assertWhole(int shard) throws AshlarException {
        assertThat(verify(shard).getDamagedCells()).isZero();
        for (TestSegment.Written stripe : stripes) {
            if (stripe.has(shard) && stripe.stripe().geometry().cellBytes() > 0) {
                assertThat(read(shard, stripe)).isEqualTo(stripe.cell(shard));
            }
        }
    }

    byte[] read(int shard, TestSegment.Written stripe) throws AshlarException {
        ReadCell read = ReadCell.newBuilder()
                .setShard(shards.get(shard))
                .setOffset(stripe.stripe().identity().offset())
                .setPieceCount(stripe.stripe().geometry().piecesPerCell())
                .build();
        Transport.Answer answer = cluster.ask(
                cluster.nodes.get(shard),
                Request.newBuilder().setReadCell(read).build(),
                List.of());
        byte[] bytes = answer.bulk().segment().toArray(Little.BYTE);
        answer.bulk().release();
        return bytes;
    }

    FakeDriveDirectory.FakeFile arena(int node) {
        return cluster.nodes.get(node).drives.getFirst().arena();
    }

    /** Where the record of a stripe is in the arena: the first shard of a drive is in slot 0. */
    static long place(TestSegment.Written stripe) throws AshlarException {
        return ArenaLayout.of(TestDrive.CAPACITY_BYTES).slotAt(0)
                + stripe.stripe().identity().offset();
    }

    TestSegment.Written stripeOf(int shard, int minCellBytes) {
        return stripes.stream()
                .filter(stripe -> stripe.has(shard))
                .filter(stripe -> stripe.stripe().geometry().cellBytes() >= minCellBytes)
                .skip(1)
                .findFirst()
                .orElseThrow();
    }
}
