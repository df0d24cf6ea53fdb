package io.ashlar.coordinator.metadata;

import com.google.protobuf.InvalidProtocolBufferException;
import com.google.protobuf.Message;
import com.google.protobuf.Parser;

import io.ashlar.client.model.DriveId;
import io.ashlar.client.model.SegmentId;
import io.ashlar.client.model.VolumeId;
import io.ashlar.client.protocol.Event;
import io.ashlar.client.protocol.Segment;
import io.ashlar.client.protocol.SegmentState;
import io.ashlar.client.protocol.ShardRef;
import io.ashlar.coordinator.record.ClusterRecord;
import io.ashlar.coordinator.record.LossRecord;
import io.ashlar.coordinator.record.NodeRecord;
import io.ashlar.coordinator.record.RebuildRecord;
import io.ashlar.coordinator.record.RememberedOutcome;
import io.ashlar.coordinator.record.RepairRecord;
import io.ashlar.coordinator.record.ScrubRecord;
import io.ashlar.coordinator.record.VolumeRecord;

import org.jspecify.annotations.Nullable;

import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.List;
import java.util.SortedMap;
import java.util.SortedSet;
import java.util.TreeMap;
import java.util.TreeSet;

/** The metadata as records. Belongs to the thread that applies commands. */
public class MetadataReader {
    private final KeyValues values;

    MetadataReader(KeyValues values) {
        this.values = values;
    }

    public ClusterRecord cluster() {
        ClusterRecord cluster = read(KeyFormat.CLUSTER, ClusterRecord.parser());
        return cluster != null
                ? cluster
                : ClusterRecord.newBuilder().setGeneration(1).build();
    }

    // ---- volumes

    public @Nullable VolumeRecord volume(VolumeId id) {
        return read(KeyFormat.volume(id), VolumeRecord.parser());
    }

    /** The volume of this name that is not deleted. */
    public @Nullable VolumeRecord volume(String name) {
        byte[] id = values.get(KeyFormat.volumeName(name));
        return id == null ? null : volume(volumeIdOf(id));
    }

    /** All that are not deleted, by name. */
    public List<VolumeRecord> volumes() {
        List<VolumeRecord> volumes = new ArrayList<>();
        values.scan(KeyFormat.VOLUME_NAMES, (key, id) -> {
            VolumeRecord volume = volume(volumeIdOf(id));
            if (volume != null) {
                volumes.add(volume);
            }
            return true;
        });
        return volumes;
    }

    /** One that is deleted and not forgotten yet, as it may have segments; null where there is none. */
    public @Nullable VolumeId anyDeletedVolume() {
        List<VolumeId> volumes = new ArrayList<>();
        values.scan(KeyFormat.DELETED_VOLUMES, (key, none) -> {
            volumes.add(KeyFormat.volumeOf(key));
            return false;
        });
        return volumes.isEmpty() ? null : volumes.getFirst();
    }

    // ---- segments

    public @Nullable Segment segment(SegmentId id) {
        return read(KeyFormat.segment(id), Segment.parser());
    }

    /** A volume's log, in order. */
    public List<Segment> segments(VolumeId volume) {
        return firstSegments(volume, Integer.MAX_VALUE);
    }

    /** The oldest segments of a volume's log. */
    public List<Segment> firstSegments(VolumeId volume, int max) {
        return segmentsAfter(volume, 0, max);
    }

    /** The oldest segments of a volume's log behind this place in it; the first place is 1. */
    public List<Segment> segmentsAfter(VolumeId volume, long sequence, int max) {
        return segmentsListed(
                KeyFormat.volumeLog(volume), KeyFormat.volumeLog(volume, sequence + 1), max);
    }

    /** Those CREATING or OPEN, in log order. */
    public List<Segment> unsealedSegments(VolumeId volume) {
        byte[] unsealed = KeyFormat.unsealed(volume);
        return segmentsListed(unsealed, unsealed, Integer.MAX_VALUE);
    }

    /** Volumes, deleted ones too, with segments CREATING or OPEN. */
    public SortedSet<VolumeId> unsealedVolumes() {
        SortedSet<VolumeId> volumes = new TreeSet<>();
        values.scan(KeyFormat.UNSEALED, (key, none) -> {
            volumes.add(KeyFormat.volumeOf(key));
            return true;
        });
        return volumes;
    }

    /** How many segments are OPEN, of all volumes. */
    public int openSegmentCount() {
        return (int)
                segmentsListed(KeyFormat.UNSEALED, KeyFormat.UNSEALED, Integer.MAX_VALUE).stream()
                        .filter(segment -> segment.getState() == SegmentState.OPEN)
                        .count();
    }

    /** Segments of all volumes, by id, behind this one. */
    public List<Segment> segmentsAfter(SegmentId after, int max) {
        List<Segment> segments = new ArrayList<>();
        values.scan(KeyFormat.SEGMENTS, KeyFormat.segment(after), (key, value) -> {
            if (!KeyFormat.segmentOf(key).equals(after)) {
                segments.add(parse(value, Segment.parser()));
            }
            return segments.size() < max;
        });
        return segments;
    }

    /** Segments with more shards in one domain than there need be. */
    public List<SegmentId> weakerSegments() {
        List<SegmentId> segments = new ArrayList<>();
        values.scan(KeyFormat.WEAKER, (key, none) -> segments.add(KeyFormat.segmentOf(key)));
        return segments;
    }

