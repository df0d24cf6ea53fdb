package io.ashlar.coordinator;

import io.ashlar.client.AshlarException;
import io.ashlar.client.model.DriveId;
import io.ashlar.client.protocol.AbandonedVolume;
import io.ashlar.client.protocol.DriveInfo;
import io.ashlar.client.protocol.ErrorCode;
import io.ashlar.client.protocol.Failure;
import io.ashlar.client.protocol.Heartbeat;
import io.ashlar.client.protocol.HeartbeatReply;
import io.ashlar.client.protocol.Order;
import io.ashlar.client.protocol.OrderResult;
import io.ashlar.client.protocol.RebuildShard;
import io.ashlar.client.protocol.RegisterNode;
import io.ashlar.client.protocol.Request;
import io.ashlar.client.protocol.Segment;
import io.ashlar.client.protocol.ShardDamage;
import io.ashlar.client.protocol.ShardRef;
import io.ashlar.client.protocol.ShardState;
import io.ashlar.client.protocol.UnmadeStripes;
import io.ashlar.client.protocol.VolumeInfo;

import org.jspecify.annotations.Nullable;

import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Random;
import java.util.function.Function;

/** A node that holds shards as entries of a map and carries out orders at once. */
final class TestNode {
    /** A rebuild that fails has made so many first. */
    static final int CELLS_BEFORE_FAILURE = 3;

    final String id;
    final DriveId drive;
    final List<DriveId> furtherDrives = new ArrayList<>();
    final Map<ShardRef, ShardState> shards = new HashMap<>();
    final List<Order> ordered = new ArrayList<>();
    final List<ShardDamage> found = new ArrayList<>();
    private final TestCluster cluster;
    private final String zone;
    private final List<OrderResult> results = new ArrayList<>();
    private boolean alive = true;
    private boolean obedient = true;
    private boolean sealsFail;
    private int mismatches;
    private int unreached;
    private String driveFailure = "";
    private long capacityBytes = 1L << 40;
    private long usedBytes;
    private @Nullable Function<RebuildShard, @Nullable Failure> rebuildFailure;
    private Function<RebuildShard, List<UnmadeStripes>> unmade = order -> List.of();
    private String blocked = "";
    private Step beforeTakeover = () -> {};

    /** Something that happens meanwhile. */
    interface Step {
        void run() throws AshlarException;
    }

    TestNode(TestCluster cluster, String id, String zone, Random random) {
        this.cluster = cluster;
        this.id = id;
        this.zone = zone;
        this.drive = new DriveId(random.nextLong(), random.nextLong());
    }

    void kill() {
        alive = false;
    }

    /** Starts again, with what it holds. */
    void start() throws AshlarException {
        alive = true;
        register();
    }

    void failDrive(String reason) {
        driveFailure = reason;
    }

    void setUsed(long bytes) {
        usedBytes = bytes;
    }

    void setCapacity(long bytes) {
        capacityBytes = bytes;
    }

    /** Takes orders but does nothing about them. */
    void setObedient(boolean obedient) {
        this.obedient = obedient;
    }

    void failSeals(boolean failing) {
        sealsFail = failing;
    }

    /** What a comparison of shards finds. */
    void setMismatches(int cells) {
        mismatches = cells;
    }

    /** Shards that its comparisons do not reach. */
    void setUnreached(int count) {
        unreached = count;
    }

    void failRebuilds(@Nullable Function<RebuildShard, @Nullable Failure> failure) {
        rebuildFailure = failure;
    }

    /** Cannot make one cell of each of these stripes. */
    void leaveUnmade(Function<RebuildShard, List<UnmadeStripes>> unmade) {
        this.unmade = unmade;
    }

    /** Finds that a takeover cannot be decided; empty: it can. */
    void blockTakeovers(String reason) {
        blocked = reason;
    }

    /** Happens when a takeover was ordered and before it is begun. */
    void beforeTakeover(Step step) {
        beforeTakeover = step;
    }

    void create(Segment segment, ShardRef shard) {
        shards.put(
                shard,
                ShardState.newBuilder()
                        .setShard(shard)
                        .setVolume(segment.getVolume())
                        .setPolicy(segment.getPolicy())
                        .setShardBytes(segment.getShardBytes())
                        .build());
    }

    void register() throws AshlarException {
        cluster.ask(registration());
    }

    /** As it would be sent now. */
    Request registration() {
        return Request.newBuilder()
                .setRegisterNode(RegisterNode.newBuilder()
                        .setRequestId(cluster.newRequest())
                        .setNode(id)
                        .setAddress("127.0.0.1:1")
                        .setZone(zone)
                        .addAllDrives(driveInfos())
                        .addAllShards(shards.values()))
                .build();
    }

