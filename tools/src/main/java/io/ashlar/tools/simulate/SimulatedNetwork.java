package io.ashlar.tools.simulate;

import io.ashlar.client.model.Address;
import io.ashlar.client.protocol.Request;
import io.ashlar.client.protocol.Response;
import io.ashlar.client.transport.Buffer;
import io.ashlar.client.transport.Transport;

import org.jspecify.annotations.Nullable;

import java.util.ArrayList;
import java.util.EnumMap;
import java.util.HashMap;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.TreeMap;
import java.util.TreeSet;
import java.util.function.BiConsumer;
import java.util.function.BiPredicate;
import java.util.random.RandomGenerator;

/**
 * What lies between the machines: ways that take their time, are cut in one direction or both, and
 * lose messages. As TCP does, a connection keeps the order of its messages and breaks when one is
 * lost; what a cut holds up arrives late, or never if the connection breaks first.
 */
final class SimulatedNetwork {
    private final Schedule schedule;
    private final RandomGenerator random;
    private final Trace trace;
    private final Map<Address, Served> served = new HashMap<>();
    private final Set<Way> cut = new TreeSet<>();
    private final Set<String> apart = new TreeSet<>();
    private final Set<Way> breaking = new TreeSet<>();
    private @Nullable BiPredicate<String, String> alsoCut;
    private final Map<String, Integer> slowness = new TreeMap<>();
    private final Set<SimulatedConnection> stuck = new LinkedHashSet<>();
    private final Observer observer;
    private NetworkFaults faults;
    private final Map<Request.BodyCase, List<Delay>> delays = new EnumMap<>(Request.BodyCase.class);
    private BiPredicate<SimulatedProcess, Request> swallowed = (by, request) -> false;
    private long lost;
    private long healedNanos = Long.MIN_VALUE;

    /**
     * A network.
     *
     * @param observer hears of every request that arrives, of every answer that is sent, and of every
     *     one that arrives
     */
    SimulatedNetwork(
            Schedule schedule,
            RandomGenerator random,
            Trace trace,
            NetworkFaults faults,
            Observer observer) {
        this.observer = observer;
        this.schedule = schedule;
        this.random = random;
        this.trace = trace;
        this.faults = faults;
    }

    /** Hears what machines say to each other. */
    interface Observer {
        void asked(SimulatedProcess by, Request request);

        void answered(SimulatedProcess by, Request request, Response response);

        void heard(SimulatedProcess asker, Request request, Response response);
    }

    /** A service at an address. */
    record Served(SimulatedProcess process, Transport.Service service) {}

    /** From one machine to another. */
    private record Way(String from, String to) implements Comparable<Way> {
        @Override
        public int compareTo(Way other) {
            int byFrom = from.compareTo(other.from);
            return byFrom != 0 ? byFrom : to.compareTo(other.to);
        }
    }

    /** Looks at a request as it arrives, and tells for how long it is held up there. */
    interface Delay {
        long nanos(SimulatedProcess by, Request request);
    }

    Schedule schedule() {
        return schedule;
    }

    NetworkFaults faults() {
        return faults;
    }

    RandomGenerator random() {
        return random;
    }

    /** The network as one process has it. */
    SimulatedTransport transportOf(SimulatedProcess process) {
        return new SimulatedTransport(this, process);
    }

    void serve(Address address, Served service) {
        served.put(address, service);
    }

    void stopServing(Address address, Transport.Service service) {
        Served there = served.get(address);
        if (there != null && there.service().equals(service)) {
            served.remove(address);
        }
    }

    /** Who serves there now, unless it is dead. */
    @Nullable
    Served at(Address address) {
        Served there = served.get(address);
        return there != null && there.process().isAlive() ? there : null;
    }

    /** How long a message takes on its way. */
    long delayNanos(String from, String to) {
        long nanos = faults.baseNanos() + random.nextLong(faults.jitterNanos());
        return nanos * Math.max(slownessOf(from), slownessOf(to));
    }

    /** Whether the next message on this way is lost. */
    boolean loses(String from, String to) {
        boolean breaks = !breaking.isEmpty() && breaking.remove(new Way(from, to));
        boolean loses =
                breaks || (faults.breakRate() > 0 && random.nextDouble() < faults.breakRate());
        lost += loses ? 1 : 0;
        return loses;
    }

