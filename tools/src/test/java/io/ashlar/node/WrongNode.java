package io.ashlar.node;

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
}
