package io.ashlar.node;

import io.ashlar.client.AshlarException;

import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

import java.io.IOException;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.Executor;
import java.util.function.Consumer;

/**
 * Makes durable, with one sync, all that was written by the tasks which were waiting for the
 * drive's thread when the first of them wrote: the sync queues up behind them. Then, and only then,
 * those who wait hear of it. Belongs to the drive's thread.
 */
final class GroupCommit {
    private static final Logger log = LoggerFactory.getLogger(GroupCommit.class);

    private final Executor driveThread;
    private final Sync sync;
    private List<Waiting> waiting = new ArrayList<>();

    GroupCommit(Executor driveThread, Sync sync) {
        this.driveThread = driveThread;
        this.sync = sync;
    }

    /** Makes durable all that was written; says how that failed, or null. */
    @FunctionalInterface
    interface Sync {
        @Nullable
        AshlarException sync();
    }

    /** Runs once what was written before is durable, or known not to be. */
    @FunctionalInterface
    interface Waiting {
        /** The failure is null where all is durable. */
        void synced(@Nullable AshlarException failure);
    }

    void join(Waiting one) {
        waiting.add(one);
        if (waiting.size() == 1) {
            driveThread.execute(this::commit);
        }
    }

    private void commit() {
        List<Waiting> batch = waiting;
        waiting = new ArrayList<>(batch.size());
        AshlarException failure = sync.sync();
        tellAll(batch, one -> one.synced(failure));
    }

    /** Tells everybody, also behind one whom a bug keeps from hearing it. */
    static <T> void tellAll(List<T> waiting, Consumer<T> tell) {
        for (T one : waiting) {
            try {
                tell.accept(one);
            } catch (RuntimeException | Error e) {
                log.error("what waited for a drive ended by a bug", e);
            }
        }
    }

    /** The join of something whose answer is known already. */
    <T> void join(T answer, Completion<T> completion) {
        join(failure -> {
            if (failure == null) {
                completion.done(answer);
            } else {
                completion.failed(failure);
            }
        });
    }

    /** Turns what a drive's file threw into what its callers are told. */
    static AshlarException failure(String path, IOException cause) {
        return cause instanceof DriveFullException
                ? new AshlarException.NoSpace("drive " + path + " is full: " + cause.getMessage())
                : new AshlarException.Unavailable(
                        "drive " + path + " has failed: " + cause.getMessage(), cause);
    }
}
