package io.ashlar.node;

import io.ashlar.client.AshlarException;
import io.ashlar.client.protocol.AppendCell;
import io.ashlar.client.transport.Buffer;

/** What deliberate defects do in the place of what a node does. */
public final class WrongNode {
    private WrongNode() {}

    /** Nobody waits for a sync. */
    public static void answerAtOnce(GroupCommit commit, GroupCommit.Waiting waiting) {
        waiting.synced(null);
    }

    /** The fence is raised, and not written. */
    public static void raiseInMemory(ShardStore store, Shard shard, ShardEntry raised) {
        shard.become(raised);
    }

    /** The fence is looked at when an append arrives; it may be raised before its turn comes. */
    public static RecordAppender.Append checkOnArrival(
            Shard shard, AppendCell request, Buffer record, boolean replacing)
            throws AshlarException {
        if (request.getEpoch() < shard.entry().fenceEpoch()) {
            throw ShardStore.belowFence(shard.entry(), request.getEpoch());
        }
        return AppendCheck.check(shard, request, record, replacing);
    }
}
