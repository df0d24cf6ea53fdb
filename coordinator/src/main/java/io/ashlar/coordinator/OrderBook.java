package io.ashlar.coordinator;

import io.ashlar.client.model.DriveId;
import io.ashlar.client.protocol.DeleteShard;
import io.ashlar.client.protocol.DriveInfo;
import io.ashlar.client.protocol.Order;
import io.ashlar.client.protocol.SealShard;
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
    private static final int KEY_BYTES = 37;
    private static final byte SEAL = 1;
    private static final byte DELETE = 2;
    private static final byte REBUILD = 3;

    private final LeaderContext leader;
    private final Repair repair;
    private final Scrub scrub;

    OrderBook(LeaderContext leader, Repair repair, Scrub scrub) {
        this.leader = leader;
        this.repair = repair;
        this.scrub = scrub;
    }

    /** What the node is to do, remembered with it so that its results are understood. */
    List<Order> ordersFor(LiveNode node) {
        List<Order> orders = new ArrayList<>();
        Map<Long, GivenOrder> given = new LinkedHashMap<>();
        node.pendingSeals().values().stream().limit(MAX_SEALS).forEach(seal -> {
            given.put(id(SEAL, seal.getShard(), 0), new GivenOrder.Seal(seal.getShard()));
            orders.add(order(seal));
        });
        for (DriveInfo drive : node.drives()) {
            for (ShardRef shard : leader.metadata()
                    .doomedOn(DriveId.of(drive.getId()), MAX_DELETIONS_PER_DRIVE)) {
                long id = id(DELETE, shard, 0);
                given.put(id, new GivenOrder.Delete(shard));
                orders.add(Order.newBuilder()
                        .setId(id)
                        .setDelete(DeleteShard.newBuilder().setShard(shard))
                        .build());
            }
        }
        repair.runningOn(node.id()).forEach((running, rebuild) -> {
            long id = id(REBUILD, running.target(), running.number());
            given.put(id, new GivenOrder.Rebuild(running.segment()));
            orders.add(Order.newBuilder().setId(id).setRebuild(rebuild).build());
        });
        scrub.orderFor(node.id()).ifPresent(drives -> {
            given.put(drives.getScrub(), new GivenOrder.Scrub(drives.getScrub()));
            orders.add(
                    Order.newBuilder().setId(drives.getScrub()).setScrub(drives).build());
        });
        node.setGiven(given);
        return orders;
    }

    private static Order order(SealShard seal) {
        return Order.newBuilder()
                .setId(id(SEAL, seal.getShard(), 0))
                .setSeal(seal)
                .build();
    }

    /** The number tells a repeated attempt from the one before. */
    private static long id(byte kind, ShardRef shard, long number) {
        byte[] key = ByteBuffer.allocate(KEY_BYTES)
                .put(kind)
                .putLong(shard.getSegment().getHigh())
                .putLong(shard.getSegment().getLow())
                .putInt(shard.getIndex())
                .putLong(shard.getIncarnation())
                .putLong(number)
                .array();
        return MurmurHash3.hash128x64(key)[0];
    }
}
