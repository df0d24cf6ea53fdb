package io.ashlar.tools.simulate;

import io.ashlar.client.transport.Loop;

import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.List;
import java.util.Queue;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.Executor;

/**
 * One life of a process, and its loop. It can be stopped for a while, and killed between any two
 * tasks or in the middle of one.
 *
 * <p>What a killed process still had in its queues is run once more as a <em>ghost</em>: nobody sees
 * or hears anything of it (drives refuse it, its messages go nowhere, its calls fail), it only gives
 * back the memory that it held.
 */
final class SimulatedProcess implements Loop {
    private static final int MAX_GHOST_TASKS = 200_000;

    private final Schedule schedule;
    private final SimulatedClock clock;
    private final String name;
    private final List<Schedule.Event> held = new ArrayList<>();
    private final Queue<Runnable> ghostTasks = new ArrayDeque<>();
    private final List<Runnable> atDeath = new ArrayList<>();
    private boolean alive = true;
    private boolean paused;
    private boolean buried;
    private long resumedNanos = -WorldSettings.TROUBLE_LASTS_NANOS;

    SimulatedProcess(Schedule schedule, SimulatedClock clock, String name) {
        this.schedule = schedule;
        this.clock = clock;
        this.name = name;
    }

    /** Its machine's name. */
    String name() {
        return name;
    }

    boolean isAlive() {
        return alive;
    }

    boolean isPaused() {
        return paused && alive;
    }

    /** Keeps a task until the process runs on. */
    void hold(Schedule.Event event) {
        held.add(event);
    }

    void pause() {
        paused = true;
    }

    /** When it last ran on after a pause. */
    long resumedNanos() {
        return resumedNanos;
    }

    void resume() {
        if (paused) {
            resumedNanos = schedule.nowNanos();
        }
        paused = false;
        held.forEach(schedule::resume);
        held.clear();
    }

    /** What gives memory back when the process dies. */
    void atDeath(Runnable cleaning) {
        atDeath.add(cleaning);
    }

    /** Ends it at once; may be called from within one of its own tasks, which goes on as a ghost. */
    void kill() {
        if (alive) {
            alive = false;
            paused = false;
            schedule.world(0, this::bury);
        }
    }

    /** A task that comes between the death and the burial. */
    void leave(Schedule.Event event) {
        if (!buried) {
            ghostTasks.add(event.task());
        }
    }

    private void bury() {
        held.forEach(event -> ghostTasks.add(event.task()));
        held.clear();
        schedule.takeTasksOf(this).forEach(event -> ghostTasks.add(event.task()));
        schedule.runAs(this, () -> atDeath.forEach(Runnable::run));
        for (int i = 0; i < MAX_GHOST_TASKS && !ghostTasks.isEmpty(); i++) {
            runGhost(ghostTasks.remove());
        }
        ghostTasks.clear();
        buried = true;
    }

    /** What a ghost runs into is of no interest: its surroundings are gone. */
    private void runGhost(Runnable task) {
        var _ = CompletableFuture.runAsync(task, run -> schedule.runAs(this, run));
    }

    /** An executor whose tasks take time, one after another where it has one thread. */
    Executor executor(LatencySource latency) {
        return task -> later(latency.nextNanos(), task);
    }

    /** How long until a task that was just given runs. */
    interface LatencySource {
        long nextNanos();
    }

    private void later(long delayNanos, Runnable task) {
        if (alive) {
            schedule.task(this, delayNanos, task);
        } else if (!buried) {
            ghostTasks.add(task);
        }
    }

    // ---- the loop

    @Override
    public void execute(Runnable task) {
        later(0, task);
    }

    @Override
    public Timer schedule(long delayNanos, Runnable task) {
        if (!alive) {
            return () -> {};
        }
        Schedule.Event event = schedule.timer(this, clock.trueNanos(delayNanos), task);
        return event::cancel;
    }

    @Override
    public long nanoTime() {
        return clock.nanoTime();
    }

    @Override
    public long wallMillis() {
        return clock.wallMillis();
    }

    @Override
    public boolean inLoop() {
        return schedule.isRunning(this);
    }
}
