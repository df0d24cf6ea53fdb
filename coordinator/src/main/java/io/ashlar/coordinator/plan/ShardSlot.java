package io.ashlar.coordinator.plan;

import io.ashlar.client.model.SegmentId;
import io.ashlar.client.protocol.ShardRef;

/** A shard of a segment, wherever it is placed. */
public record ShardSlot(SegmentId segment, int index) implements Comparable<ShardSlot> {

    public static ShardSlot of(ShardRef shard) {
        return new ShardSlot(SegmentId.of(shard.getSegment()), shard.getIndex());
    }

    @Override
    public int compareTo(ShardSlot other) {
        int bySegment = segment.compareTo(other.segment);
        return bySegment != 0 ? bySegment : Integer.compare(index, other.index);
    }
}
