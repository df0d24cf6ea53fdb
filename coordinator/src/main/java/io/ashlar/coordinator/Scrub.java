package io.ashlar.coordinator;

import io.ashlar.client.AshlarException;
import io.ashlar.client.model.DriveId;
import io.ashlar.client.model.SegmentId;
import io.ashlar.client.model.VolumeId;
import io.ashlar.client.protocol.CompareShards;
import io.ashlar.client.protocol.Id;
import io.ashlar.client.protocol.OrderResult;
import io.ashlar.client.protocol.Placement;
import io.ashlar.client.protocol.ScrubDrives;
import io.ashlar.client.protocol.ScrubStatus;
import io.ashlar.client.protocol.Segment;
import io.ashlar.client.protocol.ShardDamage;
import io.ashlar.client.protocol.ShardRef;
import io.ashlar.client.protocol.StartScrub;
import io.ashlar.coordinator.record.Command;
import io.ashlar.coordinator.record.EventText;
import io.ashlar.coordinator.record.LossRecord;
import io.ashlar.coordinator.record.NodeRecord;
import io.ashlar.coordinator.record.ScrubPut;
import io.ashlar.coordinator.record.ScrubRecord;
import io.ashlar.coordinator.record.VolumeRecord;

import org.jspecify.annotations.Nullable;

import java.util.HashMap;
import java.util.HashSet;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.concurrent.CompletableFuture;

/**
 * The scrub that somebody asked for: every node reads its shards and tells what it found; a deep
 * one has the shards of every segment compared as well ({@link DeepScrub}). It is over when each
 * node has answered or is down; the shards of one that is down count as unreadable, and are never
 * passed over in silence.
 */
final class Scrub {
    private final LeaderContext leader;
    private final LiveNodes nodes;
    private final Map<String, Long> outstanding = new HashMap<>();
    private ScrubRecord record;
    private @Nullable DeepScrub deep;

    /** Takes up the scrub that an earlier leader left running: its nodes are asked again. */
    Scrub(LeaderContext leader, LiveNodes nodes) {
        this.leader = leader;
        this.nodes = nodes;
        this.record = leader.metadata().scrub();
        if (record.getRunning()) {
            record = cleared(record);
            record.getNodesList().forEach(node -> outstanding.put(node, 0L));
            deep = comparisons();
        }
    }

    /** What a deep scrub has to compare; null for a plain one. */
    private @Nullable DeepScrub comparisons() {
        if (!record.getDeep()) {
            return null;
        }
        Set<SegmentId> segments = new LinkedHashSet<>();
        if (!record.getVolume().isEmpty()) {
            segmentsOf(record.getVolume()).forEach(id -> segments.add(SegmentId.of(id)));
        } else {
            for (String node : record.getNodesList()) {
                NodeRecord known = leader.metadata().node(node);
                if (known != null) {
                    for (Id drive : known.getDrivesList()) {
                        leader.metadata()
                                .shardsOn(DriveId.of(drive))
                                .forEach(shard -> segments.add(SegmentId.of(shard.getSegment())));
                    }
                }
            }
        }
        return new DeepScrub(leader, nodes, segments);
    }

    private static ScrubRecord cleared(ScrubRecord record) {
        return record.toBuilder()
                .clearBytesScanned()
                .clearCellsChecked()
                .clearCorruptCells()
                .clearUnreadable()
                .clearShardsChecked()
                .clearShardsPlaced()
                .clearSegmentsCompared()
                .clearSegmentsUncompared()
                .clearStripesDecoded()
                .build();
    }

    CompletableFuture<ScrubStatus> start(StartScrub request) throws AshlarException {
        if (record.getRunning()) {
            throw new AshlarException.Unavailable("a scrub is running already, on "
                    + outstanding.keySet() + ": `ashlar scrub status` shows how far it is");
        }
        ScrubRecord begun = ScrubRecord.newBuilder()
                .setId(leader.newNumber())
                .setRunning(true)
                .setDeep(request.getDeep())
                .addAllNodes(nodesFor(request))
                .setVolume(request.getVolume())
                .setStartedAtMillis(leader.loop().wallMillis())
                .setLastCompletedAtMillis(record.getLastCompletedAtMillis())
                .build();
        record = begun;
        begun.getNodesList().forEach(node -> outstanding.put(node, 0L));
        deep = comparisons();
        return put("started on " + begun.getNodesCount() + " nodes")
                .whenComplete((done, failure) -> {
                    if (failure != null) {
                        record = leader.metadata().scrub();
                        outstanding.clear();
                        deep = null;
                    }
                })
                .thenApply(done -> {
                    tick();
                    return status();
                });
    }

