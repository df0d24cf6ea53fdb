package io.ashlar.coordinator.metadata;

import io.ashlar.client.model.DriveId;
import io.ashlar.client.model.SegmentId;
import io.ashlar.client.model.VolumeId;
import io.ashlar.client.protocol.Event;
import io.ashlar.client.protocol.Placement;
import io.ashlar.client.protocol.Segment;
import io.ashlar.client.protocol.SegmentState;
import io.ashlar.client.protocol.ShardRef;
import io.ashlar.coordinator.record.ClusterRecord;
import io.ashlar.coordinator.record.LossRecord;
import io.ashlar.coordinator.record.NodeRecord;
import io.ashlar.coordinator.record.Outcome;
import io.ashlar.coordinator.record.RebuildRecord;
import io.ashlar.coordinator.record.RememberedOutcome;
import io.ashlar.coordinator.record.RepairRecord;
import io.ashlar.coordinator.record.ScrubRecord;
import io.ashlar.coordinator.record.VolumeRecord;

import org.jspecify.annotations.Nullable;

import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;

/** Writes records together with everything that is derived from them: logs, indexes, counts. */
final class MetadataWriter extends MetadataReader {
    static final int MAX_EVENTS = 10_000;
    static final int MAX_REMEMBERED_REQUESTS = 65_536;

    private static final byte[] EMPTY = {};

    private final Transaction transaction;
    private final long atMillis;

    MetadataWriter(Transaction transaction, long atMillis) {
        super(transaction);
        this.transaction = transaction;
        this.atMillis = atMillis;
    }

    long atMillis() {
        return atMillis;
    }

    void putCluster(ClusterRecord cluster) {
        transaction.put(KeyFormat.CLUSTER, cluster.toByteArray());
    }

    // ---- volumes

    void putVolume(VolumeRecord volume) {
        transaction.put(KeyFormat.volume(VolumeId.of(volume.getId())), volume.toByteArray());
    }

    void nameVolume(VolumeRecord volume) {
        transaction.put(
                KeyFormat.volumeName(volume.getName()),
                KeyFormat.idValue(volume.getId().getHigh(), volume.getId().getLow()));
    }

    /** Frees the name; the record stays until the last segment is reaped. */
    void markDeleted(VolumeRecord volume) {
        VolumeId id = VolumeId.of(volume.getId());
        transaction.delete(KeyFormat.volumeName(volume.getName()));
        transaction.put(KeyFormat.deletedVolume(id), EMPTY);
        putVolume(volume.toBuilder().setDeleted(true).clearHolder().build());
    }

    void forgetVolume(VolumeId id) {
        transaction.delete(KeyFormat.volume(id));
        transaction.delete(KeyFormat.deletedVolume(id));
    }

    // ---- segments

    /** Writes a segment in place of what it was before, if it existed. */
    void putSegment(@Nullable Segment before, Segment segment) {
        SegmentId id = SegmentId.of(segment.getId());
        unindex(before);
        transaction.put(KeyFormat.segment(id), segment.toByteArray());
        index(segment);
        account(before, segment);
    }

    /** Removes a segment, dooms its shards and forgets what was wrong with them. */
    void deleteSegment(Segment segment) {
        SegmentId id = SegmentId.of(segment.getId());
        unindex(segment);
        transaction.delete(KeyFormat.segment(id));
        account(segment, null);
        for (Placement placement : segment.getPlacementsList()) {
            doom(placement.getShard());
            deleteLoss(id, placement.getShard().getIndex());
        }
        for (RebuildRecord rebuild : rebuilds(id)) {
            doom(rebuild.getTarget());
            deleteRebuild(rebuild.getTarget());
        }
    }

    void doom(ShardRef shard) {
        transaction.put(KeyFormat.doomed(shard), shard.toByteArray());
    }

    void forgetDoomed(ShardRef shard) {
        transaction.delete(KeyFormat.doomed(shard));
    }

    private void index(Segment segment) {
        SegmentId id = SegmentId.of(segment.getId());
        VolumeId volume = VolumeId.of(segment.getVolume());
        byte[] idValue = KeyFormat.idValue(id.high(), id.low());
        transaction.put(KeyFormat.volumeLog(volume, segment.getSequence()), idValue);
        if (segment.getState() != SegmentState.SEALED) {
            transaction.put(KeyFormat.unsealed(volume, segment.getSequence()), idValue);
        }
        if (segment.getWeaker()) {
            transaction.put(KeyFormat.weaker(id), EMPTY);
        }
        for (Placement placement : segment.getPlacementsList()) {
            ShardRef shard = placement.getShard();
            transaction.put(KeyFormat.driveShard(shard), shard.toByteArray());
        }
    }

    private void unindex(@Nullable Segment segment) {
        if (segment == null) {
            return;
        }
        VolumeId volume = VolumeId.of(segment.getVolume());
        transaction.delete(KeyFormat.volumeLog(volume, segment.getSequence()));
        transaction.delete(KeyFormat.unsealed(volume, segment.getSequence()));
        transaction.delete(KeyFormat.weaker(SegmentId.of(segment.getId())));
        for (Placement placement : segment.getPlacementsList()) {
            transaction.delete(KeyFormat.driveShard(placement.getShard()));
        }
    }

