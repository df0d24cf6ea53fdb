package io.ashlar.coordinator;

import io.ashlar.client.model.DriveId;
import io.ashlar.client.model.SegmentId;
import io.ashlar.client.protocol.DriveInfo;
import io.ashlar.client.protocol.Id;
import io.ashlar.client.protocol.Placement;
import io.ashlar.client.protocol.SealShard;
import io.ashlar.client.protocol.Segment;
import io.ashlar.client.protocol.SegmentList;
import io.ashlar.client.protocol.SegmentState;
import io.ashlar.client.protocol.ShardRef;
import io.ashlar.coordinator.plan.ClusterView;
import io.ashlar.coordinator.plan.DriveView;
import io.ashlar.coordinator.plan.HealthPolicy;
import io.ashlar.coordinator.plan.NodeHealth;
import io.ashlar.coordinator.plan.NodeHealth.State;
import io.ashlar.coordinator.record.Command;
import io.ashlar.coordinator.record.EventText;
import io.ashlar.coordinator.record.EventsRecord;
import io.ashlar.coordinator.record.LossRecord;
import io.ashlar.coordinator.record.NodeRecord;
import io.ashlar.coordinator.record.NodeStates;

import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

import java.util.ArrayList;
import java.util.Collection;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.TreeMap;
import java.util.stream.Collectors;

/**
 * The nodes as the leader hears them: their health, their drives' room, their domains. To a new
 * leader every node that was not down is suspect until it is heard: nobody takes it for lost before
 * its silence has lasted, and nobody says that it is up.
 */
final class LiveNodes implements ClusterView {
    private static final Logger LOG = LoggerFactory.getLogger(LiveNodes.class);

    /** Of a drive's capacity; kept for repair, checkpoints and cleaning. */
    private static final double RESERVED_FRACTION = 0.03;

    private static final String NOT_YET_HEARD = "not heard since this coordinator leads";

    private final LeaderContext leader;
    private final SlowDrives slow;
    private final HealthPolicy policy;
    private final Map<String, LiveNode> nodes = new TreeMap<>();
    private Set<String> zones = Set.of();
    private long zonesAtIndex = -1;

    LiveNodes(LeaderContext leader, SlowDrives slow) {
        this.leader = leader;
        this.slow = slow;
        CoordinatorConfig.Timings timings = leader.config().timings();
        this.policy = new HealthPolicy(
                timings.suspectAfter(),
                timings.downAfter(),
                timings.flapWindow(),
                timings.maxFalls(),
                timings.quarantine());
        for (NodeRecord record : leader.metadata().nodes()) {
            nodes.put(record.getId(), new LiveNode(record.getId(), remembered(record)));
        }
    }

    /** A node that was down has been so for as long as its record says, within reason. */
    private NodeHealth remembered(NodeRecord record) {
        long now = leader.sinceNanos();
        State state = State.of(record.getState());
        if (state != State.DOWN) {
            return state == State.QUARANTINED
                    ? new NodeHealth(state, record.getReason(), now, now, List.of())
                    : new NodeHealth(State.SUSPECT, NOT_YET_HEARD, now, now, List.of());
        }
        CoordinatorConfig.Timings timings = leader.config().timings();
        long downMillis = Math.clamp(
                leader.loop().wallMillis() - record.getSinceMillis(),
                0,
                timings.rebuildDelay().toMillis());
        return new NodeHealth(
                State.DOWN,
                record.getReason(),
                now - timings.downAfter().toNanos(),
                now - downMillis * 1_000_000,
                List.of());
    }

    Collection<LiveNode> all() {
        return nodes.values();
    }

    @Nullable
    LiveNode get(String id) {
        return nodes.get(id);
    }

    /** The node, as new where it was unknown. */
    LiveNode join(String id) {
        return nodes.computeIfAbsent(
                id,
                unknown -> new LiveNode(
                        id, new NodeHealth(State.UP, "registered", now(), now(), List.of())));
    }

    /**
     * Whether every node that may be up has registered, or was silent for long enough: before that,
     * placement would crowd the few that happened to speak first.
     */
    boolean isSettled() {
        return now() - leader.sinceNanos()
                        >= leader.config().timings().suspectAfter().toNanos()
                || nodes.values().stream()
                        .allMatch(node -> node.health().isDown() || node.isInventoried());
    }

    // ---- health

    /** A heartbeat came; true where it changes what can be had from the node. */
    boolean heard(LiveNode node, List<DriveInfo> drives) {
        boolean drivesChanged = tellFailures(node, drives);
        node.setDrives(drives);
        return change(node, policy.heard(node.health(), now())) || drivesChanged;
    }

