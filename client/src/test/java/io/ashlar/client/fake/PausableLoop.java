package io.ashlar.client.fake;

import io.ashlar.client.transport.Loop;

import java.util.ArrayDeque;
import java.util.Deque;

/** The loop of a process that can be stopped and woken up: time goes on, its tasks wait. */
public final class PausableLoop implements Loop {
    private final FakeLoop loop;
    private final Deque<Runnable> waiting = new ArrayDeque<>();
    private boolean paused;
    private long suspendedNanos;

    public PausableLoop(FakeLoop loop) {
        this.loop = loop;
    }

    public void pause() {
        paused = true;
    }

    /** What came due meanwhile runs now, in order. */
    public void wakeUp() {
        paused = false;
        while (!waiting.isEmpty()) {
            loop.execute(waiting.remove());
        }
    }

    /** Wakes up on a machine that was suspended for this part of the time. */
    public void wakeUpAfterSuspension(long nanos) {
        suspendedNanos += nanos;
        wakeUp();
    }

    @Override
    public void execute(Runnable task) {
        schedule(0, task);
    }

    @Override
    public Timer schedule(long delayNanos, Runnable task) {
        return loop.schedule(delayNanos, () -> {
            if (paused) {
                waiting.add(task);
            } else {
                task.run();
            }
        });
    }

    @Override
    public long nanoTime() {
        return loop.nanoTime() - suspendedNanos;
    }

    @Override
    public long wallMillis() {
        return loop.wallMillis();
    }

    @Override
    public boolean inLoop() {
        return true;
    }
}
