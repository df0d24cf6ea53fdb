package io.ashlar.coordinator.metadata;

import io.ashlar.client.model.DriveId;
import io.ashlar.client.model.SegmentId;
import io.ashlar.client.model.VolumeId;
import io.ashlar.client.protocol.Placement;
import io.ashlar.client.protocol.Segment;
import io.ashlar.client.protocol.SegmentSeal;
import io.ashlar.client.protocol.ShardRef;
import io.ashlar.client.protocol.ShardSeal;
import io.ashlar.coordinator.record.Command;
import io.ashlar.coordinator.record.SegmentCreate;
import io.ashlar.coordinator.record.SegmentOpen;
import io.ashlar.coordinator.record.SegmentsSeal;
import io.ashlar.coordinator.record.VolumeCreate;
import io.ashlar.coordinator.record.VolumeOpen;
import io.ashlar.coordinator.record.VolumeRecord;

/** Commands on one volume with segments of three shards. */
final class TestCommands {
    static final VolumeId VOLUME = new VolumeId(1, 1);
    static final int SHARDS = 3;

    private TestCommands() {}

    static Command.Builder createVolume(String name) {
        return Command.newBuilder()
                .setVolumeCreate(VolumeCreate.newBuilder()
                        .setVolume(VolumeRecord.newBuilder()
                                .setId(VOLUME.toProto())
                                .setName(name)
                                .setPolicy("rs-1-2")));
    }

    static Command.Builder open(long epoch) {
        return Command.newBuilder()
                .setVolumeOpen(VolumeOpen.newBuilder()
                        .setVolume(VOLUME.toProto())
                        .setHolder("w")
                        .setEpoch(epoch));
    }

    static ShardRef shard(long segment, int index, long incarnation) {
        return ShardRef.newBuilder()
                .setSegment(new SegmentId(9, segment).toProto())
                .setIndex(index)
                .setIncarnation(incarnation)
                .setDrive(new DriveId(5, index + 1).toProto())
                .build();
    }

    static Command.Builder createSegment(long segment, long epoch) {
        Segment.Builder placed = Segment.newBuilder()
                .setId(new SegmentId(9, segment).toProto())
                .setVolume(VOLUME.toProto())
                .setPolicy("rs-1-2")
                .setEpoch(epoch)
                .setShardBytes(1 << 20);
        for (int i = 0; i < SHARDS; i++) {
            placed.addPlacements(Placement.newBuilder().setShard(shard(segment, i, 100 + i)));
        }
        return Command.newBuilder().setSegmentCreate(SegmentCreate.newBuilder().setSegment(placed));
    }

    static Command.Builder openSegment(long segment, long epoch) {
        return Command.newBuilder()
                .setSegmentOpen(SegmentOpen.newBuilder()
                        .setVolume(VOLUME.toProto())
                        .setEpoch(epoch)
                        .setSegment(new SegmentId(9, segment).toProto()));
    }

    static Command.Builder seal(long segment, long epoch, long bytes) {
        SegmentSeal.Builder seal = SegmentSeal.newBuilder()
                .setSegment(new SegmentId(9, segment).toProto())
                .setSealedBytes(bytes)
                .setStripeCount(bytes == 0 ? 0 : 1);
        for (int i = 0; i < SHARDS; i++) {
            seal.addShards(ShardSeal.newBuilder().setCells(1).setComplete(true));
        }
        return Command.newBuilder()
                .setSegmentsSeal(SegmentsSeal.newBuilder()
                        .setVolume(VOLUME.toProto())
                        .setEpoch(epoch)
                        .addSeals(seal));
    }
}
