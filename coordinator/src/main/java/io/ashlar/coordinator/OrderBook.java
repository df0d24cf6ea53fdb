package io.ashlar.coordinator;

import io.ashlar.client.model.DriveId;
import io.ashlar.client.model.SegmentId;
import io.ashlar.client.protocol.CompareShards;
import io.ashlar.client.protocol.DeleteShard;
import io.ashlar.client.protocol.DriveInfo;
import io.ashlar.client.protocol.Order;
import io.ashlar.client.protocol.ShardRef;

import org.apache.commons.codec.digest.MurmurHash3;

import java.nio.ByteBuffer;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

/**
 * The orders of a heartbeat's reply, made anew each time from what is to be done. An order's id
 * follows from what it says, so the same order has the same id in every reply and after every
 * change of leader.
 */
final class OrderBook {
    private static final int MAX_SEALS = 256;
    private static final int MAX_DELETIONS_PER_DRIVE = 256;
    private static final int KEY_BYTES = 45;
    private static final byte SEAL = 1;
    private static final byte DELETE = 2;
    private static final byte REBUILD = 3;
    private static final byte COMPARE = 4;
    private static final byte SEAL_TAIL = 5;

    private final LeaderContext leader;
    private final Repair repair;
    private final Scrub scrub;
    private final Takeovers takeovers;

    OrderBook(LeaderContext leader, Repair repair, Scrub scrub, Takeovers takeovers) {
        this.leader = leader;
        this.repair = repair;
        this.scrub = scrub;
        this.takeovers = takeovers;
    }

    /** What the node is to do, remembered with it so that its results are understood. */
    List<Order> ordersFor(LiveNode node) {
        Draft draft = new Draft(node, leader.nowNanos());
        node.pendingSeals().values().stream()
                .limit(MAX_SEALS)
                .forEach(seal -> draft.add(
                        Order.newBuilder()
                                .setId(id(SEAL, seal.getShard(), 0, 0))
                                .setSeal(seal),
                        new GivenOrder.Seal(seal.getShard())));
        for (DriveInfo drive : node.drives()) {
            for (ShardRef shard : leader.metadata()
                    .doomedOn(DriveId.of(drive.getId()), MAX_DELETIONS_PER_DRIVE)) {
                draft.add(
                        Order.newBuilder()
                                .setId(id(DELETE, shard, 0, 0))
                                .setDelete(DeleteShard.newBuilder().setShard(shard)),
                        new GivenOrder.Delete(shard));
            }
        }
        repair.runningOn(node.id())
                .forEach((running, rebuild) -> draft.add(
                        Order.newBuilder()
                                .setId(id(
                                        REBUILD,
                                        running.target(),
                                        running.loss(),
                                        running.attempt()))
                                .setRebuild(rebuild),
                        new GivenOrder.Rebuild(running)));
        scrub.orderFor(node.id())
                .ifPresent(drives -> draft.add(
                        Order.newBuilder().setId(drives.getScrub()).setScrub(drives),
                        new GivenOrder.Scrub(drives.getScrub())));
        for (CompareShards compare : scrub.comparisonsFor(node.id())) {
            ShardRef segment = ShardRef.newBuilder()
                    .setSegment(compare.getSegment().getId())
                    .build();
            draft.add(
                    Order.newBuilder()
                            .setId(id(COMPARE, segment, compare.getScrub(), 0))
                            .setCompare(compare),
                    new GivenOrder.Compare(compare.getScrub(), SegmentId.of(segment.getSegment())));
        }
        takeovers
                .givenTo(node.id())
                .ifPresent(given -> draft.add(
                        Order.newBuilder()
                                .setId(id(
                                        SEAL_TAIL,
                                        ShardRef.newBuilder()
                                                .setSegment(given.volume().getId())
                                                .build(),
                                        given.volume().getEpoch(),
                                        given.attempt()))
                                .setSealTail(Takeovers.order(given)),
                        new GivenOrder.Takeover(given)));
        node.setGiven(draft.given);
        return draft.orders;
    }

    /** The orders of one reply, without those that failed a moment ago. */
    private static final class Draft {
        private final LiveNode node;
        private final long nowNanos;
        private final List<Order> orders = new ArrayList<>();
        private final Map<Long, GivenOrder> given = new LinkedHashMap<>();

        Draft(LiveNode node, long nowNanos) {
            this.node = node;
            this.nowNanos = nowNanos;
        }

        void add(Order.Builder order, GivenOrder meaning) {
            if (!node.isResting(order.getId(), nowNanos)) {
                orders.add(order.build());
                given.put(order.getId(), meaning);
            }
        }
    }

    /** The loss and the attempt tell a repeated rebuild of a shard from the one before. */
    private static long id(byte kind, ShardRef shard, long loss, long attempt) {
        byte[] key = ByteBuffer.allocate(KEY_BYTES)
                .put(kind)
                .putLong(shard.getSegment().getHigh())
                .putLong(shard.getSegment().getLow())
                .putInt(shard.getIndex())
                .putLong(shard.getIncarnation())
                .putLong(loss)
                .putLong(attempt)
                .array();
        return MurmurHash3.hash128x64(key)[0];
    }
}
