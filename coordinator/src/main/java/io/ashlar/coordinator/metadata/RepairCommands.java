package io.ashlar.coordinator.metadata;

import io.ashlar.client.AshlarException;
import io.ashlar.client.model.SegmentId;
import io.ashlar.client.protocol.Placement;
import io.ashlar.client.protocol.Segment;
import io.ashlar.client.protocol.SegmentState;
import io.ashlar.client.protocol.ShardDamage;
import io.ashlar.client.protocol.ShardRef;
import io.ashlar.coordinator.plan.UnmadeText;
import io.ashlar.coordinator.record.LossRecord;
import io.ashlar.coordinator.record.LossesRecord;
import io.ashlar.coordinator.record.Outcome;
import io.ashlar.coordinator.record.RebuildAbandon;
import io.ashlar.coordinator.record.RebuildPlan;
import io.ashlar.coordinator.record.RebuildRecord;
import io.ashlar.coordinator.record.RepairPause;
import io.ashlar.coordinator.record.RepairRecord;
import io.ashlar.coordinator.record.ScrubPut;
import io.ashlar.coordinator.record.ShardComplete;
import io.ashlar.coordinator.record.ShardIncomplete;
import io.ashlar.coordinator.record.ShardPlace;
import io.ashlar.coordinator.record.ShardsDeleted;
import io.ashlar.coordinator.record.ShardsReturned;

import org.jspecify.annotations.Nullable;

/**
 * Losses and their repair. A rebuild on another drive is planned here before its node hears of it,
 * so that a new leader knows it; its shard is placed only while that plan stands and the segment is
 * at the version that was looked at; and whatever is not placed in the end is doomed.
 *
 * <p>A shard that takes another's place although cells of it could not be made has a loss from the
 * start, and that loss keeps the <em>former</em> placements: a node that is away may hold what
 * nobody else does. They are doomed when nothing is lacking any more.
 */
final class RepairCommands {
    /** Earlier placements that are kept of a shard which lacks cells. */
    static final int MAX_FORMER = 8;

    private final MetadataWriter metadata;

    RepairCommands(MetadataWriter metadata) {
        this.metadata = metadata;
    }

    /** Ignores what is said of shards that are not placed (any more). */
    Outcome recordLosses(LossesRecord command) {
        for (ShardDamage damage : command.getLossesList()) {
            ShardRef shard = damage.getShard();
            Segment segment = segmentWhere(shard);
            if (segment == null || segment.getState() == SegmentState.CREATING) {
                continue;
            }
            SegmentId id = SegmentId.of(shard.getSegment());
            LossRecord before = metadata.loss(id, shard.getIndex());
            LossRecord loss = (before == null ? LossRecord.newBuilder() : before.toBuilder())
                    .setShard(shard)
                    .setKind(worse(before, damage.getKind()))
                    .setCells(Math.max(damage.getCells(), before == null ? 0 : before.getCells()))
                    .setDetail(damage.getDetail())
                    .setSinceMillis(before == null ? metadata.atMillis() : before.getSinceMillis())
                    .setNumber(metadata.nextLoss())
                    .build();
            metadata.putLoss(loss);
            markComplete(segment, shard.getIndex(), false);
            if (before == null) {
                metadata.addEvent(
                        "segment " + id,
                        "shard " + shard.getIndex() + " "
                                + damage.getKind()
                                        .name()
                                        .replace('_', ' ')
                                        .toLowerCase(java.util.Locale.ROOT)
                                + ": " + damage.getDetail());
            }
        }
        return Outcome.getDefaultInstance();
    }

    private static ShardDamage.Kind worse(@Nullable LossRecord before, ShardDamage.Kind kind) {
        return before != null && before.getKind() == ShardDamage.Kind.MISSING_SHARD
                ? before.getKind()
                : kind;
    }

    /** Their nodes hold them: they are used, once a rebuild in place has found what they lack. */
    Outcome shardsReturned(ShardsReturned command) {
        for (ShardRef shard : command.getShardsList()) {
            SegmentId id = SegmentId.of(shard.getSegment());
            LossRecord loss = metadata.loss(id, shard.getIndex());
            if (loss == null
                    || !loss.getShard().equals(shard)
                    || loss.getKind() != ShardDamage.Kind.MISSING_SHARD) {
                continue;
            }
            metadata.putLoss(loss.toBuilder()
                    .setKind(ShardDamage.Kind.MISSING_CELL)
                    .setDetail("returned, to be verified")
                    .setNumber(metadata.nextLoss())
                    .build());
            abandon(metadata.rebuild(id, shard.getIndex()));
            metadata.addEvent("segment " + id, "shard " + shard.getIndex() + " returned");
        }
        return Outcome.getDefaultInstance();
    }

