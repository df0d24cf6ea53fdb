package io.ashlar.coordinator;

import io.ashlar.client.AshlarException;
import io.ashlar.client.model.Policy;
import io.ashlar.client.model.SegmentId;
import io.ashlar.client.protocol.ClusterStatus;
import io.ashlar.client.protocol.DegradedSegment;
import io.ashlar.client.protocol.DegradedSegments;
import io.ashlar.client.protocol.DriveInfo;
import io.ashlar.client.protocol.Health;
import io.ashlar.client.protocol.ListDegraded;
import io.ashlar.client.protocol.NodeStatus;
import io.ashlar.client.protocol.SegmentCounts;
import io.ashlar.coordinator.metadata.UnmadeText;
import io.ashlar.coordinator.plan.DamageSurvey;
import io.ashlar.coordinator.plan.DamageSurvey.AffectedSegment;
import io.ashlar.coordinator.plan.DamageSurvey.ShardNeed;
import io.ashlar.coordinator.record.NodeRecord;
import io.ashlar.coordinator.record.VolumeRecord;

import java.util.ArrayList;
import java.util.Comparator;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;

/**
 * How the cluster is: said from what was last heard and verified, never from what should be.
 */
final class StatusReport {
    private static final long NANOS_PER_MILLI = 1_000_000;

    /** Segments with lost stripes, and volumes with lost blocks, that are named. */
    private static final int MAX_LOSSES = 10;

    /** Told of in one answer. */
    private static final int MAX_DEGRADED = 10_000;

    private final LeaderContext leader;
    private final LiveNodes nodes;
    private final SlowDrives slow;
    private final Repair repair;
    private final Scrub scrub;
    private final Takeovers takeovers;

    StatusReport(
            LeaderContext leader,
            LiveNodes nodes,
            SlowDrives slow,
            Repair repair,
            Scrub scrub,
            Takeovers takeovers) {
        this.leader = leader;
        this.nodes = nodes;
        this.slow = slow;
        this.repair = repair;
        this.scrub = scrub;
        this.takeovers = takeovers;
    }

    ClusterStatus report() {
        Findings findings = new Findings(takeovers.stuck());
        DamageSurvey survey = repair.survey();
        survey.segments().forEach(findings::add);
        List<VolumeRecord> volumes = leader.metadata().volumes();
        volumes.forEach(findings::add);
        List<String> reasons = new ArrayList<>();
        List<NodeStatus> nodeStatuses = new ArrayList<>();
        for (LiveNode node : nodes.all()) {
            NodeStatus status = status(node);
            nodeStatuses.add(status);
            if (!status.getState().equals("up")) {
                reasons.add("node " + node.id() + " is " + status.getState() + ": "
                        + status.getReason());
            }
            slow.reasons(node)
                    .forEach(reason -> reasons.add("node " + node.id() + ": " + reason
                            + "; new segments avoid it where another can take its place"));
        }
        findings.explain(reasons);
        return ClusterStatus.newBuilder()
                .setHealth(findings.health())
                .addAllNodes(nodeStatuses)
                .setSegments(findings.counts(leader.metadata().segmentCounts())
                        .setWeaker(leader.metadata().weakerSegments().size())
                        .setOpen(leader.metadata().openSegmentCount()))
                .setRepair(repair.status())
                .setScrub(scrub.status())
                .setLeader(leader.config().advertised().toString())
                .setVolumes(volumes.size())
                .addAllReasons(reasons)
                .build();
    }

    /** Those of a volume, as many as an answer holds. */
    DegradedSegments degraded(ListDegraded request) throws AshlarException {
        if (!nodes.isSettled()) {
            throw new AshlarException.Unavailable("this coordinator has just begun to lead, and has"
                    + " not heard of every node: ask again in a few seconds");
        }
        SegmentId after = SegmentId.of(request.getAfter());
        List<AffectedSegment> found = repair.survey().segments().stream()
                .filter(segment -> segment.segment().getVolume().equals(request.getVolume())
                        && segment.id().compareTo(after) > 0
                        && segment.survivableLosses() < segment.policy().m())
                .sorted(Comparator.comparing(AffectedSegment::id))
                .limit(MAX_DEGRADED + 1)
                .toList();
        DegradedSegments.Builder told =
                DegradedSegments.newBuilder().setMore(found.size() > MAX_DEGRADED);
        found.stream()
                .limit(MAX_DEGRADED)
                .forEach(segment -> told.addSegments(DegradedSegment.newBuilder()
                        .setSegment(segment.id().toProto())
                        .setSurvivableLosses(segment.survivableLosses())
                        .setLost(Repair.isUndecodable(segment))));
        return told.build();
    }

