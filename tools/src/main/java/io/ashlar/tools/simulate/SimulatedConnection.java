package io.ashlar.tools.simulate;

import io.ashlar.client.AshlarException;
import io.ashlar.client.model.Address;
import io.ashlar.client.protocol.Request;
import io.ashlar.client.protocol.Response;
import io.ashlar.client.transport.Buffer;
import io.ashlar.client.transport.Loop;
import io.ashlar.client.transport.Transport;

import org.jspecify.annotations.Nullable;

import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Queue;

/**
 * One connection from a process to an address. Messages of each direction arrive in their order,
 * unless the connection breaks: then those on their way are gone, all unanswered calls fail, and
 * some of their requests may still arrive, or arrive again, later: the transport promises nothing
 * about them.
 */
final class SimulatedConnection {
    private static final long CONNECT_TIMEOUT_NANOS = 2_000_000_000L;
    private static final long NOTICED_WITHIN_NANOS = 50_000_000L;
    private static final long REPEATED_WITHIN_NANOS = 3_000_000_000L;

    private final SimulatedNetwork network;
    private final Schedule schedule;
    private final SimulatedProcess client;
    private final Address address;
    private final Map<Long, Pending> pending = new LinkedHashMap<>();
    private final Direction toServer;
    private final Direction toClient;
    private SimulatedNetwork.@Nullable Served server;
    private boolean connecting = true;
    private boolean ended;
    private long lastId;

    SimulatedConnection(SimulatedNetwork network, SimulatedProcess client, Address address) {
        this.network = network;
        this.schedule = network.schedule();
        this.client = client;
        this.address = address;
        this.toServer = new Direction(client.name(), address.host());
        this.toClient = new Direction(address.host(), client.name());
        toServer.send(new Message(this::reach, () -> {}));
        schedule.world(CONNECT_TIMEOUT_NANOS, () -> {
            if (connecting) {
                breakUp("cannot be reached");
            }
        });
    }

    /** A call that is not answered yet. */
    private record Pending(
            Request request, Buffer bulk, Loop.Timer timeout, Transport.ReplyHandler handler) {}

    /** Something on its way; what is dropped gives back what it carries. */
    private record Message(Runnable arrive, Runnable drop) {}

    /** One direction: what was sent later arrives later. */
    private final class Direction {
        private final String from;
        private final String to;
        private final Queue<Message> heldUp = new ArrayDeque<>();
        private long lastArrivalNanos;

        Direction(String from, String to) {
            this.from = from;
            this.to = to;
        }

        void send(Message message) {
            if (ended) {
                message.drop().run();
                return;
            }
            if (network.loses(from, to)) {
                message.drop().run();
                network.note("lost " + from + ">" + to);
                breakUp("was reset");
                return;
            }
            long arrival =
                    Math.max(lastArrivalNanos, schedule.nowNanos() + network.delayNanos(from, to));
            lastArrivalNanos = arrival;
            schedule.world(arrival - schedule.nowNanos(), () -> arrive(message));
        }

        private void arrive(Message message) {
            if (ended) {
                message.drop().run();
            } else if (network.isCut(from, to) || !heldUp.isEmpty()) {
                heldUp.add(message);
                network.holdsUp(SimulatedConnection.this);
            } else {
                message.arrive().run();
            }
        }

        void goOn() {
            while (!heldUp.isEmpty()) {
                heldUp.remove().arrive().run();
            }
        }

        void drop() {
            while (!heldUp.isEmpty()) {
                heldUp.remove().drop().run();
            }
        }
    }

    boolean hasEnded() {
        return ended;
    }

    private void reach() {
        server = network.at(address);
        connecting = false;
        if (server == null) {
            breakUp("refuses connections");
        } else {
            server.process().atDeath(this::serverDied);
        }
    }

    /** A machine says so where it outlives the process, and can be heard. */
    private void serverDied() {
        if (!ended
                && !network.isCut(address.host(), client.name())
                && network.random().nextBoolean()) {
            breakUp("was reset");
        }
    }

    void call(Request request, SentBytes bulk, long timeoutNanos, Transport.ReplyHandler handler) {
        long id = ++lastId;
        Loop.Timer timeout = client.schedule(timeoutNanos, () -> timedOut(id, timeoutNanos));
        pending.put(id, new Pending(request, bulk.copy().retain(), timeout, handler));
        toServer.send(new Message(() -> deliver(id, request, bulk.leave()), bulk::release));
    }