    Outcome shardsDeleted(ShardsDeleted command) {
        command.getShardsList().forEach(metadata::forgetDoomed);
        return Outcome.getDefaultInstance();
    }

    Outcome plan(RebuildPlan command) throws AshlarException {
        ShardRef target = command.getTarget();
        SegmentId id = SegmentId.of(target.getSegment());
        requireSealed(id, command.getVersion());
        if (metadata.rebuild(id, target.getIndex()) != null) {
            throw new AshlarException.Unavailable("shard " + target.getIndex() + " of segment " + id
                    + " is being rebuilt already");
        }
        metadata.putRebuild(RebuildRecord.newBuilder()
                .setTarget(target)
                .setNode(command.getNode())
                .setPlannedAtMillis(metadata.atMillis())
                .setReason(command.getReason())
                .build());
        return Outcome.getDefaultInstance();
    }

    Outcome abandon(RebuildAbandon command) {
        ShardRef target = command.getTarget();
        RebuildRecord rebuild =
                metadata.rebuild(SegmentId.of(target.getSegment()), target.getIndex());
        if (rebuild != null && rebuild.getTarget().equals(target)) {
            abandon(rebuild);
        }
        return Outcome.getDefaultInstance();
    }

    private void abandon(@Nullable RebuildRecord rebuild) {
        if (rebuild != null) {
            metadata.doom(rebuild.getTarget());
            metadata.deleteRebuild(rebuild.getTarget());
        }
    }

    /** The rebuilt shard takes the place of the old one, which is doomed from then on. */
    Outcome place(ShardPlace command) throws AshlarException {
        ShardRef target = command.getTarget();
        SegmentId id = SegmentId.of(target.getSegment());
        RebuildRecord rebuild = metadata.rebuild(id, target.getIndex());
        if (rebuild == null || !rebuild.getTarget().equals(target) || metadata.isDoomed(target)) {
            throw new AshlarException.NotFound("no rebuild of shard " + target.getIndex()
                    + " of segment " + id + " with that incarnation is planned");
        }
        Segment segment = requireSealed(id, command.getVersion());
        Placement old = segment.getPlacements(target.getIndex());
        boolean complete = command.getUnmadeList().isEmpty();
        if (complete) {
            metadata.doom(old.getShard());
            metadata.deleteLoss(id, target.getIndex());
        } else {
            keepFormer(old.getShard(), command);
        }
        metadata.deleteRebuild(target);
        metadata.putSegment(
                segment,
                segment.toBuilder()
                        .setPlacements(
                                target.getIndex(),
                                old.toBuilder()
                                        .setShard(target)
                                        .setNode(command.getNode())
                                        .setComplete(complete))
                        .setWeaker(command.getWeaker())
                        .setVersion(segment.getVersion() + 1)
                        .build());
        countRepaired(1, command.getCellsWritten());
        metadata.addEvent(
                "segment " + id,
                "shard " + target.getIndex() + " rebuilt on node " + command.getNode() + ": "
                        + rebuild.getReason()
                        + (complete ? "" : "; " + UnmadeText.of(command.getUnmadeList())));
        return Outcome.getDefaultInstance();
    }

    private void keepFormer(ShardRef old, ShardPlace command) throws AshlarException {
        ShardRef target = command.getTarget();
        SegmentId id = SegmentId.of(target.getSegment());
        LossRecord before = metadata.loss(id, target.getIndex());
        LossRecord.Builder loss = before == null
                ? LossRecord.newBuilder().setSinceMillis(metadata.atMillis())
                : before.toBuilder();
        if (loss.getFormerCount() >= MAX_FORMER) {
            throw new AshlarException.InsufficientShards("shard " + target.getIndex()
                    + " of segment " + id + " was replaced " + MAX_FORMER
                    + " times without being whole: bring back the nodes that held it");
        }
        metadata.putLoss(loss.setShard(target)
                .setKind(ShardDamage.Kind.MISSING_CELL)
                .setCells(command.getUnmadeCells())
                .setDetail(UnmadeText.of(command.getUnmadeList()))
                .setNumber(metadata.nextLoss())
                .clearUnmade()
                .addAllUnmade(command.getUnmadeList())
                .addFormer(old)
                .build());
    }

