package io.ashlar.coordinator;

import io.ashlar.client.transport.Loop;

import java.util.Comparator;
import java.util.PriorityQueue;

/** A loop whose time passes when the test says so. */
public final class VirtualLoop implements Loop {
    private static final long WALL_START_MILLIS = 1_700_000_000_000L;

    private final PriorityQueue<Task> tasks = new PriorityQueue<>(
            Comparator.comparingLong(Task::atNanos).thenComparingLong(Task::order));
    private long nowNanos;
    private long lastOrder;

    private record Task(long atNanos, long order, Runnable work) {}

    @Override
    public void execute(Runnable work) {
        schedule(0, work);
    }

    @Override
    public Timer schedule(long delayNanos, Runnable work) {
        Task task = new Task(nowNanos + delayNanos, ++lastOrder, work);
        tasks.add(task);
        return () -> tasks.remove(task);
    }

    /** Runs what is due now. */
    public void settle() {
        passMillis(0);
    }

    /** Lets time pass and runs what falls due. */
    public void passMillis(long millis) {
        long untilNanos = nowNanos + millis * 1_000_000;
        while (!tasks.isEmpty() && tasks.peek().atNanos() <= untilNanos) {
            Task task = tasks.remove();
            nowNanos = Math.max(nowNanos, task.atNanos());
            task.work().run();
        }
        nowNanos = untilNanos;
    }

    /** Time passes and nothing runs, as when a process is stopped. */
    public void pauseMillis(long millis) {
        nowNanos += millis * 1_000_000;
    }

    @Override
    public long nanoTime() {
        return nowNanos;
    }

    @Override
    public long wallMillis() {
        return WALL_START_MILLIS + nowNanos / 1_000_000;
    }

    @Override
    public boolean inLoop() {
        return false;
    }
}