    private Set<String> nodesFor(StartScrub request) throws AshlarException {
        if (!request.getVolume().isEmpty()
                && leader.metadata().volume(request.getVolume()) == null) {
            throw new AshlarException.NotFound("volume " + request.getVolume() + " does not exist");
        }
        Set<String> asked = new HashSet<>();
        if (!request.getNode().isEmpty()) {
            if (nodes.get(request.getNode()) == null) {
                throw new AshlarException.NotFound("node " + request.getNode() + " does not exist");
            }
            asked.add(request.getNode());
        } else {
            leader.metadata().nodes().forEach(node -> asked.add(node.getId()));
        }
        if (asked.isEmpty()) {
            throw new AshlarException.Unavailable("no node has registered yet");
        }
        return asked;
    }

    /** What a node is to scrub, while it has not answered. */
    Optional<ScrubDrives> orderFor(String node) {
        if (!outstanding.containsKey(node)) {
            return Optional.empty();
        }
        ScrubDrives.Builder order =
                ScrubDrives.newBuilder().setScrub(record.getId()).setDeep(record.getDeep());
        if (!record.getVolume().isEmpty()) {
            List<Id> segments = segmentsOf(record.getVolume());
            if (segments.isEmpty()) {
                return Optional.empty(); // it was deleted meanwhile; to a node none means all
            }
            order.addAllSegments(segments);
        }
        return Optional.of(order.build());
    }

    /** The segments whose shards a node is to compare. */
    List<CompareShards> comparisonsFor(String node) {
        return deep == null ? List.of() : deep.ordersFor(node, record.getId());
    }

    private List<Id> segmentsOf(String name) {
        VolumeRecord volume = leader.metadata().volume(name);
        return volume == null
                ? List.of()
                : leader.metadata().segments(VolumeId.of(volume.getId())).stream()
                        .map(Segment::getId)
                        .toList();
    }

    /** How far a node is. */
    void progress(String node, long scrubbedBytes) {
        outstanding.computeIfPresent(node, (same, before) -> scrubbedBytes);
    }

    /** A node has read all it has. */
    void ended(long scrub, String node, OrderResult result) {
        if (!record.getRunning() || record.getId() != scrub || outstanding.remove(node) == null) {
            return;
        }
        if (result.hasFailure()) {
            giveUp(node);
        } else {
            long unreadable = result.getUnreadable();
            record = record.toBuilder()
                    .setBytesScanned(record.getBytesScanned() + result.getBytesRead())
                    .setCellsChecked(record.getCellsChecked() + result.getCellsChecked())
                    .setCorruptCells(record.getCorruptCells() + result.getDamagedCells())
                    .setUnreadable(record.getUnreadable() + unreadable)
                    .setShardsChecked(
                            record.getShardsChecked() + Math.max(0, shardsOn(node) - unreadable))
                    .build();
        }
        finishIfDone();
    }

    /** A node has compared the shards of a segment, or could not. */
    void compared(long scrub, SegmentId segment, String node, OrderResult result) {
        if (deep == null || record.getId() != scrub || !deep.ended(segment, node)) {
            return;
        }
        boolean whole = result.getUnreadable() == 0;
        if (result.hasFailure()) {
            deep.failed(segment);
        } else if (whole || !deep.triesElsewhere(segment)) {
            record = record.toBuilder()
                    .setBytesScanned(record.getBytesScanned() + result.getBytesRead())
                    .setCorruptCells(record.getCorruptCells() + result.getDamagedCells())
                    .setSegmentsCompared(record.getSegmentsCompared() + (whole ? 1 : 0))
                    .setSegmentsUncompared(record.getSegmentsUncompared() + (whole ? 0 : 1))
                    .setStripesDecoded(record.getStripesDecoded() + result.getStripesDecoded())
                    .build();
        }
        advance(deep);
        finishIfDone();
    }

    private void advance(DeepScrub comparisons) {
        comparisons.tick();
        long uncompared = comparisons.takeUncompared();
        if (uncompared > 0) {
            record = record.toBuilder()
                    .setSegmentsUncompared(record.getSegmentsUncompared() + uncompared)
                    .build();
        }
    }

