package io.ashlar.client.fake;

import io.ashlar.client.transport.Loop;

import java.util.Comparator;
import java.util.PriorityQueue;
import java.util.function.BooleanSupplier;

/** A loop whose time passes only as its tasks are run, by the test's own thread. */
public final class FakeLoop implements Loop {
    private final PriorityQueue<Task> tasks =
            new PriorityQueue<>(Comparator.comparingLong((Task task) -> task.atNanos)
                    .thenComparingLong(task -> task.number));
    private long nowNanos;
    private long lastNumber;

    private static final class Task implements Timer {
        final long atNanos;
        final long number;
        final Runnable action;
        boolean cancelled;

        Task(long atNanos, long number, Runnable action) {
            this.atNanos = atNanos;
            this.number = number;
            this.action = action;
        }

        @Override
        public void cancel() {
            cancelled = true;
        }
    }

    @Override
    public void execute(Runnable task) {
        schedule(0, task);
    }

    @Override
    public Timer schedule(long delayNanos, Runnable action) {
        Task task = new Task(nowNanos + Math.max(0, delayNanos), lastNumber++, action);
        tasks.add(task);
        return task;
    }

    @Override
    public long nanoTime() {
        return nowNanos;
    }

    @Override
    public long wallMillis() {
        return nowNanos / 1_000_000;
    }

    @Override
    public boolean inLoop() {
        return true;
    }

    /** Runs the next task; false where there is none. */
    public boolean step() {
        Task task = tasks.poll();
        if (task == null) {
            return false;
        }
        nowNanos = task.atNanos;
        if (!task.cancelled) {
            task.action.run();
        }
        return true;
    }

    /** Runs tasks until the condition holds; fails where it does not within the time. */
    public void runUntil(BooleanSupplier condition, long withinNanos) {
        long deadline = nowNanos + withinNanos;
        while (!condition.getAsBoolean()) {
            if (nowNanos > deadline || !step()) {
                throw new AssertionError("did not come about within " + withinNanos + " ns");
            }
        }
    }

    /** Runs what happens within a time. */
    public void runFor(long nanos) {
        long end = nowNanos + nanos;
        while (!tasks.isEmpty() && tasks.peek().atNanos <= end) {
            step();
        }
        nowNanos = end;
    }
}
