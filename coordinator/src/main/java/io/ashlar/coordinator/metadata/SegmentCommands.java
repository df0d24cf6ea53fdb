package io.ashlar.coordinator.metadata;

import io.ashlar.client.AshlarException;
import io.ashlar.client.model.SegmentId;
import io.ashlar.client.model.VolumeId;
import io.ashlar.client.protocol.LostRange;
import io.ashlar.client.protocol.LostStripes;
import io.ashlar.client.protocol.Placement;
import io.ashlar.client.protocol.Segment;
import io.ashlar.client.protocol.SegmentLoss;
import io.ashlar.client.protocol.SegmentSeal;
import io.ashlar.client.protocol.SegmentState;
import io.ashlar.client.protocol.ShardDamage;
import io.ashlar.client.protocol.ShardSeal;
import io.ashlar.coordinator.record.LossRecord;
import io.ashlar.coordinator.record.Outcome;
import io.ashlar.coordinator.record.ReplayLoss;
import io.ashlar.coordinator.record.SegmentCreate;
import io.ashlar.coordinator.record.SegmentOpen;
import io.ashlar.coordinator.record.SegmentsSeal;
import io.ashlar.coordinator.record.VolumeRecord;

import org.jspecify.annotations.Nullable;

import java.util.List;

/** Segments: from CREATING to OPEN to SEALED, each step conditional on the volume's epoch. */
final class SegmentCommands {
    /** A writer has one segment in use and one ahead; a takeover leaves a few more. */
    static final int MAX_UNSEALED = 32;

    private final MetadataWriter metadata;

    SegmentCommands(MetadataWriter metadata) {
        this.metadata = metadata;
    }

    Outcome create(SegmentCreate command) throws AshlarException {
        Segment segment = command.getSegment();
        VolumeId volumeId = VolumeId.of(segment.getVolume());
        VolumeRecord volume = VolumeCommands.requireEpoch(metadata, volumeId, segment.getEpoch());
        SegmentId id = SegmentId.of(segment.getId());
        if (metadata.segment(id) != null) {
            throw new IllegalStateException("segment id " + id + " was drawn twice");
        }
        if (metadata.unsealedSegments(volumeId).size() >= MAX_UNSEALED) {
            throw new AshlarException.Invalid("volume " + volume.getName() + " has " + MAX_UNSEALED
                    + " segments that are not sealed: seal some first");
        }
        requirePlaceable(segment);
        long sequence = volume.getLastSequence() + 1;
        metadata.putVolume(volume.toBuilder().setLastSequence(sequence).build());
        metadata.putSegment(
                null,
                segment.toBuilder()
                        .setSequence(sequence)
                        .setState(SegmentState.CREATING)
                        .setVersion(1)
                        .build());
        return Outcome.newBuilder().setId(segment.getId()).build();
    }

    /** INV-9: a doomed incarnation is never placed. */
    private void requirePlaceable(Segment segment) {
        for (Placement placement : segment.getPlacementsList()) {
            if (metadata.isDoomed(placement.getShard())) {
                throw new IllegalStateException("a doomed shard of segment "
                        + SegmentId.of(segment.getId()) + " was placed");
            }
        }
    }

    Outcome open(SegmentOpen command) throws AshlarException {
        VolumeCommands.requireEpoch(metadata, VolumeId.of(command.getVolume()), command.getEpoch());
        Segment segment = requireSegment(command.getSegment(), command.getVolume());
        if (segment.getEpoch() != command.getEpoch()) {
            throw new AshlarException.Fenced("segment " + SegmentId.of(segment.getId())
                    + " is of epoch " + segment.getEpoch() + ", the command of epoch "
                    + command.getEpoch());
        }
        switch (segment.getState()) {
            case CREATING ->
                metadata.putSegment(
                        segment,
                        segment.toBuilder()
                                .setState(SegmentState.OPEN)
                                .setVersion(segment.getVersion() + 1)
                                .build());
            case OPEN -> {}
            case SEALED ->
                throw new AshlarException.Invalid("segment "
                        + SegmentId.of(segment.getId()) + " is sealed at "
                        + segment.getSealedBytes()
                        + ": create another");
            case SEGMENT_STATE_UNSPECIFIED, UNRECOGNIZED ->
                throw new IllegalStateException(
                        "segment " + SegmentId.of(segment.getId()) + " has no state");
        }
        return Outcome.newBuilder().setId(segment.getId()).build();
    }

    /** All of the seals or, where one cannot be, none. */
    Outcome seal(SegmentsSeal command) throws AshlarException {
        VolumeRecord volume = VolumeCommands.requireEpoch(
                metadata, VolumeId.of(command.getVolume()), command.getEpoch());
        for (SegmentSeal seal : command.getSealsList()) {
            RootCommands.requireCovered(volume, seal);
            Segment segment = metadata.segment(SegmentId.of(seal.getSegment()));
            if (segment == null && seal.getSealedBytes() == 0) {
                continue;
            }
            seal(requireSegment(seal.getSegment(), command.getVolume()), seal);
            if (!seal.getGivenUp().isEmpty()) {
                metadata.addEvent(
                        "volume " + volume.getName(),
                        "given up, whatever it was: " + seal.getGivenUp());
            }
            recordLoss(volume, SegmentId.of(seal.getSegment()), seal.getLostList());
        }
        unblock(VolumeId.of(command.getVolume()));
        return Outcome.getDefaultInstance();
    }