    /** Nodes that are down are not waited for. */
    void tick() {
        if (!record.getRunning()) {
            return;
        }
        boolean nothing =
                !record.getVolume().isEmpty() && segmentsOf(record.getVolume()).isEmpty();
        for (String node : Set.copyOf(outstanding.keySet())) {
            @Nullable LiveNode live = nodes.get(node);
            if (nothing || live == null || live.health().isDown()) {
                outstanding.remove(node);
                giveUp(node);
            }
        }
        if (deep != null) {
            advance(deep);
        }
        finishIfDone();
    }

    private void giveUp(String node) {
        record = record.toBuilder()
                .setUnreadable(record.getUnreadable() + shardsOn(node))
                .build();
    }

    private void finishIfDone() {
        if (!outstanding.isEmpty() || (deep != null && !deep.isDone())) {
            return;
        }
        deep = null;
        long placed = 0;
        for (NodeRecord node : leader.metadata().nodes()) {
            placed += shardsOn(node.getId());
        }
        record = record.toBuilder()
                .setRunning(false)
                .setShardsPlaced(placed)
                .setCorruptCells(record.getCorruptCells() + cellsOfMissingShards())
                .setLastCompletedAtMillis(leader.loop().wallMillis())
                .build();
        Background.run(put("completed: " + record.getCellsChecked() + " cells checked, "
                + record.getCorruptCells() + " corrupt, " + record.getUnreadable()
                + " shards unreadable"
                + (record.getDeep()
                        ? ", " + record.getSegmentsCompared() + " segments compared, "
                                + record.getSegmentsUncompared() + " not wholly, "
                                + record.getStripesDecoded() + " stripes decoded"
                        : "")));
    }

    /**
     * Cells of shards that are gone as a whole from the nodes that were asked, such as those of a
     * deleted file: no node could read them, and they are damage all the same.
     */
    private long cellsOfMissingShards() {
        Set<SegmentId> scope = new HashSet<>();
        segmentsOf(record.getVolume()).forEach(segment -> scope.add(SegmentId.of(segment)));
        long cells = 0;
        for (LossRecord loss : leader.metadata().losses()) {
            SegmentId id = SegmentId.of(loss.getShard().getSegment());
            Segment segment = leader.metadata().segment(id);
            boolean asked = record.getVolume().isEmpty() || scope.contains(id);
            if (segment == null || !asked || loss.getKind() != ShardDamage.Kind.MISSING_SHARD) {
                continue;
            }
            Placement placement = segment.getPlacements(loss.getShard().getIndex());
            if (record.getNodesList().contains(placement.getNode())) {
                cells += placement.getCells();
            }
        }
        return cells;
    }

    private CompletableFuture<?> put(String text) {
        return leader.propose(Command.newBuilder()
                .setScrubPut(ScrubPut.newBuilder().setScrub(record))
                .addEvents(EventText.newBuilder().setSubject("scrub").setText(text)));
    }

    /** Shards placed on a node, of the volume that is scrubbed or of all. */
    private long shardsOn(String node) {
        NodeRecord known = leader.metadata().node(node);
        if (known == null) {
            return 0;
        }
        Set<SegmentId> scope = null;
        if (!record.getVolume().isEmpty()) {
            scope = new HashSet<>();
            for (Id segment : segmentsOf(record.getVolume())) {
                scope.add(SegmentId.of(segment));
            }
        }
        long shards = 0;
        for (Id drive : known.getDrivesList()) {
            for (ShardRef shard : leader.metadata().shardsOn(DriveId.of(drive))) {
                if (scope == null || scope.contains(SegmentId.of(shard.getSegment()))) {
                    shards++;
                }
            }
        }
        return shards;
    }

    ScrubStatus status() {
        long running = outstanding.values().stream().mapToLong(Long::longValue).sum();
        double coverage = record.getShardsPlaced() == 0
                ? record.getRunning() || record.getLastCompletedAtMillis() == 0 ? 0 : 100
                : 100.0 * record.getShardsChecked() / record.getShardsPlaced();
        return ScrubStatus.newBuilder()
                .setState(record.getRunning() ? "running" : "idle")
                .setBytesScanned(record.getBytesScanned() + running)
                .setCellsChecked(record.getCellsChecked())
                .setCorruptCells(record.getCorruptCells())
                .setUnreadable(record.getUnreadable())
                .setSegmentsCompared(record.getSegmentsCompared())
                .setSegmentsUncompared(record.getSegmentsUncompared())
                .setStripesDecoded(record.getStripesDecoded())
                .setLastCompletedAtMillis(record.getLastCompletedAtMillis())
                .setCoveragePercent(Math.min(100, coverage))
                .build();
    }
}