    private void timedOut(long id, long timeoutNanos) {
        Pending call = pending.remove(id);
        if (call != null) {
            call.bulk().release();
            call.handler()
                    .failed(new AshlarException.Unavailable(address + " did not answer within "
                            + timeoutNanos / 1_000_000 + " ms"));
        }
    }

    private void deliver(long id, Request request, Buffer bulk) {
        SimulatedNetwork.Served to = server;
        if (to == null || !to.process().isAlive() || !to.equals(network.at(address))) {
            bulk.release();
            breakUp("closed the connection");
            return;
        }
        network.note(client.name() + ">" + address.host() + " " + request.getBodyCase());
        network.observer().asked(client, request);
        if (network.swallows(client, request)) {
            bulk.release();
            return;
        }
        SimulatedProcess process = to.process();
        long heldUpNanos = network.holdsUpNanos(client, request);
        if (heldUpNanos == 0) {
            process.execute(() -> handle(to, id, request, bulk));
        } else {
            schedule.world(heldUpNanos, () -> handleLate(to, id, request, bulk));
        }
    }

    private void handleLate(SimulatedNetwork.Served to, long id, Request request, Buffer bulk) {
        if (to.process().isAlive()) {
            to.process().execute(() -> handle(to, id, request, bulk));
        } else {
            bulk.release();
        }
    }

    private void handle(SimulatedNetwork.Served to, long id, Request request, Buffer bulk) {
        Transport.Responder responder = (response, parts) -> {
            SentBytes answer = SentBytes.of(to.process(), parts);
            network.onceReached(to.process(), () -> {
                if (network.says(to, request, response)) {
                    toClient.send(new Message(
                            () -> answer(id, response, answer.leave()), answer::release));
                } else {
                    answer.release();
                }
            });
        };
        try {
            to.service().handle(request, bulk, responder);
        } catch (RuntimeException e) {
            throw new Violation(
                    "no bugs", address + " failed on " + request.getBodyCase() + ": " + e, e);
        }
    }

    private void answer(long id, Response response, Buffer bulk) {
        if (!client.isAlive()) {
            bulk.release();
            return;
        }
        network.note(address.host() + ">" + client.name() + " " + response.getBodyCase());
        client.execute(() -> {
            Pending call = pending.remove(id);
            if (call == null) {
                bulk.release();
                return;
            }
            call.timeout().cancel();
            call.bulk().release();
            network.observer().heard(client, call.request(), response);
            if (response.hasFailure()) {
                bulk.release();
                call.handler().failed(AshlarException.of(response.getFailure()));
            } else {
                call.handler().answered(response, bulk);
            }
        });
    }

    /** The ways are open again. */
    void goOn() {
        toServer.goOn();
        toClient.goOn();
    }

    /** Ends it; the caller notices a moment later. */
    void breakUp(String reason) {
        if (ended) {
            return;
        }
        ended = true;
        connecting = false;
        toServer.drop();
        toClient.drop();
        pending.values().forEach(this::mayRepeat);
        long noticed = network.random().nextLong(NOTICED_WITHIN_NANOS);
        schedule.task(
                client,
                noticed,
                () -> failAll(new AshlarException.Unavailable(address + " " + reason)));
    }

    private void mayRepeat(Pending call) {
        double rate = network.faults().repeatRate();
        SimulatedNetwork.Served to = server;
        if (to == null || rate == 0 || network.random().nextDouble() >= rate) {
            return;
        }
        Buffer again = call.bulk().retain();
        schedule.world(
                network.random().nextLong(REPEATED_WITHIN_NANOS),
                () -> network.again(client, to, call.request(), again));
    }

    private void failAll(AshlarException cause) {
        List<Pending> calls = new ArrayList<>(pending.values());
        pending.clear();
        for (Pending call : calls) {
            call.timeout().cancel();
            call.bulk().release();
            call.handler().failed(cause);
        }
    }

    /** The caller is dead: what it waited for ends, for its memory's sake. */
    void clientDied() {
        ended = true;
        connecting = false;
        toServer.drop();
        toClient.drop();
        failAll(SimulatedTransport.dead());
    }
}