    /** What is lost of sealed segments, as it was found when they were replayed. */
    Outcome recordLoss(ReplayLoss command) throws AshlarException {
        VolumeRecord volume = VolumeCommands.requireEpoch(
                metadata, VolumeId.of(command.getVolume()), command.getEpoch());
        for (SegmentLoss loss : command.getLossesList()) {
            recordLoss(volume, SegmentId.of(loss.getSegment()), loss.getLostList());
        }
        return Outcome.getDefaultInstance();
    }

    private void recordLoss(VolumeRecord volume, SegmentId segment, List<LostStripes> lost) {
        for (LostStripes stripes : lost) {
            metadata.addEvent("volume " + volume.getName(), LossText.of(segment, stripes));
        }
    }

    /** Whoever seals segments of this epoch has decided what was left of those before. */
    private void unblock(VolumeId id) {
        VolumeRecord volume = metadata.volume(id);
        if (volume != null && !volume.getBlocked().isEmpty()) {
            metadata.putVolume(volume.toBuilder().clearBlocked().build());
            metadata.addEvent("volume " + volume.getName(), "takeover no longer blocked");
        }
    }

    private void seal(Segment segment, SegmentSeal seal) throws AshlarException {
        SegmentId id = SegmentId.of(segment.getId());
        if (segment.getState() == SegmentState.SEALED) {
            if (segment.getSealedBytes() != seal.getSealedBytes()
                    || segment.getStripeCount() != seal.getStripeCount()) {
                throw new AshlarException.Invalid("segment " + id + " is sealed at "
                        + segment.getSealedBytes() + " bytes, " + segment.getStripeCount()
                        + " stripes, and cannot be sealed at " + seal.getSealedBytes() + " bytes, "
                        + seal.getStripeCount() + " stripes");
            }
            return;
        }
        if (seal.getSealedBytes() == 0) {
            metadata.deleteSegment(segment);
            return;
        }
        requireSealable(segment, seal);
        Segment.Builder sealed = segment.toBuilder()
                .setState(SegmentState.SEALED)
                .setSealedBytes(seal.getSealedBytes())
                .setStripeCount(seal.getStripeCount())
                .addAllLost(unreadable(seal))
                .setVersion(segment.getVersion() + 1);
        for (int index = 0; index < seal.getShardsCount(); index++) {
            ShardSeal shard = seal.getShards(index);
            LossRecord loss = metadata.loss(id, index);
            boolean complete = shard.getComplete() && loss == null;
            sealed.setPlacements(
                    index,
                    segment.getPlacements(index).toBuilder()
                            .setCells(shard.getCells())
                            .setComplete(complete));
            if (!shard.getComplete() && loss == null) {
                metadata.putLoss(notProved(segment.getPlacements(index), shard));
            }
        }
        metadata.putSegment(segment, sealed.build());
    }

    /** Where a replay need not look for headers. */
    private static List<LostRange> unreadable(SegmentSeal seal) {
        return seal.getLostList().stream()
                .filter(lost -> lost.getHeadless() && !lost.getScattered())
                .map(lost -> LostRange.newBuilder()
                        .setOffset(lost.getOffset())
                        .setLengthBytes(lost.getLengthBytes())
                        .build())
                .toList();
    }

    private LossRecord notProved(Placement placement, ShardSeal shard) {
        return LossRecord.newBuilder()
                .setShard(placement.getShard())
                .setKind(ShardDamage.Kind.MISSING_CELL)
                .setCells(shard.getCells())
                .setDetail("not proved complete when the segment was sealed")
                .setSinceMillis(metadata.atMillis())
                .setNumber(metadata.nextLoss())
                .build();
    }

    private static void requireSealable(Segment segment, SegmentSeal seal) throws AshlarException {
        SegmentId id = SegmentId.of(segment.getId());
        if (segment.getState() != SegmentState.OPEN) {
            throw new AshlarException.Invalid(
                    "segment " + id + " was never opened, so it can hold nothing: seal it at 0");
        }
        if (seal.getSealedBytes() < 0 || seal.getSealedBytes() > segment.getShardBytes()) {
            throw new AshlarException.Invalid("segment " + id + " holds " + segment.getShardBytes()
                    + " bytes a shard and cannot be sealed at " + seal.getSealedBytes());
        }
        if (seal.getStripeCount() <= 0) {
            throw new AshlarException.Invalid("segment " + id + " cannot be sealed at "
                    + seal.getSealedBytes() + " bytes with " + seal.getStripeCount() + " stripes");
        }
        if (seal.getShardsCount() != segment.getPlacementsCount()) {
            throw new AshlarException.Invalid("segment " + id + " has "
                    + segment.getPlacementsCount() + " shards, the seal tells of "
                    + seal.getShardsCount());
        }
    }

    private Segment requireSegment(
            io.ashlar.client.protocol.Id id, io.ashlar.client.protocol.Id volume)
            throws AshlarException {
        @Nullable Segment segment = metadata.segment(SegmentId.of(id));
        if (segment == null || !segment.getVolume().equals(volume)) {
            throw new AshlarException.NotFound("segment " + SegmentId.of(id) + " of volume "
                    + VolumeId.of(volume) + " does not exist");
        }
        return segment;
    }
}
