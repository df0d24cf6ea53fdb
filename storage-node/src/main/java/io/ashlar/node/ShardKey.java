package io.ashlar.node;

import io.ashlar.client.model.SegmentId;
import io.ashlar.client.protocol.ShardRef;

/** A shard within a drive: a re-created one has another incarnation. */
record ShardKey(SegmentId segment, int index, long incarnation) {

    static ShardKey of(ShardRef shard) {
        return new ShardKey(
                SegmentId.of(shard.getSegment()), shard.getIndex(), shard.getIncarnation());
    }

    @Override
    public String toString() {
        return "shard " + segment + "/" + index + " (incarnation " + Long.toHexString(incarnation)
                + ")";
    }
}
