package io.ashlar.coordinator.metadata;

import io.ashlar.client.AshlarException;
import io.ashlar.client.model.SegmentId;
import io.ashlar.client.model.VolumeId;
import io.ashlar.client.protocol.Placement;
import io.ashlar.client.protocol.Segment;
import io.ashlar.client.protocol.SegmentState;
import io.ashlar.client.protocol.ShardRef;
import io.ashlar.coordinator.record.LossRecord;
import io.ashlar.coordinator.record.RebuildRecord;
import io.ashlar.coordinator.record.VolumeRecord;

/** What deliberate defects do in the place of what the metadata does. */
public final class WrongMetadata {
    private WrongMetadata() {}

    /** The volume, whatever its epoch is by now. */
    public static VolumeRecord anyEpoch(MetadataReader metadata, VolumeId id, long epoch)
            throws AshlarException {
        VolumeRecord volume = metadata.volume(id);
        return volume == null || volume.getDeleted()
                ? VolumeCommands.requireEpoch(metadata, id, epoch)
                : volume;
    }

    /** A plan for whatever shard is placed. */
    public static RebuildRecord plannedOrNot(MetadataWriter metadata, SegmentId id, int index) {
        return RebuildRecord.getDefaultInstance();
    }

    /** A shard that is there again is whole. */
    public static void believeReturned(MetadataWriter metadata, LossRecord loss) {
        ShardRef shard = loss.getShard();
        SegmentId id = SegmentId.of(shard.getSegment());
        Segment segment = metadata.segment(id);
        if (segment == null || segment.getState() != SegmentState.SEALED) {
            metadata.putLoss(loss);
            return;
        }
        Placement placement = segment.getPlacements(shard.getIndex());
        metadata.deleteLoss(id, shard.getIndex());
        metadata.putSegment(
                segment,
                segment.toBuilder()
                        .setPlacements(shard.getIndex(), placement.toBuilder().setComplete(true))
                        .setVersion(segment.getVersion() + 1)
                        .build());
    }
}
