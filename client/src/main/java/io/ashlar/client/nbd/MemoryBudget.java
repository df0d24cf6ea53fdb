package io.ashlar.client.nbd;

import java.util.ArrayDeque;
import java.util.Deque;

/**
 * What the data of all requests under way may take of memory together. Who gets none waits for its
 * turn, which comes in the order of asking, so that a large request is not passed by small ones for
 * ever. Safe for use by many threads.
 */
final class MemoryBudget {
    private final Deque<Waiter> waiting = new ArrayDeque<>();
    private long freeBytes;

    MemoryBudget(long bytes) {
        this.freeBytes = bytes;
    }

    /** Asked for, and not had yet. */
    private record Waiter(Object owner, long bytes, Runnable granted) {}

    /**
     * Takes memory now, or once there is some.
     *
     * @param owner who may change its mind
     * @param granted called on any thread when it was had later
     * @return whether it was had now
     */
    synchronized boolean take(Object owner, long bytes, Runnable granted) {
        if (bytes == 0 || (waiting.isEmpty() && bytes <= freeBytes)) {
            freeBytes -= bytes;
            return true;
        }
        waiting.add(new Waiter(owner, bytes, granted));
        return false;
    }

    void giveBack(long bytes) {
        Deque<Waiter> granted = new ArrayDeque<>();
        synchronized (this) {
            freeBytes += bytes;
            while (!waiting.isEmpty() && waiting.peek().bytes <= freeBytes) {
                Waiter next = waiting.remove();
                freeBytes -= next.bytes;
                granted.add(next);
            }
        }
        granted.forEach(waiter -> waiter.granted.run());
    }

    /** Whether the owner waited, and waits no more; otherwise what it asked for is its own. */
    boolean forget(Object owner) {
        boolean waited;
        synchronized (this) {
            waited = waiting.removeIf(waiter -> waiter.owner.equals(owner));
        }
        if (waited) {
            giveBack(0);
        }
        return waited;
    }

    synchronized boolean isShort() {
        return !waiting.isEmpty();
    }
}
