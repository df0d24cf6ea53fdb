package io.ashlar.client.map;

import io.ashlar.client.transport.Loop;

/**
 * Holds up what failed before it is tried again, each time for twice as long until something
 * succeeds. Lives on its loop.
 */
final class RetryPause {
    private static final long FIRST_NANOS = 100_000_000L;
    private static final long MAX_NANOS = 10_000_000_000L;

    private final Loop loop;
    private final Runnable onOver;
    private long nextNanos = FIRST_NANOS;
    private boolean on;

    /**
     * @param onOver tries again
     */
    RetryPause(Loop loop, Runnable onOver) {
        this.loop = loop;
        this.onOver = onOver;
    }

    boolean isOn() {
        return on;
    }

    /** How long the next one lasts. */
    long nextNanos() {
        return nextNanos;
    }

    /** Does nothing while one is on. */
    void begin() {
        if (on) {
            return;
        }
        on = true;
        loop.schedule(nextNanos, () -> {
            on = false;
            onOver.run();
        });
        nextNanos = Math.min(2 * nextNanos, MAX_NANOS);
    }

    /** Something succeeded. */
    void reset() {
        nextNanos = FIRST_NANOS;
    }
}
