package io.ashlar.tools.simulate;

import io.ashlar.client.AshlarException;
import io.ashlar.coordinator.log.CommandLog;
import io.ashlar.coordinator.metadata.Metadata;
import io.ashlar.coordinator.record.Command;
import io.ashlar.coordinator.record.Outcome;

import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import java.util.concurrent.CompletableFuture;

/** The log as one coordinator process has it: applies the entries in order, on its loop. */
final class ReplicaLog implements CommandLog {
    private final TotalOrder order;
    private final String id;
    private final SimulatedProcess process;
    private final Metadata metadata;
    private final Schedule schedule;
    private final Map<Long, Waiting> waiting = new TreeMap<>();
    private Leadership known = new Leadership(false, 0, "");
    private final List<Waiting> heldUp = new ArrayList<>();
    private boolean apart;

    ReplicaLog(
            TotalOrder order,
            String id,
            Schedule schedule,
            SimulatedProcess process,
            Metadata metadata) {
        this.order = order;
        this.id = id;
        this.schedule = schedule;
        this.process = process;
        this.metadata = metadata;
    }

    /** Who waits for a command. */
    record Waiting(SimulatedProcess process, CompletableFuture<Outcome> future) {
        void fail() {
            process.execute(() -> future.completeExceptionally(
                    new AshlarException.Unavailable("the log did not take the command")));
        }
    }

    SimulatedProcess process() {
        return process;
    }

    Metadata metadata() {
        return metadata;
    }

    @Override
    public CompletableFuture<Outcome> submit(Command command) {
        CompletableFuture<Outcome> future = new CompletableFuture<>();
        Waiting outcome = new Waiting(process, future);
        if (known.leading() && process.isAlive()) {
            order.propose(new TotalOrder.Proposal(this, known.term(), command, outcome));
        } else {
            outcome.fail();
        }
        return future;
    }

    /** A command is not taken; as long as nobody else can be reached that is not known. */
    void refuse(Waiting one) {
        if (apart) {
            heldUp.add(one);
        } else {
            one.fail();
        }
    }

    /** Tells the outcome of an entry to whoever waits for it, once it is applied here. */
    void await(long index, Waiting one) {
        waiting.put(index, one);
    }

    /** There are entries to be applied. */
    void entered(long delayNanos) {
        schedule.task(process, delayNanos, this::applyAll);
    }

    /** Hears nothing of what others enter, or of who leads, as long as it is. */
    void apart(boolean isApart) {
        apart = isApart;
        if (!apart) {
            heldUp.forEach(Waiting::fail);
            heldUp.clear();
        }
    }

    boolean isApart() {
        return apart;
    }

    void applyAll() {
        while (!apart && metadata.appliedIndex() < order.lastIndex()) {
            long index = metadata.appliedIndex() + 1;
            TotalOrder.Entry entry = order.entry(index);
            Outcome outcome = metadata.apply(index, entry.term(), entry.command());
            Waiting one = waiting.remove(index);
            if (one != null) {
                process.execute(() -> one.future().complete(outcome));
            }
        }
    }

    /** Hears who leads. A leader is one only when it has applied all that was entered before. */
    void learn(long term, String leader) {
        if (process.isAlive() && !apart && term >= known.term()) {
            boolean leads = leader.equals(id);
            if (leads) {
                schedule.runAs(process, this::applyAll);
            }
            known = new Leadership(leads, term, leader);
        }
    }

    @Override
    public Leadership leadership() {
        return known;
    }

    @Override
    public void close() {
        known = new Leadership(false, known.term(), "");
    }
}
