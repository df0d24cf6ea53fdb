package io.ashlar.coordinator;

import io.ashlar.client.AshlarException;
import io.ashlar.client.model.Address;
import io.ashlar.client.model.SegmentId;
import io.ashlar.client.protocol.ErrorCode;
import io.ashlar.client.protocol.Heartbeat;
import io.ashlar.client.protocol.HeartbeatReply;
import io.ashlar.client.protocol.Id;
import io.ashlar.client.protocol.OrderResult;
import io.ashlar.client.protocol.RegisterNode;
import io.ashlar.client.protocol.ShardDamage;
import io.ashlar.client.protocol.ShardRef;
import io.ashlar.coordinator.record.Command;
import io.ashlar.coordinator.record.EventText;
import io.ashlar.coordinator.record.EventsRecord;
import io.ashlar.coordinator.record.LossRecord;
import io.ashlar.coordinator.record.LossesRecord;
import io.ashlar.coordinator.record.NodePut;
import io.ashlar.coordinator.record.NodeRecord;
import io.ashlar.coordinator.record.Outcome;
import io.ashlar.coordinator.record.ShardsDeleted;
import io.ashlar.coordinator.record.ShardsReturned;

import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Optional;
import java.util.Set;
import java.util.concurrent.CompletableFuture;
import java.util.regex.Pattern;

/**
 * Nodes: they register with all they have, and then a heartbeat a second carries what they found
 * and did one way and their orders the other. A heartbeat changes the metadata only when there is
 * something to tell.
 */
final class NodeRequests {
    private static final Logger LOG = LoggerFactory.getLogger(NodeRequests.class);
    private static final Pattern NAME = Pattern.compile("[A-Za-z0-9._-]{1,64}");
    private static final int MAX_SHARDS_PER_COMMAND = 256;
    private static final long FAILED_ORDER_RESTS_NANOS = 5_000_000_000L;

    private final LeaderContext leader;
    private final LiveNodes nodes;
    private final Repair repair;
    private final Scrub scrub;
    private final Takeovers takeovers;
    private final OrderBook orders;
    private final InventoryPages pages = new InventoryPages();

    NodeRequests(
            LeaderContext leader,
            LiveNodes nodes,
            Repair repair,
            Scrub scrub,
            Takeovers takeovers) {
        this.leader = leader;
        this.nodes = nodes;
        this.repair = repair;
        this.scrub = scrub;
        this.takeovers = takeovers;
        this.orders = new OrderBook(leader, repair, scrub, takeovers);
    }

    // ---- registration

    /** Takes a page of a registration, and the registration once it is whole. */
    CompletableFuture<Void> register(RegisterNode page) throws AshlarException {
        Optional<RegisterNode> whole = pages.take(page, leader.nowNanos());
        return whole.isEmpty()
                ? CompletableFuture.completedFuture(null)
                : registerWhole(whole.get());
    }

    private CompletableFuture<Void> registerWhole(RegisterNode request) throws AshlarException {
        if (!NAME.matcher(request.getNode()).matches()) {
            throw new AshlarException.Invalid("\"" + request.getNode()
                    + "\" is no name for a node: expected 1 to 64 letters, digits, '.', '_', '-'");
        }
        Address.parse(request.getAddress());
        NodeRecord known = leader.metadata().node(request.getNode());
        CompletableFuture<?> recorded = known != null && says(known, request)
                ? CompletableFuture.completedFuture(null)
                : leader.propose(Command.newBuilder()
                        .setRequestId(request.getRequestId())
                        .setNodePut(NodePut.newBuilder().setNode(record(request))));
        return recorded.thenCompose(done -> takeInventory(request));
    }

    private boolean says(NodeRecord known, RegisterNode request) {
        return known.getAddress().equals(request.getAddress())
                && known.getZone().equals(request.getZone())
                && request.getDrivesList().stream()
                        .allMatch(drive -> known.getDrivesList().contains(drive.getId()));
    }