    private boolean tellFailures(LiveNode node, List<DriveInfo> drives) {
        Set<DriveInfo> failedBefore = failed(node.drives());
        Set<DriveInfo> failedNow = failed(drives);
        for (DriveInfo drive : failedNow) {
            if (!failedBefore.contains(drive)) {
                LOG.warn(
                        "event=drive_failed node={} drive={} path={} reason=\"{}\"",
                        node.id(),
                        DriveId.of(drive.getId()),
                        drive.getPath(),
                        drive.getFailure());
                Background.run(leader.propose(Command.newBuilder()
                        .setEventsRecord(EventsRecord.getDefaultInstance())
                        .addEvents(EventText.newBuilder()
                                .setSubject("node " + node.id())
                                .setText("drive " + DriveId.of(drive.getId()) + " ("
                                        + drive.getPath() + ") failed: " + drive.getFailure()))));
            }
        }
        return !failedBefore.equals(failedNow);
    }

    private static Set<DriveInfo> failed(List<DriveInfo> drives) {
        Set<DriveInfo> failed = new HashSet<>();
        for (DriveInfo drive : drives) {
            if (!drive.getFailure().isEmpty()) {
                failed.add(
                        drive.toBuilder().clearUsedBytes().clearCapacityBytes().build());
            }
        }
        return failed;
    }

    /** Time has passed; true where the health of some node changed. */
    boolean tick() {
        boolean changed = false;
        for (LiveNode node : nodes.values()) {
            changed |= change(node, policy.elapsed(node.health(), now()));
        }
        return changed;
    }

    /** This process did not run for a while: whoever spoke meanwhile could not be heard. */
    void excuse(long nanos) {
        for (LiveNode node : nodes.values()) {
            if (!node.health().isDown()) {
                node.setHealth(node.health().excused(nanos));
            }
        }
    }

    private boolean change(LiveNode node, NodeHealth health) {
        State before = node.health().state();
        node.setHealth(health);
        if (before == health.state()) {
            return false;
        }
        LOG.info(
                "event=node_state node={} from={} to={} reason=\"{}\"",
                node.id(),
                before.text(),
                health.state().text(),
                health.reason());
        NodeRecord told = NodeRecord.newBuilder()
                .setId(node.id())
                .setState(health.state().text())
                .setReason(health.reason())
                .build();
        Background.run(leader.propose(
                Command.newBuilder().setNodeStates(NodeStates.newBuilder().addNodes(told))));
        return true;
    }

    // ---- seals that a node has yet to hear of

    void expectSeals(Segment segment) {
        if (segment.getState() != SegmentState.SEALED) {
            return;
        }
        for (Placement placement : segment.getPlacementsList()) {
            LiveNode node = nodeOf(placement.getShard());
            if (node != null) {
                expectSeal(node, segment, placement);
            }
        }
    }

    void expectSeal(LiveNode node, Segment segment, Placement placement) {
        node.pendingSeals()
                .put(
                        placement.getShard(),
                        SealShard.newBuilder()
                                .setShard(placement.getShard())
                                .setSealedBytes(segment.getSealedBytes())
                                .setStripeCount(segment.getStripeCount())
                                .setCells(placement.getCells())
                                .build());
    }

    private @Nullable LiveNode nodeOf(ShardRef shard) {
        String node = leader.metadata().nodeOf(DriveId.of(shard.getDrive()));
        return node == null ? null : nodes.get(node);
    }

    // ---- the view of planning

    @Override
    public Optional<DriveView> drive(DriveId id) {
        String owner = leader.metadata().nodeOf(id);
        NodeRecord record = owner == null ? null : leader.metadata().node(owner);
        if (owner == null || record == null) {
            return Optional.empty();
        }
        return Optional.of(new DriveView(id, owner, domainOf(record, zones()), 1, 0, false));
    }

    @Override
    public Collection<DriveView> placeable(long shardBytes) {
        return placeable(shardBytes, Set.of(), Set.of());
    }

    /**
     * Those with room on healthy nodes that are not to be avoided.
     *
     * @param alsoSlow drives that are slow besides those that are known to be
     */
    Collection<DriveView> placeable(
            long shardBytes, Set<String> avoidedNodes, Set<DriveId> alsoSlow) {
        Set<String> zones = zones();
        List<DriveView> views = new ArrayList<>();
        for (LiveNode node : nodes.values()) {
            NodeRecord record = leader.metadata().node(node.id());
            if (record == null
                    || !node.health().takesShards()
                    || !node.isInventoried()
                    || avoidedNodes.contains(node.id())) {
                continue;
            }
            Set<DriveId> slowOnes = slow.avoidedOf(node, alsoSlow);
            for (DriveInfo drive : node.drives()) {
                DriveId id = DriveId.of(drive.getId());
                long roomBytes = roomBytes(node, drive);
                if (drive.getFailure().isEmpty()
                        && roomBytes >= shardBytes
                        && drive.getCapacityBytes() > 0
                        && node.id().equals(leader.metadata().nodeOf(id))) {
                    views.add(new DriveView(
                            id,
                            node.id(),
                            domainOf(record, zones),
                            drive.getCapacityBytes(),
                            roomBytes,
                            slowOnes.contains(id)));
                }
            }
        }
        return views;
    }

