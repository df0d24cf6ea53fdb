package io.ashlar.coordinator;

import io.ashlar.client.AshlarException;
import io.ashlar.client.model.DriveId;
import io.ashlar.client.model.SegmentId;
import io.ashlar.client.protocol.ErrorCode;
import io.ashlar.client.protocol.OrderResult;
import io.ashlar.client.protocol.RebuildShard;
import io.ashlar.client.protocol.RepairStatus;
import io.ashlar.client.protocol.Segment;
import io.ashlar.client.protocol.SegmentState;
import io.ashlar.client.protocol.ShardRef;
import io.ashlar.coordinator.plan.ClusterView.Availability;
import io.ashlar.coordinator.plan.DamageSurvey;
import io.ashlar.coordinator.plan.DamageSurvey.AffectedSegment;
import io.ashlar.coordinator.plan.DamageSurvey.Remedy;
import io.ashlar.coordinator.plan.DamageSurvey.ShardNeed;
import io.ashlar.coordinator.plan.DriveView;
import io.ashlar.coordinator.plan.PlacementPlanner;
import io.ashlar.coordinator.plan.RepairPlanner;
import io.ashlar.coordinator.record.Command;
import io.ashlar.coordinator.record.Outcome;
import io.ashlar.coordinator.record.RebuildAbandon;
import io.ashlar.coordinator.record.RebuildPlan;
import io.ashlar.coordinator.record.RebuildRecord;
import io.ashlar.coordinator.record.RepairForce;
import io.ashlar.coordinator.record.RepairPause;
import io.ashlar.coordinator.record.RepairRecord;
import io.ashlar.coordinator.record.ShardComplete;
import io.ashlar.coordinator.record.ShardPlace;

import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

import java.util.ArrayList;
import java.util.HashMap;
import java.util.HashSet;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.concurrent.CompletableFuture;

/**
 * Repair as the leader runs it: look at what is wrong, begin what the planner chooses, give the
 * orders, record what came of them.
 *
 * <p>A rebuild on another drive is planned in the metadata first. So a new leader takes it up where
 * it was, and a plan that nobody needs any more (the shard came back, the segment was deleted, the
 * target's node died) is abandoned there, which dooms what was rebuilt so far.
 */
final class Repair {
    private static final Logger LOG = LoggerFactory.getLogger(Repair.class);

    /** With more segments affected than this, the look at them is not taken anew every time. */
    private static final int MANY_AFFECTED = 1000;

    private static final long LOOK_NANOS = 500_000_000;
    private static final int MAX_PLACE_ATTEMPTS = 5;
    private static final int MAX_REPORTED_FAILURES = 100;

    private final LeaderContext leader;
    private final LiveNodes nodes;
    private final RepairPlanner planner;
    private final RepairAttempts attempts;
    private final Throughput throughput = new Throughput();
    private final Map<SegmentId, RunningRepair> running = new LinkedHashMap<>();

    /** Plans that are being given up: they still stand in the metadata, and are not taken up again. */
    private final Set<ShardRef> abandoning = new HashSet<>();

    private DamageSurvey survey;
    private long surveyedNanos;
    private boolean changed = true;

    Repair(LeaderContext leader, LiveNodes nodes) {
        this.leader = leader;
        this.nodes = nodes;
        CoordinatorConfig.RepairLimits limits = leader.config().repair();
        this.planner = new RepairPlanner(limits.maxRunning(), limits.maxRunningPerNode());
        this.attempts = new RepairAttempts(limits);
        this.survey = DamageSurvey.take(leader.metadata(), nodes);
        this.surveyedNanos = leader.nowNanos();
    }

    // ---- what is wrong

    /** Something that repair looks at is not what it was. */
    void changed() {
        changed = true;
    }

    /** A node or a drive came or went: what failed may succeed now. */
    void nodeReturned() {
        attempts.retryNow();
        changed = true;
    }

    DamageSurvey survey() {
        long now = leader.nowNanos();
        boolean old = now - surveyedNanos >= LOOK_NANOS;
        if (old || (changed && survey.segments().size() < MANY_AFFECTED)) {
            survey = DamageSurvey.take(leader.metadata(), nodes);
            surveyedNanos = now;
            changed = false;
        }
        return survey;
    }