    /** Segments OPEN or SEALED, counted by the name of their policy. */
    public SortedMap<String, Long> segmentCounts() {
        SortedMap<String, Long> counts = new TreeMap<>();
        values.scan(KeyFormat.SEGMENT_COUNTS, (key, value) -> {
            counts.put(KeyFormat.textOf(key), ByteBuffer.wrap(value).getLong());
            return true;
        });
        return counts;
    }

    /** The shards placed on a drive. */
    public List<ShardRef> shardsOn(DriveId drive) {
        List<ShardRef> shards = new ArrayList<>();
        values.scan(
                KeyFormat.driveShards(drive),
                (key, value) -> shards.add(parse(value, ShardRef.parser())));
        return shards;
    }

    /** Doomed shards that the drive has not yet confirmed to be gone. */
    public List<ShardRef> doomedOn(DriveId drive, int max) {
        List<ShardRef> shards = new ArrayList<>();
        values.scan(KeyFormat.doomed(drive), (key, value) -> {
            shards.add(parse(value, ShardRef.parser()));
            return shards.size() < max;
        });
        return shards;
    }

    public boolean isDoomed(ShardRef shard) {
        return values.get(KeyFormat.doomed(shard)) != null;
    }

    // ---- losses and rebuilds

    public @Nullable LossRecord loss(SegmentId segment, int index) {
        return read(KeyFormat.loss(segment, index), LossRecord.parser());
    }

    /** Whether it is kept for what a shard that replaced it lacks. */
    public boolean isFormer(ShardRef shard) {
        LossRecord loss = loss(SegmentId.of(shard.getSegment()), shard.getIndex());
        return loss != null && loss.getFormerList().contains(shard);
    }

    public List<LossRecord> losses() {
        return all(KeyFormat.LOSSES, LossRecord.parser());
    }

    public List<LossRecord> losses(SegmentId segment) {
        return all(KeyFormat.losses(segment), LossRecord.parser());
    }

    public @Nullable RebuildRecord rebuild(SegmentId segment, int index) {
        return read(KeyFormat.rebuild(segment, index), RebuildRecord.parser());
    }

    public List<RebuildRecord> rebuilds() {
        return all(KeyFormat.REBUILDS, RebuildRecord.parser());
    }

    List<RebuildRecord> rebuilds(SegmentId segment) {
        return all(KeyFormat.rebuilds(segment), RebuildRecord.parser());
    }

    public RepairRecord repair() {
        RepairRecord repair = read(KeyFormat.REPAIR, RepairRecord.parser());
        return repair != null ? repair : RepairRecord.getDefaultInstance();
    }

    public ScrubRecord scrub() {
        ScrubRecord scrub = read(KeyFormat.SCRUB, ScrubRecord.parser());
        return scrub != null ? scrub : ScrubRecord.getDefaultInstance();
    }

    // ---- nodes

    public @Nullable NodeRecord node(String id) {
        return read(KeyFormat.node(id), NodeRecord.parser());
    }

    /** All nodes, by id. */
    public List<NodeRecord> nodes() {
        return all(KeyFormat.NODES, NodeRecord.parser());
    }

    /** The node that registered the drive last. */
    public @Nullable String nodeOf(DriveId drive) {
        byte[] node = values.get(KeyFormat.drive(drive));
        return node == null ? null : new String(node, StandardCharsets.UTF_8);
    }

    // ---- events and requests

    /** Events with greater numbers, oldest first. */
    public List<Event> events(long after, int max) {
        List<Event> events = new ArrayList<>();
        values.scan(KeyFormat.EVENTS, KeyFormat.event(after + 1), (key, value) -> {
            events.add(parse(value, Event.parser()));
            return events.size() < max;
        });
        return events;
    }

    @Nullable
    RememberedOutcome remembered(long requestId) {
        return read(KeyFormat.request(requestId), RememberedOutcome.parser());
    }

    // ---- how records are read

    private <M extends Message> @Nullable M read(byte[] key, Parser<M> parser) {
        byte[] value = values.get(key);
        return value == null ? null : parse(value, parser);
    }

    private <M extends Message> List<M> all(byte[] prefix, Parser<M> parser) {
        List<M> records = new ArrayList<>();
        values.scan(prefix, (key, value) -> records.add(parse(value, parser)));
        return records;
    }

    private List<Segment> segmentsListed(byte[] prefix, byte[] from, int max) {
        List<Segment> segments = new ArrayList<>();
        values.scan(prefix, from, (key, id) -> {
            ByteBuffer bytes = ByteBuffer.wrap(id);
            SegmentId segmentId = new SegmentId(bytes.getLong(), bytes.getLong());
            Segment segment = segment(segmentId);
            if (segment == null) {
                throw new IllegalStateException(
                        "segment " + segmentId + " is listed in a log and has no record");
            }
            segments.add(segment);
            return segments.size() < max;
        });
        return segments;
    }

    private static VolumeId volumeIdOf(byte[] value) {
        ByteBuffer bytes = ByteBuffer.wrap(value);
        return new VolumeId(bytes.getLong(), bytes.getLong());
    }

    private static <M extends Message> M parse(byte[] value, Parser<M> parser) {
        try {
            return parser.parseFrom(value);
        } catch (InvalidProtocolBufferException e) {
            throw new IllegalStateException("a metadata record cannot be read", e);
        }
    }
}