    private static NodeRecord record(RegisterNode request) {
        Set<Id> drives = new LinkedHashSet<>();
        request.getDrivesList().forEach(drive -> drives.add(drive.getId()));
        return NodeRecord.newBuilder()
                .setId(request.getNode())
                .setAddress(request.getAddress())
                .setZone(request.getZone())
                .addAllDrives(drives)
                .build();
    }

    private CompletableFuture<Void> takeInventory(RegisterNode request) {
        NodeRecord record = leader.metadata().node(request.getNode());
        if (record == null) {
            throw new IllegalStateException("node " + request.getNode() + " was not recorded");
        }
        LiveNode node = nodes.join(request.getNode());
        Inventory inventory = Inventory.compare(
                leader.metadata(), record, request.getDrivesList(), request.getShardsList());
        node.pendingSeals().clear();
        inventory
                .unsealed()
                .forEach(unsealed ->
                        nodes.expectSeal(node, unsealed.segment(), unsealed.placement()));
        node.setInventoried(inventory.unknown().size());
        List<ShardDamage> losses = new ArrayList<>(inventory.losses());
        node.unnamedAgain(inventory.unnamed(), request.getRequestId())
                .forEach(shard -> losses.add(Inventory.missing(shard)));
        if (nodes.heard(node, request.getDrivesList())) {
            returned();
        }
        LOG.info(
                "event=node_registered node={} address={} drives={} shards={} lost={} unnamed={}"
                        + " returned={} unsealed={} unknown={}",
                node.id(),
                request.getAddress(),
                request.getDrivesCount(),
                request.getShardsCount(),
                losses.size(),
                inventory.unnamed().size(),
                inventory.returned().size(),
                inventory.unsealed().size(),
                inventory.unknown().size());
        List<CompletableFuture<Outcome>> commands = new ArrayList<>();
        commands.addAll(recordLosses(losses));
        for (List<ShardRef> some : chunks(inventory.returned())) {
            commands.add(leader.propose(Command.newBuilder()
                    .setShardsReturned(ShardsReturned.newBuilder().addAllShards(some))));
        }
        if (!inventory.unknown().isEmpty()) {
            commands.add(leader.propose(Command.newBuilder()
                    .setEventsRecord(EventsRecord.getDefaultInstance())
                    .addEvents(EventText.newBuilder()
                            .setSubject("node " + node.id())
                            .setText(inventory.unknown().size()
                                    + " shards that no segment names are kept"))));
        }
        repair.changed();
        return LeaderContext.all(commands);
    }

    private void returned() {
        repair.nodeReturned();
        takeovers.nodeReturned();
    }

    // ---- heartbeats

    CompletableFuture<HeartbeatReply> heartbeat(Heartbeat request) {
        LiveNode node = nodes.get(request.getNode());
        NodeRecord record = leader.metadata().node(request.getNode());
        if (node == null || record == null) {
            return CompletableFuture.completedFuture(reply().setRegister(true).build());
        }
        boolean moved = !request.getAddress().isEmpty()
                && !request.getAddress().equals(record.getAddress());
        boolean register = moved
                || !node.isInventoried()
                || node.hasUnnamed()
                || node.health().isDown();
        if (nodes.heard(node, request.getDrivesList())) {
            returned();
        }
        scrub.progress(node.id(), request.getScrubbedBytes());
        List<CompletableFuture<?>> effects = new ArrayList<>(recordLosses(request.getDamageList()));
        List<ShardRef> deleted = new ArrayList<>();
        for (OrderResult result : request.getResultsList()) {
            GivenOrder order = node.given().get(result.getOrder());
            if (order != null) {
                effects.add(obey(node, order, result, deleted));
            }
        }
        for (List<ShardRef> some : chunks(deleted)) {
            effects.add(leader.propose(Command.newBuilder()
                    .setShardsDeleted(ShardsDeleted.newBuilder().addAllShards(some))));
        }
        if (effects.isEmpty()) {
            return CompletableFuture.completedFuture(answer(node, register));
        }
        return LeaderContext.all(effects)
                .thenCompose(done -> repair.advance())
                .thenApply(done -> answer(node, register));
    }

