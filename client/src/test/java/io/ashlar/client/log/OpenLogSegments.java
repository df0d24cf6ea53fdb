package io.ashlar.client.log;

import io.ashlar.client.AshlarException;
import io.ashlar.client.model.Policy;
import io.ashlar.client.model.SegmentId;
import io.ashlar.client.protocol.Placement;
import io.ashlar.client.protocol.Segment;
import io.ashlar.client.protocol.SegmentState;

/** Open segments for tests of what is decided of them. */
final class OpenLogSegments {
    private static final long SHARD_BYTES = 1 << 20;

    private OpenLogSegments() {}

    /** One whose shards are nowhere in particular. */
    static LogSegment of(SegmentId id, long sequence, Policy policy, long epoch)
            throws AshlarException {
        Segment.Builder segment = Segment.newBuilder()
                .setId(id.toProto())
                .setSequence(sequence)
                .setPolicy(policy.toString())
                .setEpoch(epoch)
                .setState(SegmentState.OPEN)
                .setShardBytes(SHARD_BYTES);
        for (int i = 0; i < policy.n(); i++) {
            segment.addPlacements(Placement.getDefaultInstance());
        }
        return LogSegment.of(segment.build(), new ShardPlaces());
    }
}
