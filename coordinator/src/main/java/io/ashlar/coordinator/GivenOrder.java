package io.ashlar.coordinator;

import io.ashlar.client.model.SegmentId;
import io.ashlar.client.protocol.ShardRef;

/** What an order of the last reply was about, so that its result is understood. */
sealed interface GivenOrder {
    record Seal(ShardRef shard) implements GivenOrder {}

    record Delete(ShardRef shard) implements GivenOrder {}

    /** Of exactly this attempt: its result says nothing about another one of the same segment. */
    record Rebuild(RunningRepair repair) implements GivenOrder {}

    record Scrub(long scrub) implements GivenOrder {}

    record Compare(long scrub, SegmentId segment) implements GivenOrder {}

    record Takeover(Takeovers.Given given) implements GivenOrder {}
}
