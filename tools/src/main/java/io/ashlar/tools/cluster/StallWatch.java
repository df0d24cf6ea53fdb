package io.ashlar.tools.cluster;

import io.ashlar.client.AshlarException;
import io.ashlar.client.model.Address;

import java.time.Duration;
import java.util.List;
import java.util.function.Consumer;
import java.util.function.LongSupplier;
import java.util.stream.Collectors;

/**
 * Tells a person what a piece of work waits for while no coordinator answers: the client itself is
 * patient, and silent. Looks every second from a thread of its own, until it is closed.
 */
public final class StallWatch implements AutoCloseable {
    private static final Duration INTERVAL = Duration.ofSeconds(1);
    private static final Duration CALL_TIMEOUT = Duration.ofSeconds(2);

    private final List<Address> coordinators;
    private final LongSupplier doneBytes;
    private final Consumer<String> listener;
    private final Thread thread;

    /**
     * Begins to watch.
     *
     * @param doneBytes how far the work is; asked from another thread
     * @param listener hears the lines for people, from that thread
     */
    public StallWatch(
            List<Address> coordinators, LongSupplier doneBytes, Consumer<String> listener) {
        this.coordinators = coordinators;
        this.doneBytes = doneBytes;
        this.listener = listener;
        this.thread = Thread.ofVirtual().name("stall-watch").start(this::watch);
    }

    private void watch() {
        Stall stall = new Stall();
        try {
            while (true) {
                Thread.sleep(INTERVAL);
                stall.look(doneBytes.getAsLong(), this::answers).ifPresent(this::say);
            }
        } catch (InterruptedException e) {
            // Closed: the work is done.
        }
    }

    private boolean answers() {
        try (ClusterConnection connection = new ClusterConnection(coordinators)) {
            var _ = ClusterOperations.status(connection, CALL_TIMEOUT);
            return true;
        } catch (AshlarException e) {
            return false;
        }
    }

    private void say(boolean waits) {
        String listed =
                coordinators.stream().map(Address::toString).collect(Collectors.joining(","));
        listener.accept(
                waits
                        ? "no coordinator answers at " + listed
                                + ": waiting for it (start it, or interrupt)"
                        : "going on");
    }

    @Override
    public void close() {
        thread.interrupt();
    }
}