    private NodeStatus status(LiveNode node) {
        NodeRecord record = leader.metadata().node(node.id());
        NodeStatus.Builder status = NodeStatus.newBuilder()
                .setId(node.id())
                .setState(node.health().state().text())
                .setReason(reason(node))
                .setMillisSinceHeartbeat(
                        (leader.nowNanos() - node.health().heardNanos()) / NANOS_PER_MILLI)
                .addAllDrives(node.drives());
        if (record != null) {
            status.setZone(record.getZone()).setAddress(record.getAddress());
        }
        for (DriveInfo drive : node.drives()) {
            status.setUsedBytes(status.getUsedBytes() + drive.getUsedBytes());
            status.setCapacityBytes(status.getCapacityBytes() + drive.getCapacityBytes());
        }
        return status.build();
    }

    private String reason(LiveNode node) {
        List<String> reasons = new ArrayList<>();
        reasons.add(node.health().reason());
        if (node.unknownShards() > 0) {
            reasons.add("keeps " + node.unknownShards() + " unknown shards");
        }
        reasons.addAll(slow.reasons(node));
        return String.join("; ", reasons);
    }

    /** What the survey comes to. */
    private static final class Findings {
        private final Map<String, Long> affectedByPolicy = new TreeMap<>();
        private final Map<Integer, Long> bySurvivable = new TreeMap<>();
        private final List<String> losses = new ArrayList<>();
        private final Map<String, String> stuckVolumes;
        private final Map<String, Long> lostBlocks = new TreeMap<>();
        private long lost;
        private long unavailable;
        private long degraded;

        Findings(Map<String, String> stuckVolumes) {
            this.stuckVolumes = stuckVolumes;
        }

        void add(AffectedSegment segment) {
            int survivable = segment.survivableLosses();
            if (survivable == segment.policy().m()) {
                return;
            }
            affectedByPolicy.merge(segment.segment().getPolicy(), 1L, Long::sum);
            if (Repair.isUndecodable(segment)) {
                lost++;
                explainLoss(segment);
            } else {
                bySurvivable.merge(Math.max(0, survivable), 1L, Long::sum);
                unavailable += survivable < 0 ? 1 : 0;
                degraded++;
            }
        }

        /** What was lost stays lost until it is written anew, also when its segment is gone. */
        void add(VolumeRecord volume) {
            long blocks = VolumeRequests.lostBlocks(volume);
            if (blocks > 0) {
                lostBlocks.put(volume.getName(), blocks);
            }
        }

        private void explainLoss(AffectedSegment segment) {
            segment.needs().values().stream()
                    .filter(ShardNeed::isUndecodable)
                    .findFirst()
                    .filter(need -> losses.size() < MAX_LOSSES)
                    .ifPresent(need -> losses.add(
                            "segment " + segment.id() + ": " + UnmadeText.of(need.unmade())));
        }

        SegmentCounts.Builder counts(Map<String, Long> totals) {
            SegmentCounts.Builder counts = SegmentCounts.newBuilder().setLost(lost);
            totals.forEach((policy, total) -> {
                counts.setTotal(counts.getTotal() + total);
                long whole = total - affectedByPolicy.getOrDefault(policy, 0L);
                if (whole > 0) {
                    bySurvivable.merge(lossesSurvivedBy(policy), whole, Long::sum);
                }
            });
            return counts.putAllBySurvivableLosses(bySurvivable);
        }

        Health health() {
            if (lost > 0 || !lostBlocks.isEmpty()) {
                return Health.DATA_LOSS;
            }
            boolean atRisk = unavailable > 0
                    || !stuckVolumes.isEmpty()
                    || (degraded > 0 && bySurvivable.getOrDefault(0, 0L) > 0);
            return atRisk ? Health.AT_RISK : degraded > 0 ? Health.DEGRADED : Health.OK;
        }

        void explain(List<String> reasons) {
            if (lost > 0) {
                reasons.add(lost + " segments have stripes that cannot be decoded");
                reasons.addAll(losses);
            }
            lostBlocks.entrySet().stream()
                    .limit(MAX_LOSSES)
                    .forEach(volume -> reasons.add("volume " + volume.getKey() + ": "
                            + volume.getValue() + " blocks are lost and read as errors; write them"
                            + " anew or restore them from a backup"));
            if (lostBlocks.size() > MAX_LOSSES) {
                reasons.add(lostBlocks.size() - MAX_LOSSES + " other volumes have lost blocks");
            }
            if (unavailable > 0) {
                reasons.add(
                        unavailable + " segments have more shards unavailable than they may lose:"
                                + " bring nodes back");
            }
            stuckVolumes.forEach((volume, why) -> reasons.add("volume " + volume
                    + " is blocked: " + why + ": bring nodes back, or give up what cannot be"
                    + " recovered with `ashlar volume recover " + volume + " --accept-loss`"));
            bySurvivable.forEach((survivable, segments) -> reasons.add(segments
                    + " segments are not whole or not spread, and survive " + survivable
                    + " further losses"));
        }
    }

    private static int lossesSurvivedBy(String policy) {
        try {
            return Policy.parse(policy).m();
        } catch (AshlarException.Invalid e) {
            throw new IllegalStateException("segments are counted under no policy", e);
        }
    }
}