    private void account(@Nullable Segment before, @Nullable Segment after) {
        Segment any = before != null ? before : after;
        if (any == null) {
            throw new IllegalStateException("a change of no segment");
        }
        VolumeRecord volume = volume(VolumeId.of(any.getVolume()));
        if (volume == null) {
            throw new IllegalStateException(
                    "segment " + SegmentId.of(any.getId()) + " belongs to no volume");
        }
        putVolume(volume.toBuilder()
                .setSegments(volume.getSegments() + one(after) - one(before))
                .setStoredBytes(volume.getStoredBytes() + storedBytes(after) - storedBytes(before))
                .build());
        int counted = counted(after) - counted(before);
        if (counted != 0) {
            byte[] key = KeyFormat.segmentCount(any.getPolicy());
            byte[] count = transaction.get(key);
            long counts = counted + (count == null ? 0 : ByteBuffer.wrap(count).getLong());
            transaction.put(key, KeyFormat.longValue(counts));
        }
    }

    private static int one(@Nullable Segment segment) {
        return segment == null ? 0 : 1;
    }

    private static int counted(@Nullable Segment segment) {
        return segment == null || segment.getState() == SegmentState.CREATING ? 0 : 1;
    }

    /** What is not sealed counts as preallocated. */
    private static long storedBytes(@Nullable Segment segment) {
        if (segment == null) {
            return 0;
        }
        long shardBytes = segment.getState() == SegmentState.SEALED
                ? segment.getSealedBytes()
                : segment.getShardBytes();
        return shardBytes * segment.getPlacementsCount();
    }

    // ---- losses and rebuilds

    void putLoss(LossRecord loss) {
        ShardRef shard = loss.getShard();
        transaction.put(
                KeyFormat.loss(SegmentId.of(shard.getSegment()), shard.getIndex()),
                loss.toByteArray());
    }

    /** The number of a loss that is recorded now. */
    long nextLoss() {
        ClusterRecord cluster = cluster();
        long number = cluster.getLastLoss() + 1;
        putCluster(cluster.toBuilder().setLastLoss(number).build());
        return number;
    }

    /** Ends a loss; what was kept because of it is doomed. */
    void deleteLoss(SegmentId segment, int index) {
        LossRecord loss = loss(segment, index);
        if (loss != null) {
            loss.getFormerList().forEach(this::doom);
        }
        transaction.delete(KeyFormat.loss(segment, index));
    }

    void putRebuild(RebuildRecord rebuild) {
        ShardRef target = rebuild.getTarget();
        transaction.put(
                KeyFormat.rebuild(SegmentId.of(target.getSegment()), target.getIndex()),
                rebuild.toByteArray());
    }

    void deleteRebuild(ShardRef target) {
        transaction.delete(KeyFormat.rebuild(SegmentId.of(target.getSegment()), target.getIndex()));
    }

    void putRepair(RepairRecord repair) {
        transaction.put(KeyFormat.REPAIR, repair.toByteArray());
    }

    void putScrub(ScrubRecord scrub) {
        transaction.put(KeyFormat.SCRUB, scrub.toByteArray());
    }

    // ---- nodes

    void putNode(NodeRecord node) {
        transaction.put(KeyFormat.node(node.getId()), node.toByteArray());
    }

    void putDrive(DriveId drive, String node) {
        transaction.put(KeyFormat.drive(drive), node.getBytes(StandardCharsets.UTF_8));
    }

    // ---- events and requests

    /** Records what changed and why; the oldest event makes room. */
    void addEvent(String subject, String text) {
        ClusterRecord cluster = cluster();
        long number = cluster.getLastEvent() + 1;
        putCluster(cluster.toBuilder().setLastEvent(number).build());
        Event event = Event.newBuilder()
                .setNumber(number)
                .setAtMillis(atMillis)
                .setSubject(subject)
                .setText(text)
                .build();
        transaction.put(KeyFormat.event(number), event.toByteArray());
        if (number > MAX_EVENTS) {
            transaction.delete(KeyFormat.event(number - MAX_EVENTS));
        }
    }

    /** Remembers an outcome; the oldest one makes room. */
    void remember(long requestId, Outcome outcome) {
        ClusterRecord cluster = cluster();
        long number = cluster.getLastRequest() + 1;
        putCluster(cluster.toBuilder().setLastRequest(number).build());
        RememberedOutcome remembered = RememberedOutcome.newBuilder()
                .setOutcome(outcome)
                .setNumber(number)
                .build();
        transaction.put(KeyFormat.request(requestId), remembered.toByteArray());
        transaction.put(KeyFormat.requestOrder(number), KeyFormat.longValue(requestId));
        byte[] oldest = KeyFormat.requestOrder(number - MAX_REMEMBERED_REQUESTS);
        byte[] oldestRequest = number > MAX_REMEMBERED_REQUESTS ? transaction.get(oldest) : null;
        if (oldestRequest != null) {
            transaction.delete(oldest);
            transaction.delete(KeyFormat.request(ByteBuffer.wrap(oldestRequest).getLong()));
        }
    }
}
