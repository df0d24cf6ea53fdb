package io.ashlar.coordinator;

import io.ashlar.client.model.SegmentId;
import io.ashlar.client.protocol.ShardRef;

/** What an order of the last reply was about, so that its result is understood. */
sealed interface GivenOrder {
    record Seal(ShardRef shard) implements GivenOrder {}

    record Delete(ShardRef shard) implements GivenOrder {}

    record Rebuild(SegmentId segment) implements GivenOrder {}

    record Scrub(long scrub) implements GivenOrder {}
}
