package io.ashlar.client.transport;

import java.util.concurrent.Executor;

/**
 * One thread of control: what runs on a loop runs one after another, so state that belongs to a
 * loop needs no lock. A loop is also the clock of what runs on it. Tasks never block.
 */
public interface Loop extends Executor {

    /** Runs the task on this loop, after those given before. */
    @Override
    void execute(Runnable task);

    /** Runs the task on this loop, not before the delay is over, unless it is cancelled. */
    Timer schedule(long delayNanos, Runnable task);

    /** A monotonic clock, which stands still while the machine is suspended. */
    long nanoTime();

    /** Milliseconds since 1970: it may jump. */
    long wallMillis();

    boolean inLoop();

    /** A task that waits for its time. */
    interface Timer {
        /** Has no effect once the task has run. */
        void cancel();
    }
}
