package io.ashlar.coordinator.metadata;

import io.ashlar.client.model.DriveId;
import io.ashlar.client.model.SegmentId;
import io.ashlar.client.model.VolumeId;
import io.ashlar.client.protocol.Id;
import io.ashlar.client.protocol.ShardRef;

import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;

/**
 * The keys of the metadata store, version 1. Integers are big-endian, so that the order of the bytes is the
 * order of the numbers; ids are 16 bytes. No key has a checksum of its own: RocksDB's blocks do.
 *
 * <pre>
 * tag   rest of the key                              value
 * 0x01  -                                            ClusterRecord
 * 0x10  volume 16                                    VolumeRecord
 * 0x11  name, UTF-8                                  volume 16
 * 0x12  volume 16, sequence 8                        segment 16: the volume's log
 * 0x13  volume 16, sequence 8                        segment 16: CREATING and OPEN ones
 * 0x14  volume 16                                    empty: deleted, segments still to be reaped
 * 0x20  segment 16                                   Segment
 * 0x21  drive 16, segment 16, index 4                ShardRef: placed on the drive
 * 0x22  segment 16                                   empty: weaker than it should be
 * 0x23  segment 16, index 4                          LossRecord
 * 0x24  segment 16, index 4                          RebuildRecord
 * 0x25  drive 16, segment 16, index 4, incarnation 8 ShardRef: doomed (a tombstone)
 * 0x26  policy name, ASCII                           segments OPEN or SEALED 8
 * 0x30  node, UTF-8                                  NodeRecord
 * 0x31  drive 16                                     node, UTF-8
 * 0x40  event 8                                      Event
 * 0x50  request 8                                    RememberedOutcome
 * 0x51  number 8                                     request 8: oldest first
 * 0x60  -                                            RepairRecord
 * 0x61  -                                            ScrubRecord
 * </pre>
 */
final class KeyFormat {
    static final byte[] CLUSTER = {0x01};
    static final byte[] VOLUMES = {0x10};
    static final byte[] VOLUME_NAMES = {0x11};
    static final byte[] VOLUME_LOGS = {0x12};
    static final byte[] UNSEALED = {0x13};
    static final byte[] DELETED_VOLUMES = {0x14};
    static final byte[] SEGMENTS = {0x20};
    static final byte[] DRIVE_SHARDS = {0x21};
    static final byte[] WEAKER = {0x22};
    static final byte[] LOSSES = {0x23};
    static final byte[] REBUILDS = {0x24};
    static final byte[] DOOMED = {0x25};
    static final byte[] SEGMENT_COUNTS = {0x26};
    static final byte[] NODES = {0x30};
    static final byte[] DRIVES = {0x31};
    static final byte[] EVENTS = {0x40};
    static final byte[] REQUESTS = {0x50};
    static final byte[] REQUEST_ORDER = {0x51};
    static final byte[] REPAIR = {0x60};
    static final byte[] SCRUB = {0x61};

    private static final int ID_BYTES = 16;

    private KeyFormat() {}

    static byte[] volume(VolumeId id) {
        return id(VOLUMES, id.high(), id.low()).array();
    }

    static byte[] volumeName(String name) {
        return text(VOLUME_NAMES, name);
    }

    /** All of one volume's log. */
    static byte[] volumeLog(VolumeId volume) {
        return id(VOLUME_LOGS, volume.high(), volume.low()).array();
    }

    static byte[] volumeLog(VolumeId volume, long sequence) {
        return numbered(VOLUME_LOGS, volume, sequence);
    }

    static byte[] unsealed(VolumeId volume) {
        return id(UNSEALED, volume.high(), volume.low()).array();
    }

    static byte[] unsealed(VolumeId volume, long sequence) {
        return numbered(UNSEALED, volume, sequence);
    }

    static byte[] deletedVolume(VolumeId id) {
        return id(DELETED_VOLUMES, id.high(), id.low()).array();
    }

    static byte[] segment(SegmentId id) {
        return id(SEGMENTS, id.high(), id.low()).array();
    }

    /** All shards placed on one drive. */
    static byte[] driveShards(DriveId drive) {
        return id(DRIVE_SHARDS, drive.high(), drive.low()).array();
    }

    static byte[] driveShard(ShardRef shard) {
        return shardOnDrive(DRIVE_SHARDS, shard, 0).array();
    }

    static byte[] weaker(SegmentId id) {
        return id(WEAKER, id.high(), id.low()).array();
    }

