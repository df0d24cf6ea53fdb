package io.ashlar.tools.simulate;

import org.jspecify.annotations.Nullable;

import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import java.util.PriorityQueue;
import java.util.function.BooleanSupplier;

/**
 * Time, and all that is going to happen in it. One thread takes the next event, sets the clock to
 * it and runs it.
 *
 * <p>This is where determinism is held. Whatever the shipping code does is done by a task of this
 * queue, and tasks are ordered by their time and then by the number in which they were added, so
 * equal times make no choice. Time is a number that only this class moves. Everything else that a
 * process could differ by is handed to it from here: its clock ({@link SimulatedClock}), its random
 * numbers (one generator for each process start, seeded by the run's), its network
 * ({@link SimulatedNetwork}) and its drives ({@link SimulatedDrive}). No thread is started, no
 * pool, no timer; futures complete inside the task that completes them. What remains are the orders
 * of hash tables: the shipping code may look up in any, and iterate over those whose keys hash by
 * value, but not over tables of protobuf messages, enums or classes, whose hashes differ from one
 * Java process to the next. Two runs in two Java processes are compared for it by a test.
 */
final class Schedule {
    private final PriorityQueue<Event> events = new PriorityQueue<>();
    private long nowNanos;

    /** How long what runs just now has taken so far. */
    private long takenNanos;

    private long lastNumber;
    private long ran;
    private @Nullable SimulatedProcess running;

    /** Something that is going to happen, to a process or to the world. */
    static final class Event implements Comparable<Event> {
        private long atNanos;
        private final long number;
        private final @Nullable SimulatedProcess process;
        private final boolean timer;
        private final Runnable task;
        private boolean cancelled;

        private Event(
                long atNanos,
                long number,
                @Nullable SimulatedProcess process,
                boolean timer,
                Runnable task) {
            this.atNanos = atNanos;
            this.number = number;
            this.process = process;
            this.timer = timer;
            this.task = task;
        }

        void cancel() {
            cancelled = true;
        }

        Runnable task() {
            return task;
        }

        @Override
        public int compareTo(Event other) {
            int byTime = Long.compare(atNanos, other.atNanos);
            return byTime != 0 ? byTime : Long.compare(number, other.number);
        }
    }

    /** The time, as what runs just now has it. */
    long nowNanos() {
        return nowNanos + takenNanos;
    }

    /** The time that everybody has reached. */
    long reachedNanos() {
        return nowNanos;
    }

    /** Whether what runs just now is ahead of everybody else. */
    boolean isAhead() {
        return takenNanos > 0;
    }

    /**
     * What runs just now takes so long: whatever it does from here on, others hear of that much
     * later, or never if its process is dead by then.
     */
    void take(long nanos) {
        takenNanos += nanos;
    }

    /** Tasks run so far. */
    long ran() {
        return ran;
    }

    /** Something that the world does, whatever the processes are about. */
    Event world(long delayNanos, Runnable task) {
        return add(delayNanos, null, false, task);
    }

    /** A task of a process, which dies with it. */
    Event task(SimulatedProcess process, long delayNanos, Runnable task) {
        return add(delayNanos, process, false, task);
    }

    /** A task of a process that waits for its time: nobody misses it when the process dies. */
    Event timer(SimulatedProcess process, long delayNanos, Runnable task) {
        return add(delayNanos, process, true, task);
    }

    private Event add(
            long delayNanos, @Nullable SimulatedProcess process, boolean timer, Runnable task) {
        Event event =
                new Event(nowNanos() + Math.max(0, delayNanos), ++lastNumber, process, timer, task);
        events.add(event);
        return event;
    }

    /** Puts an event that a paused process had held back in its place again. */
    void resume(Event event) {
        event.atNanos = Math.max(event.atNanos, nowNanos);
        events.add(event);
    }

    /** Takes out, in order, what a process has still to do; its timers are dropped. */
    List<Event> takeTasksOf(SimulatedProcess process) {
        List<Event> tasks = new ArrayList<>();
        events.removeIf(event -> {
            if (event.process != process) {
                return false;
            }
            if (!event.timer && !event.cancelled) {
                tasks.add(event);
            }
            return true;
        });
        Collections.sort(tasks);
        return tasks;
    }

    boolean isRunning(SimulatedProcess process) {
        return running == process;
    }

    /** Whether what runs just now is of a process that is dead. */
    boolean runsAGhost() {
        return running != null && !running.isAlive();
    }

    /** Runs something as a process, now. */
    void runAs(SimulatedProcess process, Runnable task) {
        SimulatedProcess before = running;
        running = process;
        try {
            task.run();
        } finally {
            running = before;
        }
    }

    /** Runs the next event; false where there is none. */
    boolean step() {
        Event event = events.poll();
        if (event == null) {
            return false;
        }
        nowNanos = Math.max(nowNanos, event.atNanos);
        if (event.cancelled) {
            return true;
        }
        SimulatedProcess process = event.process;
        if (process == null) {
            ran++;
            event.task.run();
        } else if (process.isPaused()) {
            process.hold(event);
        } else if (process.isAlive()) {
            ran++;
            runAs(process, event.task);
        } else if (!event.timer) {
            process.leave(event);
        }
        takenNanos = 0;
        return true;
    }

    /** Runs until something holds; false where it does not in its time. */
    boolean runUntil(BooleanSupplier condition, long withinNanos) {
        long deadline = nowNanos + withinNanos;
        while (!condition.getAsBoolean()) {
            Event next = events.peek();
            if (next == null || next.atNanos > deadline) {
                return false;
            }
            step();
        }
        return true;
    }

    /** Lets time pass. */
    void runFor(long nanos) {
        long end = nowNanos + nanos;
        Event next = events.peek();
        while (next != null && next.atNanos <= end) {
            step();
            next = events.peek();
        }
        nowNanos = end;
    }
}
