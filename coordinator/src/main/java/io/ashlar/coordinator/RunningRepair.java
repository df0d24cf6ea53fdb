package io.ashlar.coordinator;

import io.ashlar.client.model.SegmentId;
import io.ashlar.client.protocol.ShardRef;

/**
 * A repair that a node carries out, or is about to.
 *
 * @param target the shard to be made complete
 * @param node that does it
 * @param inPlace whether the target is placed already; otherwise its plan is in the metadata
 * @param loss number of the loss that a repair in place ends, or 0
 * @param weaker whether the segment has two shards in one domain afterwards
 * @param attempt how many failed before it
 * @param planned whether its plan was applied: its order may be given
 */
record RunningRepair(
        SegmentId segment,
        ShardRef target,
        String node,
        boolean inPlace,
        long loss,
        boolean weaker,
        long startedNanos,
        long attempt,
        boolean planned) {

    RunningRepair asPlanned() {
        return new RunningRepair(
                segment, target, node, inPlace, loss, weaker, startedNanos, attempt, true);
    }
}