    static byte[] losses(SegmentId segment) {
        return id(LOSSES, segment.high(), segment.low()).array();
    }

    static byte[] loss(SegmentId segment, int index) {
        return indexed(LOSSES, segment, index);
    }

    static byte[] rebuilds(SegmentId segment) {
        return id(REBUILDS, segment.high(), segment.low()).array();
    }

    static byte[] rebuild(SegmentId segment, int index) {
        return indexed(REBUILDS, segment, index);
    }

    static byte[] doomed(DriveId drive) {
        return id(DOOMED, drive.high(), drive.low()).array();
    }

    static byte[] doomed(ShardRef shard) {
        return shardOnDrive(DOOMED, shard, Long.BYTES)
                .putLong(shard.getIncarnation())
                .array();
    }

    static byte[] segmentCount(String policy) {
        return text(SEGMENT_COUNTS, policy);
    }

    static byte[] node(String id) {
        return text(NODES, id);
    }

    static byte[] drive(DriveId id) {
        return id(DRIVES, id.high(), id.low()).array();
    }

    static byte[] event(long number) {
        return number(EVENTS, number);
    }

    static byte[] request(long requestId) {
        return number(REQUESTS, requestId);
    }

    static byte[] requestOrder(long number) {
        return number(REQUEST_ORDER, number);
    }

    static boolean startsWith(byte[] key, byte[] prefix) {
        if (key.length < prefix.length) {
            return false;
        }
        for (int i = 0; i < prefix.length; i++) {
            if (key[i] != prefix[i]) {
                return false;
            }
        }
        return true;
    }

    /** The text behind the tag. */
    static String textOf(byte[] key) {
        return new String(key, 1, key.length - 1, StandardCharsets.UTF_8);
    }

    /** The segment behind the tag of a key that starts with one. */
    static SegmentId segmentOf(byte[] key) {
        ByteBuffer bytes = ByteBuffer.wrap(key, 1, ID_BYTES);
        return new SegmentId(bytes.getLong(), bytes.getLong());
    }

    /** The volume behind the tag of a key that starts with one. */
    static VolumeId volumeOf(byte[] key) {
        ByteBuffer bytes = ByteBuffer.wrap(key, 1, ID_BYTES);
        return new VolumeId(bytes.getLong(), bytes.getLong());
    }

    /** An id as a value. */
    static byte[] idValue(long high, long low) {
        return ByteBuffer.allocate(ID_BYTES).putLong(high).putLong(low).array();
    }

    static byte[] longValue(long value) {
        return ByteBuffer.allocate(Long.BYTES).putLong(value).array();
    }

    private static ByteBuffer id(byte[] tag, long high, long low) {
        return ByteBuffer.allocate(tag.length + ID_BYTES).put(tag).putLong(high).putLong(low);
    }

    private static byte[] numbered(byte[] tag, VolumeId volume, long sequence) {
        return ByteBuffer.allocate(tag.length + ID_BYTES + Long.BYTES)
                .put(tag)
                .putLong(volume.high())
                .putLong(volume.low())
                .putLong(sequence)
                .array();
    }

    private static byte[] indexed(byte[] tag, SegmentId segment, int index) {
        return ByteBuffer.allocate(tag.length + ID_BYTES + Integer.BYTES)
                .put(tag)
                .putLong(segment.high())
                .putLong(segment.low())
                .putInt(index)
                .array();
    }

    private static ByteBuffer shardOnDrive(byte[] tag, ShardRef shard, int moreBytes) {
        Id drive = shard.getDrive();
        Id segment = shard.getSegment();
        return ByteBuffer.allocate(tag.length + 2 * ID_BYTES + Integer.BYTES + moreBytes)
                .put(tag)
                .putLong(drive.getHigh())
                .putLong(drive.getLow())
                .putLong(segment.getHigh())
                .putLong(segment.getLow())
                .putInt(shard.getIndex());
    }

    private static byte[] number(byte[] tag, long number) {
        return ByteBuffer.allocate(tag.length + Long.BYTES)
                .put(tag)
                .putLong(number)
                .array();
    }

    private static byte[] text(byte[] tag, String text) {
        byte[] bytes = text.getBytes(StandardCharsets.UTF_8);
        return ByteBuffer.allocate(tag.length + bytes.length)
                .put(tag)
                .put(bytes)
                .array();
    }
}
