package io.ashlar.tools.simulate;

import java.util.ArrayDeque;
import java.util.Queue;
import java.util.concurrent.Executor;

/**
 * The one thread that writes to a drive: its tasks run in order, and the next one begins when the
 * drive has done what the last one asked of it.
 */
final class DriveThread implements Executor, SimulatedDrive.DriveWork {
    private static final long NANOS_PER_MIB = 1_000_000;
    private static final int MIB_SHIFT = 20;

    private final World world;
    private final SimulatedProcess owner;
    private final String machine;
    private final SimulatedDrive drive;
    private final Queue<Runnable> tasks = new ArrayDeque<>();
    private long busyUntilNanos;
    private boolean scheduled;
    private boolean working;

    DriveThread(World world, SimulatedProcess owner, String machine, SimulatedDrive drive) {
        this.world = world;
        this.owner = owner;
        this.machine = machine;
        this.drive = drive;
    }

    @Override
    public void execute(Runnable task) {
        tasks.add(task);
        if (!scheduled) {
            scheduled = true;
            next();
        }
    }

    private void next() {
        long wait = Math.max(0, busyUntilNanos - world.schedule().nowNanos());
        owner.executor(() -> wait).execute(this::runOne);
    }

    private void runOne() {
        Runnable task = tasks.poll();
        working = true;
        try {
            if (task != null) {
                task.run();
            }
        } finally {
            working = false;
            scheduled = !tasks.isEmpty();
            if (scheduled) {
                next();
            }
        }
    }

    /** Runs all that was given, now. */
    void drain() {
        Runnable task = tasks.poll();
        while (task != null) {
            task.run();
            task = tasks.poll();
        }
    }

    @Override
    public void wrote(long bytes) {
        work(world.settings().writeNanos() + ((bytes * NANOS_PER_MIB) >> MIB_SHIFT));
    }

    @Override
    public void synced() {
        work(world.settings().syncNanos());
    }

    /** Nobody hears of what the thread does before it is done. A start and an end take no time. */
    private void work(long nanos) {
        if (working) {
            int times = Math.max(world.network().slownessOf(machine), drive.slowness());
            world.schedule().take(nanos * times);
            busyUntilNanos = world.schedule().nowNanos();
        }
    }
}