    /** Whether the segment was found undecodable although all its shards have answered. */
    boolean isUndecodable(AffectedSegment segment) {
        return segment.goneShards() > segment.policy().m()
                || (attempts.isUndecodable(segment.id()) && segment.allAnswered());
    }

    private boolean isRunning(SegmentId segment) {
        return running.containsKey(segment);
    }

    /** Whether exactly this shard is being made complete. */
    boolean isRepairing(ShardRef shard) {
        RunningRepair repair = running.get(SegmentId.of(shard.getSegment()));
        return repair != null && repair.target().equals(shard);
    }

    // ---- what is begun

    /** Begins what can be begun; completes when its orders can be given. */
    CompletableFuture<Void> advance() {
        if (!nodes.isSettled()) {
            return CompletableFuture.completedFuture(null);
        }
        DamageSurvey seen = survey();
        List<CompletableFuture<?>> commands = new ArrayList<>();
        dropWhatNobodyNeeds(seen, commands);
        resumePlans(seen, commands);
        if (!leader.metadata().repair().getPaused()) {
            Map<SegmentId, String> busy = new HashMap<>();
            running.forEach((segment, repair) -> busy.put(segment, repair.node()));
            planner.next(seen, nodes, busy, attempts.resting(leader.nowNanos()), attempts.tried())
                    .forEach(repair -> begin(repair, commands));
        }
        return LeaderContext.all(commands);
    }

    private void dropWhatNobodyNeeds(DamageSurvey seen, List<CompletableFuture<?>> commands) {
        long now = leader.nowNanos();
        for (RunningRepair repair : List.copyOf(running.values())) {
            ShardNeed need = seen.need(repair.segment(), repair.target().getIndex());
            boolean inPlaceStill =
                    !repair.inPlace() || (need != null && need.remedy() == Remedy.IN_PLACE);
            if (!repair.planned()) {
                continue;
            }
            if (need == null || !inPlaceStill) {
                running.remove(repair.segment());
            } else if (!isThere(DriveId.of(repair.target().getDrive()))) {
                commands.add(failed(repair, "node " + repair.node() + " went away", true, false));
            } else if (now - repair.startedNanos()
                    >= leader.config().repair().timeout().toNanos()) {
                commands.add(failed(repair, "not done in time", true, false));
            }
        }
        attempts.keepOnly(seen.ids());
    }

    private boolean isThere(DriveId drive) {
        return nodes.availability(drive) == Availability.AVAILABLE;
    }

    /** Plans of an earlier leader, and plans that have lost their reason. */
    private void resumePlans(DamageSurvey seen, List<CompletableFuture<?>> commands) {
        for (RebuildRecord plan : leader.metadata().rebuilds()) {
            ShardRef target = plan.getTarget();
            SegmentId id = SegmentId.of(target.getSegment());
            ShardNeed need = seen.need(id, target.getIndex());
            RunningRepair repair = running.get(id);
            boolean known = repair != null && repair.target().equals(target);
            if (known || abandoning.contains(target)) {
                continue;
            }
            if (need == null || repair != null || !isThere(DriveId.of(target.getDrive()))) {
                commands.add(abandon(target));
            } else {
                running.put(
                        id,
                        new RunningRepair(
                                id,
                                target,
                                plan.getNode(),
                                false,
                                0,
                                isWeakerWith(target),
                                leader.nowNanos(),
                                attempts.count(id),
                                true));
            }
        }
    }

    private boolean isWeakerWith(ShardRef target) {
        Segment segment = leader.metadata().segment(SegmentId.of(target.getSegment()));
        List<DriveView> drives = new ArrayList<>();
        if (segment != null) {
            segment.getPlacementsList().forEach(placement -> {
                ShardRef shard = placement.getShard();
                ShardRef there = shard.getIndex() == target.getIndex() ? target : shard;
                nodes.drive(DriveId.of(there.getDrive())).ifPresent(drives::add);
            });
        }
        return PlacementPlanner.isWeaker(drives);
    }

