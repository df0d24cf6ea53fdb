package io.ashlar.bench.map;

import io.ashlar.client.transport.Loop;

import java.util.ArrayDeque;
import java.util.Deque;
import java.util.function.BooleanSupplier;

/** A loop that its owner's thread drives; what is scheduled for later runs in its turn. */
final class DirectLoop implements Loop {
    private final Deque<Runnable> tasks = new ArrayDeque<>();

    @Override
    public void execute(Runnable task) {
        tasks.add(task);
    }

    @Override
    public Timer schedule(long delayNanos, Runnable task) {
        boolean[] cancelled = new boolean[1];
        tasks.add(() -> {
            if (!cancelled[0]) {
                task.run();
            }
        });
        return () -> cancelled[0] = true;
    }

    @Override
    public long nanoTime() {
        return System.nanoTime();
    }

    @Override
    public long wallMillis() {
        return System.currentTimeMillis();
    }

    @Override
    public boolean inLoop() {
        return true;
    }

    /** Runs some tasks. */
    void run(int count) {
        for (int i = 0; i < count && !tasks.isEmpty(); i++) {
            tasks.remove().run();
        }
    }

    void runUntil(BooleanSupplier condition) {
        while (!condition.getAsBoolean()) {
            tasks.remove().run();
        }
    }
}