    /**
     * A request arrives once more where it arrived before; nobody hears what comes of it.
     *
     * @param bulk is handed over
     */
    void again(SimulatedProcess by, Served to, Request request, Buffer bulk) {
        if (!to.process().isAlive()) {
            bulk.release();
            return;
        }
        note("again " + by.name() + ">" + to.process().name() + " " + request.getBodyCase());
        to.process()
                .execute(() -> to.service().handle(request, bulk, (response, parts) -> {
                    parts.forEach(Buffer::release);
                    onceReached(to.process(), () -> {
                        boolean _ = says(to, request, response);
                    });
                }));
    }

    /** Nothing is sent by a process that dies before it comes to that. */
    void onceReached(SimulatedProcess process, Runnable sending) {
        if (schedule.isAhead()) {
            process.execute(sending);
        } else {
            sending.run();
        }
    }

    /** Whether a server lives to say something, whoever may hear it. */
    boolean says(Served server, Request request, Response response) {
        boolean alive = server.process().isAlive();
        if (alive) {
            observer.answered(server.process(), request, response);
        }
        return alive;
    }

    long lost() {
        return lost;
    }

    void note(String what) {
        trace.add(schedule.nowNanos(), what);
    }

    Observer observer() {
        return observer;
    }

    // ---- faults

    void faults(NetworkFaults changed) {
        faults = changed;
    }

    void slow(String machine, int times) {
        slowness.put(machine, times);
    }

    int slownessOf(String machine) {
        return slowness.getOrDefault(machine, 1);
    }

    boolean isCut(String from, String to) {
        return apart.contains(from) != apart.contains(to)
                || (alsoCut != null && alsoCut.test(from, to))
                || (!cut.isEmpty() && cut.contains(new Way(from, to)));
    }

    void cut(String from, String to) {
        cut.add(new Way(from, to));
    }

    /** These reach each other, and nobody else, whoever comes; nor does anybody reach them. */
    void setApart(Set<String> machines) {
        apart.addAll(machines);
    }

    /** Whether anything between this machine and others is cut. */
    boolean isCutOff(String machine) {
        return apart.contains(machine)
                || cut.stream()
                        .anyMatch(way -> way.from().equals(machine) || way.to().equals(machine));
    }

    boolean hasCuts() {
        return !cut.isEmpty() || !apart.isEmpty() || isCutByRule();
    }

    /** Whether anything is cut, or was at that time or later. */
    boolean hasBeenCutSince(long nanos) {
        return hasCuts() || healedNanos >= nanos;
    }

    /** Cuts the ways that a rule names, whoever comes. */
    void cut(BiPredicate<String, String> rule) {
        alsoCut = rule;
    }

    /** Whether there is such a rule. */
    boolean isCutByRule() {
        return alsoCut != null;
    }

    /** The next message on this way is lost, and its connection breaks. */
    void breakNext(String from, String to) {
        breaking.add(new Way(from, to));
    }

    /** All ways are open again: what was held up arrives now, unless its connection has broken. */
    void healCuts() {
        healedNanos = hasCuts() ? schedule.nowNanos() : healedNanos;
        cut.clear();
        apart.clear();
        breaking.clear();
        alsoCut = null;
        List<SimulatedConnection> waiting = new ArrayList<>(stuck);
        stuck.clear();
        for (SimulatedConnection connection : waiting) {
            if (random.nextBoolean()) {
                connection.goOn();
            } else {
                connection.breakUp("was cut for too long");
            }
        }
    }

    void holdsUp(SimulatedConnection connection) {
        stuck.add(connection);
    }

    /** Holds the next request of a kind up; requests behind it may overtake it. */
    void delayNext(Request.BodyCase kind, Delay delay) {
        delays.computeIfAbsent(kind, ignored -> new ArrayList<>()).add(delay);
    }

    /** Something happens as the next request of a kind arrives. */
    void onNext(Request.BodyCase kind, BiConsumer<SimulatedProcess, Request> action) {
        delayNext(kind, (by, request) -> {
            action.accept(by, request);
            return 0;
        });
    }

    /** Loses requests where they would arrive; those that were to be lost before are not any more. */
    void swallow(BiPredicate<SimulatedProcess, Request> which) {
        swallowed = which;
    }

    boolean swallows(SimulatedProcess by, Request request) {
        return swallowed.test(by, request);
    }

    /** How long a request that arrives is held up: as long as whoever waited for one says. */
    long holdsUpNanos(SimulatedProcess by, Request request) {
        List<Delay> due = delays.remove(request.getBodyCase());
        long nanos = 0;
        for (Delay delay : due == null ? List.<Delay>of() : due) {
            nanos = Math.max(nanos, delay.nanos(by, request));
        }
        return nanos;
    }

    void heal() {
        delays.clear();
        swallowed = (by, request) -> false;
        slowness.clear();
        faults = faults.healed();
        healCuts();
    }
}