    private void begin(RepairPlanner.Repair repair, List<CompletableFuture<?>> commands) {
        SegmentId id = repair.segment().id();
        ShardNeed need = repair.need();
        ShardRef target = repair.inPlace()
                ? need.shard()
                : need.shard().toBuilder()
                        .setIncarnation(leader.newNumber())
                        .setDrive(repair.drive().id().toProto())
                        .build();
        RunningRepair begun = new RunningRepair(
                id,
                target,
                repair.drive().node(),
                repair.inPlace(),
                repair.inPlace() ? need.loss() : 0,
                repair.weaker(),
                leader.nowNanos(),
                attempts.count(id),
                repair.inPlace());
        running.put(id, begun);
        if (repair.inPlace()) {
            return;
        }
        LiveNode node = nodes.get(repair.drive().node());
        if (node != null) {
            node.assign(repair.drive().id(), repair.segment().segment().getShardBytes());
        }
        commands.add(leader.propose(Command.newBuilder()
                        .setRebuildPlan(RebuildPlan.newBuilder()
                                .setVersion(repair.segment().segment().getVersion())
                                .setTarget(target)
                                .setNode(begun.node())
                                .setReason(need.reason())))
                .handle((done, failure) -> {
                    if (failure == null) {
                        running.replace(id, begun, begun.asPlanned());
                    } else {
                        running.remove(id, begun);
                        changed = true;
                    }
                    return done;
                }));
    }

    /** The rebuilds that a node is to carry out. */
    Map<RunningRepair, RebuildShard> runningOn(String node) {
        Map<RunningRepair, RebuildShard> orders = new LinkedHashMap<>();
        for (RunningRepair repair : running.values()) {
            Segment segment = leader.metadata().segment(repair.segment());
            if (repair.planned() && repair.node().equals(node) && segment != null) {
                int index = repair.target().getIndex();
                orders.put(
                        repair,
                        RebuildShard.newBuilder()
                                .setSegment(nodes.present(segment))
                                .setShard(repair.target())
                                .setCells(segment.getPlacements(index).getCells())
                                .build());
            }
        }
        return orders;
    }

    // ---- what came of it

    /** Says nothing where the result is of an attempt that does not run any more. */
    CompletableFuture<?> ended(RunningRepair repair, OrderResult result) {
        SegmentId segment = repair.segment();
        if (!repair.equals(running.get(segment))) {
            return CompletableFuture.completedFuture(null);
        }
        if (result.hasFailure()) {
            ErrorCode code = result.getFailure().getCode();
            boolean undecodable =
                    code == ErrorCode.CORRUPT || code == ErrorCode.INSUFFICIENT_SHARDS;
            boolean blameless = undecodable || (repair.inPlace() && code == ErrorCode.UNAVAILABLE);
            String reason = "shard " + repair.target().getIndex() + " on node " + repair.node()
                    + ": " + result.getFailure().getMessage();
            return failed(repair, reason, !blameless, undecodable && allUp(segment));
        }
        throughput.add(result.getBytesWritten(), leader.nowNanos());
        CompletableFuture<?> recorded = repair.inPlace()
                ? leader.propose(Command.newBuilder()
                        .setShardComplete(ShardComplete.newBuilder()
                                .setShard(repair.target())
                                .setLoss(repair.loss())
                                .setCellsWritten(result.getCellsWritten())))
                : place(repair, result.getCellsWritten(), MAX_PLACE_ATTEMPTS);
        return recorded.whenComplete((done, failure) -> {
            running.remove(segment, repair);
            survey.forget(segment);
            changed = true;
            if (failure == null) {
                attempts.forget(segment);
            }
        });
    }

    private boolean allUp(SegmentId id) {
        Segment segment = leader.metadata().segment(id);
        return segment != null
                && segment.getPlacementsList().stream()
                        .allMatch(placement ->
                                nodes.isUp(DriveId.of(placement.getShard().getDrive())));
    }

    /** By compare-and-set: a segment that changed meanwhile is looked at again. */
    private CompletableFuture<Outcome> place(RunningRepair repair, int cellsWritten, int left) {
        Segment segment = leader.metadata().segment(repair.segment());
        if (segment == null || segment.getState() != SegmentState.SEALED) {
            return CompletableFuture.completedFuture(Outcome.getDefaultInstance());
        }
        return leader.propose(Command.newBuilder()
                        .setShardPlace(ShardPlace.newBuilder()
                                .setVersion(segment.getVersion())
                                .setTarget(repair.target())
                                .setNode(repair.node())
                                .setCellsWritten(cellsWritten)
                                .setWeaker(isWeakerWith(repair.target()))))
                .exceptionallyCompose(failure -> {
                    AshlarException refusal = refusal(failure);
                    if (refusal instanceof AshlarException.Unavailable && left > 1) {
                        return place(repair, cellsWritten, left - 1);
                    }
                    LOG.info(
                            "event=rebuilt_shard_not_placed segment={} index={} reason=\"{}\"",
                            repair.segment(),
                            repair.target().getIndex(),
                            refusal.getMessage());
                    return CompletableFuture.completedFuture(Outcome.getDefaultInstance());
                });
    }