    private HeartbeatReply answer(LiveNode node, boolean register) {
        return reply().setRegister(register)
                .addAllOrders(orders.ordersFor(node))
                .build();
    }

    private HeartbeatReply.Builder reply() {
        return HeartbeatReply.newBuilder().setAuthority(leader.authority());
    }

    /** What an order came to. What was not done is ordered again. */
    private CompletableFuture<?> obey(
            LiveNode node, GivenOrder order, OrderResult result, List<ShardRef> deleted) {
        boolean failed = result.hasFailure();
        boolean gone = failed && result.getFailure().getCode() == ErrorCode.NOT_FOUND;
        switch (order) {
            case GivenOrder.Seal(ShardRef shard) -> {
                if (!failed || gone) {
                    node.pendingSeals().remove(shard);
                }
                if (gone) {
                    return LeaderContext.all(recordLosses(List.of(ShardDamage.newBuilder()
                            .setShard(shard)
                            .setKind(ShardDamage.Kind.MISSING_SHARD)
                            .setDetail("not there to be sealed: "
                                    + result.getFailure().getMessage())
                            .build())));
                }
            }
            case GivenOrder.Delete(ShardRef shard) -> {
                if (!failed || gone) {
                    deleted.add(shard);
                }
            }
            case GivenOrder.Rebuild(RunningRepair begun) -> {
                return repair.ended(begun, result);
            }
            case GivenOrder.Scrub(long id) -> scrub.ended(id, node.id(), result);
            case GivenOrder.Compare(long id, SegmentId segment) ->
                scrub.compared(id, segment, node.id(), result);
            case GivenOrder.Takeover(Takeovers.Given given) -> {
                takeovers.ended(given, result);
                return CompletableFuture.completedFuture(null);
            }
        }
        if (failed && !gone) {
            node.rest(result.getOrder(), leader.nowNanos() + FAILED_ORDER_RESTS_NANOS);
            LOG.warn(
                    "event=order_failed node={} order={} kind={} reason=\"{}\"",
                    node.id(),
                    result.getOrder(),
                    order.getClass().getSimpleName(),
                    result.getFailure().getMessage());
        }
        return CompletableFuture.completedFuture(null);
    }

    // ---- damage

    CompletableFuture<Void> report(List<ShardDamage> damage) {
        return LeaderContext.all(recordLosses(damage)).thenRun(repair::changed);
    }

    /** What is recorded already is not recorded again, unless its repair may have begun before. */
    private List<CompletableFuture<Outcome>> recordLosses(List<ShardDamage> damage) {
        LinkedHashMap<ShardRef, ShardDamage> news = new LinkedHashMap<>();
        for (ShardDamage one : damage) {
            ShardRef shard = one.getShard();
            SegmentId segment = SegmentId.of(shard.getSegment());
            LossRecord known = leader.metadata().loss(segment, shard.getIndex());
            if (known == null
                    || !known.getShard().equals(shard)
                    || (one.getKind() == ShardDamage.Kind.MISSING_SHARD
                            && known.getKind() != ShardDamage.Kind.MISSING_SHARD)
                    || repair.isRepairing(shard)) {
                news.put(shard, one);
            }
        }
        List<CompletableFuture<Outcome>> commands = new ArrayList<>();
        for (List<ShardDamage> some : chunks(List.copyOf(news.values()))) {
            commands.add(leader.propose(Command.newBuilder()
                    .setLossesRecord(LossesRecord.newBuilder().addAllLosses(some))));
        }
        if (!commands.isEmpty()) {
            repair.changed();
        }
        return commands;
    }

    private static <T> List<List<T>> chunks(List<T> all) {
        List<List<T>> chunks = new ArrayList<>();
        for (int from = 0; from < all.size(); from += MAX_SHARDS_PER_COMMAND) {
            chunks.add(all.subList(from, Math.min(all.size(), from + MAX_SHARDS_PER_COMMAND)));
        }
        return chunks;
    }
}