    private static long roomBytes(LiveNode node, DriveInfo drive) {
        long reservedBytes = (long) (drive.getCapacityBytes() * RESERVED_FRACTION);
        return drive.getCapacityBytes()
                - reservedBytes
                - drive.getUsedBytes()
                - node.assignedBytes(DriveId.of(drive.getId()));
    }

    @Override
    public Availability availability(DriveId drive) {
        String owner = leader.metadata().nodeOf(drive);
        LiveNode node = owner == null ? null : nodes.get(owner);
        if (node == null) {
            return Availability.AWAITED;
        }
        if (node.health().isDown()) {
            NodeRecord record = leader.metadata().node(node.id());
            boolean now = record != null && record.getRebuildNow();
            long delayNanos = leader.config().timings().rebuildDelay().toNanos();
            return now || now() - node.health().sinceNanos() >= delayNanos
                    ? Availability.GIVEN_UP
                    : Availability.AWAITED;
        }
        boolean failed = node.drives().stream()
                .anyMatch(told -> DriveId.of(told.getId()).equals(drive)
                        && !told.getFailure().isEmpty());
        return failed ? Availability.GIVEN_UP : Availability.AVAILABLE;
    }

    /** Whether the drive's node was heard a moment ago. */
    boolean isUp(DriveId drive) {
        String owner = leader.metadata().nodeOf(drive);
        LiveNode node = owner == null ? null : nodes.get(owner);
        return node != null
                && now() - node.health().heardNanos()
                        < leader.config().timings().suspectAfter().toNanos();
    }

    @Override
    public Collection<DriveId> unavailableDrives() {
        List<DriveId> drives = new ArrayList<>();
        for (LiveNode node : nodes.values()) {
            NodeRecord record = leader.metadata().node(node.id());
            if (record == null) {
                continue;
            }
            for (Id id : record.getDrivesList()) {
                if (availability(DriveId.of(id)) != Availability.AVAILABLE) {
                    drives.add(DriveId.of(id));
                }
            }
        }
        return drives;
    }

    /** Failure domains of all nodes that have registered, whatever their health. */
    int domainCount() {
        Set<String> zones = zones();
        Set<String> domains = new HashSet<>();
        leader.metadata().nodes().forEach(node -> domains.add(domainOf(node, zones)));
        return domains.size();
    }

    /** Read from the metadata once for as long as that stays as it is. */
    private Set<String> zones() {
        long index = leader.metadata().appliedIndex();
        if (index != zonesAtIndex) {
            zones = leader.metadata().nodes().stream()
                    .map(NodeRecord::getZone)
                    .filter(zone -> !zone.isEmpty())
                    .collect(Collectors.toUnmodifiableSet());
            zonesAtIndex = index;
        }
        return zones;
    }

    /** A zone that all share says nothing about what fails together. */
    private static String domainOf(NodeRecord node, Set<String> zones) {
        return zones.size() > 1 && !node.getZone().isEmpty()
                ? "zone " + node.getZone()
                : "node " + node.getId();
    }

    // ---- segments as clients see them

    /** As many as a page holds, with the present places of their shards. */
    SegmentList page(List<Segment> segments, int max) {
        SegmentList.Builder page = SegmentList.newBuilder().setMore(segments.size() > max);
        segments.stream().limit(max).forEach(segment -> page.addSegments(present(segment)));
        return page.build();
    }

    /** With the present node and address of every shard. */
    Segment present(Segment segment) {
        Segment.Builder present = segment.toBuilder();
        for (int index = 0; index < segment.getPlacementsCount(); index++) {
            present.setPlacements(index, present(segment.getPlacements(index)));
        }
        return present.build();
    }

    /**
     * Where cells of the segment may be that nobody else has: former places of all its shards that
     * lack anything. What they hold helps to make the others, and tells which generation is right.
     */
    List<Placement> former(Segment segment) {
        List<Placement> former = new ArrayList<>();
        for (Placement placement : segment.getPlacementsList()) {
            LossRecord loss = leader.metadata()
                    .loss(SegmentId.of(segment.getId()), placement.getShard().getIndex());
            if (loss != null) {
                for (ShardRef shard : loss.getFormerList()) {
                    former.add(present(Placement.newBuilder().setShard(shard).build()));
                }
            }
        }
        return former;
    }

    /** With the present node and address. */
    Placement present(Placement placement) {
        String owner = leader.metadata().nodeOf(DriveId.of(placement.getShard().getDrive()));
        NodeRecord node = owner == null ? null : leader.metadata().node(owner);
        return node == null
                ? placement
                : placement.toBuilder()
                        .setNode(node.getId())
                        .setAddress(node.getAddress())
                        .build();
    }

    private long now() {
        return leader.nowNanos();
    }
}