    /** A command that the metadata refused; one that the log did not take is the next leader's. */
    private static AshlarException refusal(Throwable failure) {
        Throwable cause = failure.getCause() != null ? failure.getCause() : failure;
        if (failure instanceof LostLeadershipException lost) {
            throw lost;
        }
        if (cause instanceof LostLeadershipException lost) {
            throw lost;
        }
        return AshlarException.in(failure);
    }

    private CompletableFuture<?> failed(
            RunningRepair repair, String reason, boolean driveToBlame, boolean undecodable) {
        LOG.warn(
                "event=repair_failed segment={} index={} node={} in_place={} reason=\"{}\"",
                repair.segment(),
                repair.target().getIndex(),
                repair.node(),
                repair.inPlace(),
                reason);
        running.remove(repair.segment(), repair);
        attempts.failed(
                repair.segment(),
                reason,
                driveToBlame ? DriveId.of(repair.target().getDrive()) : null,
                undecodable,
                leader.nowNanos());
        changed = true;
        return repair.inPlace()
                ? CompletableFuture.completedFuture(null)
                : abandon(repair.target());
    }

    private CompletableFuture<Outcome> abandon(ShardRef target) {
        abandoning.add(target);
        return leader.propose(Command.newBuilder()
                        .setRebuildAbandon(RebuildAbandon.newBuilder().setTarget(target)))
                .whenComplete((done, failure) -> abandoning.remove(target));
    }

    // ---- what people ask for

    /** Waits for nobody that is down, and rests nothing. */
    CompletableFuture<RepairStatus> force() {
        return leader.propose(Command.newBuilder().setRepairForce(RepairForce.getDefaultInstance()))
                .thenCompose(done -> {
                    attempts.clear();
                    changed = true;
                    return advance();
                })
                .thenApply(done -> status());
    }

    CompletableFuture<RepairStatus> pause(boolean paused) {
        return leader.propose(Command.newBuilder()
                        .setRepairPause(RepairPause.newBuilder().setPaused(paused)))
                .thenApply(done -> status());
    }

    RepairStatus status() {
        RepairRecord record = leader.metadata().repair();
        Map<SegmentId, String> failed = failedWithReasons();
        long queued = 0;
        long queuedBytes = 0;
        for (AffectedSegment segment : survey().segments()) {
            if (failed.containsKey(segment.id())
                    || segment.segment().getState() != SegmentState.SEALED) {
                continue;
            }
            long shards = segment.needs().values().stream()
                    .filter(need -> need.remedy() != Remedy.AWAIT)
                    .count();
            shards = Math.max(0, shards - (isRunning(segment.id()) ? 1 : 0));
            queued += shards;
            queuedBytes += shards * segment.segment().getSealedBytes();
        }
        long bytesPerSecond = throughput.bytesPerSecond(leader.nowNanos());
        boolean busy = queued > 0 || !running.isEmpty();
        return RepairStatus.newBuilder()
                .setState(record.getPaused() ? "paused" : busy ? "running" : "idle")
                .setQueued(queued)
                .setRunning(running.size())
                .setRepairedShards(record.getRepairedShards())
                .setRepairedCells(record.getRepairedCells())
                .addAllFailed(
                        failed.values().stream().limit(MAX_REPORTED_FAILURES).toList())
                .setBytesPerSecond(bytesPerSecond)
                .setEtaSeconds(bytesPerSecond == 0 ? 0 : Math.ceilDiv(queuedBytes, bytesPerSecond))
                .build();
    }

    private Map<SegmentId, String> failedWithReasons() {
        Map<SegmentId, String> failed = new LinkedHashMap<>();
        planner.stuck()
                .forEach((segment, need) -> failed.put(
                        segment,
                        "segment " + segment + ": no drive in a failure domain that may take shard "
                                + need.shard().getIndex()
                                + " has room and is up: add nodes or drives"));
        attempts.reported()
                .forEach((segment, reason) ->
                        failed.put(segment, "segment " + segment + ": " + reason));
        return failed;
    }
}
