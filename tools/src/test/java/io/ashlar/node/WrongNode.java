package io.ashlar.node;

import io.ashlar.client.AshlarException;
import io.ashlar.client.protocol.AppendCell;
import io.ashlar.client.transport.Buffer;

import org.jspecify.annotations.Nullable;

import java.lang.reflect.InvocationTargetException;
import java.lang.reflect.Method;

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

    /** The fence is looked at as an append arrives, before it waits for the drive's thread. */
    public static RecordAppender.Append checkFenceToo(
            Shard shard, AppendCell request, Buffer record, boolean replacing)
            throws AshlarException {
        if (request.getEpoch() < shard.entry().fenceEpoch()) {
            throw new AshlarException.Fenced(shard.key() + " is fenced");
        }
        return AppendCheck.check(shard, request, record, replacing);
    }

    /** The fence is looked at when the record is written. */
    public static @Nullable AshlarException writeFirst(
            RecordAppender appender, RecordAppender.Append append) {
        AshlarException refusal = (AshlarException) call(appender, "refusal", append);
        boolean written = refusal instanceof AshlarException.Fenced
                && append.shard().index() != null
                && !Boolean.TRUE.equals(call(appender, "isThere", append));
        AshlarException unwritten =
                written ? (AshlarException) call(appender, "write", append) : null;
        return unwritten != null ? unwritten : refusal;
    }

    private static @Nullable Object call(
            RecordAppender appender, String name, RecordAppender.Append append) {
        try {
            Method method =
                    RecordAppender.class.getDeclaredMethod(name, RecordAppender.Append.class);
            method.setAccessible(true);
            return method.invoke(appender, append);
        } catch (InvocationTargetException e) {
            throw new IllegalStateException(e.getCause());
        } catch (ReflectiveOperationException e) {
            throw new IllegalStateException("the product has changed", e);
        }
    }
}
