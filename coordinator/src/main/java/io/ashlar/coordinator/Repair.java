package io.ashlar.coordinator;

import io.ashlar.client.model.DriveId;
import io.ashlar.client.model.SegmentId;
import io.ashlar.client.protocol.ErrorCode;
import io.ashlar.client.protocol.OrderResult;
import io.ashlar.client.protocol.RebuildShard;
import io.ashlar.client.protocol.RepairStatus;
import io.ashlar.client.protocol.Segment;
import io.ashlar.client.protocol.ShardRef;
import io.ashlar.client.protocol.UnmadeStripes;
import io.ashlar.coordinator.metadata.UnmadeText;
import io.ashlar.coordinator.plan.ClusterView.Availability;
import io.ashlar.coordinator.plan.DamageSurvey;
import io.ashlar.coordinator.plan.DamageSurvey.AffectedSegment;
import io.ashlar.coordinator.plan.DamageSurvey.Remedy;
import io.ashlar.coordinator.plan.DamageSurvey.ShardNeed;
import io.ashlar.coordinator.plan.DriveView;
import io.ashlar.coordinator.plan.PlacementPlanner;
import io.ashlar.coordinator.plan.RepairPlanner;
import io.ashlar.coordinator.plan.ShardSlot;
import io.ashlar.coordinator.record.Command;
import io.ashlar.coordinator.record.RebuildPlan;
import io.ashlar.coordinator.record.RebuildRecord;
import io.ashlar.coordinator.record.RepairForce;
import io.ashlar.coordinator.record.RepairPause;

import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