    /** A repair in place ends the loss it was begun for, not one that was found since. */
    Outcome complete(ShardComplete command) {
        ShardRef shard = command.getShard();
        SegmentId id = SegmentId.of(shard.getSegment());
        Segment segment = segmentWhere(shard);
        LossRecord loss = metadata.loss(id, shard.getIndex());
        if (segment == null || segment.getState() != SegmentState.SEALED || loss == null) {
            return Outcome.getDefaultInstance();
        }
        if (loss.getNumber() != command.getLoss()) {
            countRepaired(0, command.getCellsWritten());
            return Outcome.getDefaultInstance();
        }
        metadata.deleteLoss(id, shard.getIndex());
        markComplete(segment, shard.getIndex(), true);
        countRepaired(1, command.getCellsWritten());
        metadata.addEvent(
                "segment " + id,
                "shard " + shard.getIndex() + " repaired, " + command.getCellsWritten()
                        + " cells written");
        return Outcome.getDefaultInstance();
    }

    /** The loss stays, and says what it was that could not be made. */
    Outcome incomplete(ShardIncomplete command) {
        ShardRef shard = command.getShard();
        SegmentId id = SegmentId.of(shard.getSegment());
        countRepaired(0, command.getCellsWritten());
        LossRecord loss = metadata.loss(id, shard.getIndex());
        if (loss == null || !loss.getShard().equals(shard) || command.getUnmadeCount() == 0) {
            return Outcome.getDefaultInstance();
        }
        String detail = UnmadeText.of(command.getUnmadeList());
        boolean news = !UnmadeText.numbers(command.getUnmadeList())
                .equals(UnmadeText.numbers(loss.getUnmadeList()));
        metadata.putLoss(loss.toBuilder()
                .setCells(command.getUnmadeCells())
                .setDetail(detail)
                .clearUnmade()
                .addAllUnmade(command.getUnmadeList())
                .build());
        if (news) {
            metadata.addEvent("segment " + id, "shard " + shard.getIndex() + ": " + detail);
        }
        return Outcome.getDefaultInstance();
    }

    Outcome pause(RepairPause command) {
        RepairRecord repair = metadata.repair();
        if (repair.getPaused() != command.getPaused()) {
            metadata.putRepair(repair.toBuilder().setPaused(command.getPaused()).build());
            metadata.addEvent("repair", command.getPaused() ? "paused" : "resumed");
        }
        return Outcome.getDefaultInstance();
    }

    Outcome putScrub(ScrubPut command) {
        metadata.putScrub(command.getScrub());
        return Outcome.getDefaultInstance();
    }

    private void countRepaired(int shards, int cells) {
        RepairRecord repair = metadata.repair();
        metadata.putRepair(repair.toBuilder()
                .setRepairedShards(repair.getRepairedShards() + shards)
                .setRepairedCells(repair.getRepairedCells() + cells)
                .build());
    }

    /** Only a sealed segment says of a shard that it is complete. */
    private void markComplete(Segment segment, int index, boolean complete) {
        Placement placement = segment.getPlacements(index);
        if (segment.getState() == SegmentState.SEALED && placement.getComplete() != complete) {
            metadata.putSegment(
                    segment,
                    segment.toBuilder()
                            .setPlacements(index, placement.toBuilder().setComplete(complete))
                            .setVersion(segment.getVersion() + 1)
                            .build());
        }
    }

    /** The segment in which exactly this shard is placed. */
    private @Nullable Segment segmentWhere(ShardRef shard) {
        Segment segment = metadata.segment(SegmentId.of(shard.getSegment()));
        return segment != null
                        && shard.getIndex() >= 0
                        && shard.getIndex() < segment.getPlacementsCount()
                        && segment.getPlacements(shard.getIndex()).getShard().equals(shard)
                ? segment
                : null;
    }

    /** Repair never touches a segment that may still grow. */
    private Segment requireSealed(SegmentId id, long version) throws AshlarException {
        Segment segment = metadata.segment(id);
        if (segment == null || segment.getState() != SegmentState.SEALED) {
            throw new AshlarException.NotFound("segment " + id + " is not a sealed segment");
        }
        if (segment.getVersion() != version) {
            throw new AshlarException.Unavailable("segment " + id + " is at version "
                    + segment.getVersion() + ", the repair looked at version " + version);
        }
        return segment;
    }
}