    private List<DriveInfo> driveInfos() {
        List<DriveInfo> all = new ArrayList<>();
        all.add(driveInfo());
        for (DriveId more : furtherDrives) {
            all.add(driveInfo().toBuilder()
                    .setId(more.toProto())
                    .setPath("/drive" + all.size())
                    .build());
        }
        return all;
    }

    private DriveInfo driveInfo() {
        return DriveInfo.newBuilder()
                .setId(drive.toProto())
                .setPath("/drive")
                .setCapacityBytes(capacityBytes)
                .setUsedBytes(usedBytes)
                .setFailure(driveFailure)
                .build();
    }

    /** One heartbeat, if it lives; then does what it was ordered to. */
    void heartbeat() throws AshlarException {
        if (!alive) {
            return;
        }
        HeartbeatReply reply = cluster.ask(Request.newBuilder()
                        .setHeartbeat(heartbeatWith(results.toArray(OrderResult[]::new)))
                        .build())
                .getHeartbeatReply();
        results.clear();
        found.clear();
        if (reply.getRegister()) {
            register();
        }
        for (Order order : reply.getOrdersList()) {
            ordered.add(order);
            if (obedient) {
                results.add(obey(order));
            }
        }
    }

    Heartbeat heartbeatWith(OrderResult... done) {
        return Heartbeat.newBuilder()
                .setNode(id)
                .addAllDrives(driveInfos())
                .addAllResults(List.of(done))
                .addAllDamage(found)
                .build();
    }

    private OrderResult obey(Order order) throws AshlarException {
        OrderResult.Builder result = OrderResult.newBuilder().setOrder(order.getId());
        switch (order.getKindCase()) {
            case SEAL -> {
                ShardState shard = shards.get(order.getSeal().getShard());
                if (shard == null) {
                    result.setFailure(notFound());
                } else if (sealsFail) {
                    result.setFailure(
                            Failure.newBuilder().setCode(ErrorCode.UNAVAILABLE).setMessage("busy"));
                } else {
                    shards.put(
                            shard.getShard(),
                            shard.toBuilder()
                                    .setSealed(true)
                                    .setSealedBytes(order.getSeal().getSealedBytes())
                                    .setCells(order.getSeal().getCells())
                                    .build());
                }
            }
            case DELETE -> {
                if (shards.remove(order.getDelete().getShard()) == null) {
                    result.setFailure(notFound());
                }
            }
            case REBUILD -> rebuild(order.getRebuild(), result);
            case SCRUB ->
                result.setCellsChecked(8 * shards.size()).setBytesRead(4096L * shards.size());
            case COMPARE ->
                result.setStripesCompared(8)
                        .setStripesDecoded(2)
                        .setDamagedCells(mismatches)
                        .setUnreadable(unreached)
                        .setBytesRead(4096);
            case SEAL_TAIL -> {
                try {
                    beforeTakeover.run();
                    takeOver(order.getSealTail().getVolume());
                } catch (AshlarException e) {
                    result.setFailure(e.toFailure());
                }
            }
            case KIND_NOT_SET -> throw new IllegalStateException("an empty order");
        }
        return result.build();
    }

    private void takeOver(AbandonedVolume volume) throws AshlarException {
        VolumeInfo opened = cluster.openAbandoned(volume, id).getVolume();
        try {
            if (!blocked.isEmpty()) {
                throw AshlarException.Unavailable.blocked(blocked);
            }
            cluster.sealAll(opened);
        } finally {
            cluster.close(opened);
        }
    }

    private void rebuild(RebuildShard order, OrderResult.Builder result) {
        Failure failure = rebuildFailure == null ? null : rebuildFailure.apply(order);
        if (failure != null) {
            result.setFailure(failure).setCellsWritten(CELLS_BEFORE_FAILURE);
            return;
        }
        List<UnmadeStripes> lacking = unmade.apply(order);
        create(order.getSegment(), order.getShard());
        shards.computeIfPresent(
                order.getShard(),
                (shard, state) -> state.toBuilder()
                        .setSealed(true)
                        .setSealedBytes(order.getSegment().getSealedBytes())
                        .setCells(order.getCells())
                        .build());
        int made = order.getCells() - lacking.size();
        result.setCellsChecked(order.getCells())
                .setCellsWritten(made)
                .setBytesWritten(4096L * made)
                .addAllUnmade(lacking)
                .setUnmadeCells(lacking.size());
    }

    private static Failure notFound() {
        return Failure.newBuilder()
                .setCode(ErrorCode.NOT_FOUND)
                .setMessage("no such shard")
                .build();
    }
}