import java.util.ArrayList;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import java.util.concurrent.CompletableFuture;
import java.util.stream.Stream;

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

    private final LeaderContext leader;
    private final LiveNodes nodes;
    private final RepairPlanner planner;
    private final RepairAttempts attempts;
    private final RepairRecords records;
    private final Throughput throughput = new Throughput();
    private final Map<SegmentId, RunningRepair> running = new LinkedHashMap<>();
    private DamageSurvey survey;
    private long surveyedNanos;
    private boolean changed = true;

    Repair(LeaderContext leader, LiveNodes nodes) {
        this.leader = leader;
        this.nodes = nodes;
        CoordinatorConfig.RepairLimits limits = leader.config().repair();
        this.planner = new RepairPlanner(limits.maxRunning(), limits.maxRunningPerNode());
        this.attempts = new RepairAttempts(limits);
        this.records = new RepairRecords(leader);
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
        boolean old = leader.nowNanos() - surveyedNanos >= LOOK_NANOS;
        if (old || (changed && survey.segments().size() < MANY_AFFECTED)) {
            survey = DamageSurvey.take(leader.metadata(), nodes);
            surveyedNanos = leader.nowNanos(); // a long look must not be followed by the next one
            changed = false;
        }
        return survey;
    }

    /** Whether stripes of it were found undecodable although all its shards have answered. */
    static boolean isUndecodable(AffectedSegment segment) {
        return segment.goneShards() > segment.policy().m()
                || segment.needs().values().stream().anyMatch(ShardNeed::isUndecodable);
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
            boolean inPlaceNow = need != null && need.remedy() == Remedy.IN_PLACE;
            boolean overtaken = repair.inPlace() ? !inPlaceNow : inPlaceNow && !stands(repair);
            if (!repair.planned()) {
                continue;
            }
            if (need == null || overtaken) {
                running.remove(repair.segment());
            } else if (!isThere(DriveId.of(repair.target().getDrive()))) {
                commands.add(failed(repair, "node " + repair.node() + " went away", true));
            } else if (now - repair.startedNanos()
                    >= leader.config().repair().timeout().toNanos()) {
                commands.add(failed(repair, "not done in time", true));
            }
        }
        attempts.keepOnly(seen::needs);
    }

    /**
     * Whether its plan was not given up meanwhile, as a shard that returns gives it up: the target is
     * doomed since, and must not be made again behind its deletion. One that is placed already only
     * waits for its end to be heard.
     */
    private boolean stands(RunningRepair repair) {
        int index = repair.target().getIndex();
        RebuildRecord plan = leader.metadata().rebuild(repair.segment(), index);
        Segment segment = leader.metadata().segment(repair.segment());
        boolean planned = plan != null && plan.getTarget().equals(repair.target());
        boolean placed =
                segment != null && segment.getPlacements(index).getShard().equals(repair.target());
        return repair.inPlace() || planned || placed;
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
            if (known || records.isAbandoning(target)) {
                continue;
            }
            if (need == null || repair != null || !isThere(DriveId.of(target.getDrive()))) {
                commands.add(records.abandon(target));
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
                                attempts.count(ShardSlot.of(target)),
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
                attempts.count(ShardSlot.of(target)),
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
            boolean ordered = repair.planned() && repair.node().equals(node) && stands(repair);
            if (ordered && segment != null) {
                int index = repair.target().getIndex();
                orders.put(
                        repair,
                        RebuildShard.newBuilder()
                                .setSegment(nodes.present(segment))
                                .setShard(repair.target())
                                .setCells(segment.getPlacements(index).getCells())
                                .addAllFormer(nodes.former(segment))
                                .build());
            }
        }
        return orders;
    }

    // ---- what came of it

    /** Says nothing where the result is of an attempt that does not run any more. */
    CompletableFuture<?> ended(RunningRepair repair, OrderResult result) {
        if (!repair.equals(running.get(repair.segment()))) {
            return CompletableFuture.completedFuture(null);
        }
        throughput.add(result.getBytesWritten(), leader.nowNanos());
        if (result.hasFailure()) {
            boolean blameless =
                    repair.inPlace() && result.getFailure().getCode() == ErrorCode.UNAVAILABLE;
            return failed(repair, reason(repair, result.getFailure().getMessage()), !blameless)
                    .thenCompose(done -> records.incomplete(repair, result));
        }
        return result.getUnmadeCount() == 0 ? whole(repair, result) : partial(repair, result);
    }

    private static String reason(RunningRepair repair, String what) {
        return "shard " + repair.target().getIndex() + " on node " + repair.node() + ": " + what;
    }

    private CompletableFuture<?> whole(RunningRepair repair, OrderResult result) {
        CompletableFuture<?> recorded = repair.inPlace()
                ? records.complete(repair, result)
                : records.place(repair, result, isWeakerWith(repair.target()));
        return recorded.whenComplete((done, failure) -> {
            seen(repair);
            if (failure == null) {
                attempts.forget(ShardSlot.of(repair.target()));
            }
        });
    }

    /** Everything was made but the cells of some stripes. */
    private CompletableFuture<?> partial(RunningRepair repair, OrderResult result) {
        String reason = reason(repair, UnmadeText.of(result.getUnmadeList()));
        if (!repair.inPlace() && !isWorthPlacing(repair, result)) {
            boolean cutOff = isCutOff(repair, result);
            return failed(repair, reason, cutOff)
                    .thenCompose(done -> records.incomplete(repair, result));
        }
        LOG.warn(
                "event=repair_incomplete segment={} index={} node={} in_place={} reason=\"{}\"",
                repair.segment(),
                repair.target().getIndex(),
                repair.node(),
                repair.inPlace(),
                reason);
        attempts.failed(ShardSlot.of(repair.target()), reason, null, leader.nowNanos());
        CompletableFuture<?> recorded = repair.inPlace()
                ? records.incomplete(repair, result)
                : records.place(repair, result, isWeakerWith(repair.target()));
        return recorded.whenComplete((done, failure) -> seen(repair));
    }

    /**
     * Whether a shard that lacks cells is to be placed all the same. Its other cells count from
     * then on, and none is lost by it, as the former placement is kept. But where no placed shard
     * tells of a stripe, a replay would take it for lost as soon as all placed ones have answered:
     * so then the former one must be known to be gone, or goes on being waited for (INV-7).
     */
    private boolean isWorthPlacing(RunningRepair repair, OrderResult result) {
        boolean gained =
                result.getCellsChecked() > result.getUnmadeCells() || result.getCellsWritten() > 0;
        boolean headless = result.getUnmadeList().stream().anyMatch(UnmadeStripes::getHeadless);
        ShardNeed need = survey().need(repair.segment(), repair.target().getIndex());
        boolean formerGone = need != null && need.missing();
        return gained && !isCutOff(repair, result) && (!headless || formerGone);
    }

    /** Whether it failed to reach nodes that the coordinator hears: another one may do better. */
    private boolean isCutOff(RunningRepair repair, OrderResult result) {
        Segment segment = leader.metadata().segment(repair.segment());
        return segment != null
                && result.getUnmadeList().stream().anyMatch(run -> !run.getAnswered())
                && Stream.concat(
                                segment.getPlacementsList().stream(),
                                nodes.former(segment).stream())
                        .allMatch(placement ->
                                nodes.isUp(DriveId.of(placement.getShard().getDrive())));
    }

    private void seen(RunningRepair repair) {
        running.remove(repair.segment(), repair);
        survey.forget(repair.segment());
        changed = true;
    }

    private CompletableFuture<?> failed(RunningRepair repair, String reason, boolean driveToBlame) {
        LOG.warn(
                "event=repair_failed segment={} index={} node={} in_place={} reason=\"{}\"",
                repair.segment(),
                repair.target().getIndex(),
                repair.node(),
                repair.inPlace(),
                reason);
        running.remove(repair.segment(), repair);
        attempts.failed(
                ShardSlot.of(repair.target()),
                reason,
                driveToBlame ? DriveId.of(repair.target().getDrive()) : null,
                leader.nowNanos());
        changed = true;
        return repair.inPlace()
                ? CompletableFuture.completedFuture(null)
                : records.abandon(repair.target());
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
        return RepairReport.of(
                leader.metadata().repair(),
                survey(),
                running,
                failedWithReasons(),
                throughput.bytesPerSecond(leader.nowNanos()));
    }

    /** What is not queued, as it cannot be done now, and why. */
    private Map<ShardSlot, String> failedWithReasons() {
        Map<ShardSlot, String> failed = new TreeMap<>();
        planner.stuck()
                .forEach(shard -> failed.put(
                        shard,
                        "no drive in a failure domain that may take shard " + shard.index()
                                + " has room and is up: add nodes or drives"));
        failed.putAll(attempts.reported());
        for (AffectedSegment segment : survey().segments()) {
            segment.needs().values().stream()
                    .filter(ShardNeed::isUndecodable)
                    .forEach(need -> failed.put(
                            ShardSlot.of(need.shard()),
                            "shard " + need.shard().getIndex() + ": "
                                    + UnmadeText.of(need.unmade())));
        }
        return failed;
    }
}
