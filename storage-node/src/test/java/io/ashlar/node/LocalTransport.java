package io.ashlar.node;

import io.ashlar.client.AshlarException;
import io.ashlar.client.model.Address;
import io.ashlar.client.protocol.Request;
import io.ashlar.client.protocol.Response;
import io.ashlar.client.transport.Buffer;
import io.ashlar.client.transport.Loop;
import io.ashlar.client.transport.Transport;

import java.lang.foreign.MemorySegment;
import java.util.HashMap;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.PriorityQueue;
import java.util.Set;
import java.util.concurrent.Executor;
import java.util.function.BooleanSupplier;
import java.util.function.ToLongFunction;

/**
 * Processes, their threads and the network between them, on the test's thread and its own clock.
 */
final class LocalTransport implements Transport {
    private static final long HOP_NANOS = 50_000;

    private final PriorityQueue<Event> events = new PriorityQueue<>();
    private final Map<Address, Service> services = new HashMap<>();

    /** Processes that do not answer. */
    final Set<Address> silent = new HashSet<>();

    /** Requests that are as long on their way as this says. */
    private ToLongFunction<Request> delayNanos = request -> HOP_NANOS;

    private long now;
    private long sequence;
    private int nextPort = 9000;

    private final Loop loop = new LocalLoop();

    /** Something to happen. */
    private record Event(long at, long sequence, Runnable task) implements Comparable<Event> {
        @Override
        public int compareTo(Event other) {
            int byTime = Long.compare(at, other.at);
            return byTime != 0 ? byTime : Long.compare(sequence, other.sequence);
        }
    }

    /** The one loop. */
    private final class LocalLoop implements Loop {
        @Override
        public void execute(Runnable task) {
            after(0, task);
        }

        @Override
        public Timer schedule(long delayNanos, Runnable task) {
            boolean[] cancelled = new boolean[1];
            after(delayNanos, () -> {
                if (!cancelled[0]) {
                    task.run();
                }
            });
            return () -> cancelled[0] = true;
        }

        @Override
        public long nanoTime() {
            return now;
        }

        @Override
        public long wallMillis() {
            return now / 1_000_000;
        }

        @Override
        public boolean inLoop() {
            return true;
        }
    }

    private void after(long delayNanos, Runnable task) {
        events.add(new Event(now + Math.max(0, delayNanos), sequence++, task));
    }

    /** A thread: tasks run in order, between those of others. */
    Executor thread() {
        return task -> after(0, task);
    }

    /** Runs until this holds; fails after a minute of its own time. */
    void runUntil(BooleanSupplier done) {
        long end = now + 60_000_000_000L;
        while (!done.getAsBoolean()) {
            Event event = events.poll();
            if (event == null || event.at() > end) {
                throw new IllegalStateException("nothing happened any more, or not in time");
            }
            now = event.at();
            event.task().run();
        }
    }

    void runFor(long nanos) {
        boolean[] over = new boolean[1];
        after(nanos, () -> over[0] = true);
        runUntil(() -> over[0]);
    }

    /** Lets some requests be overtaken by others. */
    void delay(ToLongFunction<Request> nanos) {
        delayNanos = nanos;
    }

    @Override
    public Loop nextLoop() {
        return loop;
    }

    @Override
    public void call(
            Loop caller,
            Address to,
            Request request,
            List<Buffer> bulk,
            long timeoutNanos,
            ReplyHandler handler) {
        Buffer sent = copy(bulk);
        boolean[] answered = new boolean[1];
        after(timeoutNanos, () -> {
            if (!answered[0]) {
                answered[0] = true;
                handler.failed(new AshlarException.Unavailable(to + " did not answer"));
            }
        });
        after(delayNanos.applyAsLong(request), () -> {
            Service service = services.get(to);
            if (service == null || silent.contains(to)) {
                sent.release();
                return;
            }
            service.handle(request, sent, (response, answer) -> {
                Buffer received = copy(answer);
                after(HOP_NANOS, () -> {
                    if (answered[0] || silent.contains(to)) {
                        received.release();
                        return;
                    }
                    answered[0] = true;
                    deliver(response, received, handler);
                });
            });
        });
    }

    private static void deliver(Response response, Buffer bulk, ReplyHandler handler) {
        if (response.hasFailure()) {
            bulk.release();
            handler.failed(AshlarException.of(response.getFailure()));
        } else {
            handler.answered(response, bulk);
        }
    }

    private static Buffer copy(List<Buffer> parts) {
        Buffer whole =
                Buffer.allocate(parts.stream().mapToInt(Buffer::sizeBytes).sum());
        long at = 0;
        for (Buffer part : parts) {
            MemorySegment.copy(part.segment(), 0, whole.segment(), at, part.sizeBytes());
            at += part.sizeBytes();
            part.release();
        }
        return whole;
    }

    @Override
    public Listener listen(Address address, Service service) {
        Address taken = address.port() == 0 ? new Address(address.host(), nextPort++) : address;
        services.put(taken, service);
        return new Listener() {
            @Override
            public Address address() {
                return taken;
            }

            @Override
            public void close() {
                services.remove(taken, service);
            }
        };
    }

    @Override
    public void close() {}
}
