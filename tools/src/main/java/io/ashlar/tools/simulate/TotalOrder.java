package io.ashlar.tools.simulate;

import io.ashlar.coordinator.metadata.MemoryMetadataStore;
import io.ashlar.coordinator.metadata.Metadata;
import io.ashlar.coordinator.record.Command;
import io.ashlar.coordinator.record.Outcome;

import org.jspecify.annotations.Nullable;

import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import java.util.function.Consumer;
import java.util.random.RandomGenerator;

/**
 * What stands for Raft: one order of commands, terms, and a leader that may be another at any
 * command. What a leader had proposed when it was deposed is in the order or is not; it hears of its
 * fall a while later, and until then goes on answering what needs no command.
 */
final class TotalOrder {
    private static final long LEARNS_WITHIN_NANOS = 800_000_000L;
    private static final long LEARNS_LATE_WITHIN_NANOS = 8_000_000_000L;
    private static final long STARTS_WITHIN_NANOS = 50_000_000L;

    private final Schedule schedule;
    private final RandomGenerator random;
    private final List<Entry> entries = new ArrayList<>();
    private final List<Proposal> proposals = new ArrayList<>();
    private final Map<String, ReplicaLog> replicas = new TreeMap<>();
    private final Metadata witness = new Metadata(new MemoryMetadataStore());
    private final EpochCheck epochs = new EpochCheck();
    private final Map<Long, Outcome> outcomes = new HashMap<>();
    private long term;
    private String leader = "";
    private long changes;
    private Consumer<Command> observer = command -> {};

    TotalOrder(Schedule schedule, RandomGenerator random) {
        this.schedule = schedule;
        this.random = random;
    }

    /** A command in its place: the first has index 1. */
    record Entry(long term, Command command) {}

    /** A command on its way. */
    record Proposal(ReplicaLog by, long term, Command command, ReplicaLog.Waiting waiting) {}

    long lastIndex() {
        return entries.size();
    }

    Entry entry(long index) {
        return entries.get(Math.toIntExact(index - 1));
    }

    String leader() {
        return leader;
    }

    long term() {
        return term;
    }

    /** What all commands so far led to. */
    Metadata witness() {
        return witness;
    }

    /** Hears of every command once it is applied to {@link #witness}. */
    void observe(Consumer<Command> hearing) {
        observer = hearing;
    }

    /** How often there was another leader. */
    long changes() {
        return changes;
    }

    RandomGenerator random() {
        return random;
    }

    void join(String id, ReplicaLog replica) {
        replicas.put(id, replica);
        if (!leader.isEmpty()) {
            replica.learn(term, leader);
        }
    }

    /** The replica's log where it runs. */
    @Nullable
    ReplicaLog replica(String id) {
        ReplicaLog replica = replicas.get(id);
        return replica != null && replica.process().isAlive() ? replica : null;
    }

    void propose(Proposal proposal) {
        proposals.add(proposal);
        schedule.world(commitNanos(), () -> commit(proposal));
    }

    private long commitNanos() {
        return 100_000 + random.nextLong(random.nextInt(16) == 0 ? 20_000_000 : 400_000);
    }

    private void commit(Proposal proposal) {
        if (!proposals.remove(proposal)) {
            return;
        }
        boolean stillLeads = proposal.term() == term && replica(leader) == proposal.by();
        if (stillLeads) {
            enter(proposal);
        } else {
            proposal.by().refuse(proposal.waiting());
        }
    }

    private void enter(Proposal proposal) {
        entries.add(new Entry(proposal.term(), proposal.command()));
        epochs.before(witness, proposal.command());
        Outcome outcome = witness.apply(entries.size(), proposal.term(), proposal.command());
        epochs.after(witness, proposal.command());
        demandSame(proposal.command(), outcome);
        observer.accept(proposal.command());
        proposal.by().await(entries.size(), proposal.waiting());
        for (ReplicaLog replica : replicas.values()) {
            replica.entered(random.nextLong(2_000_000));
        }
    }

    /** A command that is repeated comes to what it came to before. */
    private void demandSame(Command command, Outcome outcome) {
        Outcome before = command.getRequestId() == 0
                ? null
                : outcomes.putIfAbsent(command.getRequestId(), outcome);
        if (before != null && !before.equals(outcome)) {
            throw new Violation(
                    "a command is carried out once",
                    command.getKindCase() + " was repeated, and came to " + outcome + " instead of "
                            + before);
        }
    }

    /** Another replica, or the same one again, leads from now on. */
    void elect(String id) {
        ReplicaLog elected = replica(id);
        if (elected == null) {
            throw new IllegalStateException("coordinator " + id + " does not run");
        }
        elected.apart(false);
        for (Proposal proposal : List.copyOf(proposals)) {
            proposals.remove(proposal);
            if (random.nextBoolean()) {
                enter(proposal);
            } else {
                schedule.world(
                        random.nextLong(LEARNS_WITHIN_NANOS),
                        () -> proposal.by().refuse(proposal.waiting()));
            }
        }
        term++;
        changes++;
        leader = id;
        for (ReplicaLog replica : replicas.values()) {
            long electedIn = term;
            long within = replica == elected ? STARTS_WITHIN_NANOS : learnsWithinNanos();
            schedule.task(replica.process(), random.nextLong(within), () -> {
                if (term == electedIn) {
                    replica.learn(electedIn, id);
                }
            });
        }
    }

    private long learnsWithinNanos() {
        return random.nextInt(4) == 0 ? LEARNS_LATE_WITHIN_NANOS : LEARNS_WITHIN_NANOS;
    }

    /**
     * Another replica leads, and the one that led hears nothing of that, nor of any command, until
     * it is {@link #rejoin joined} again.
     */
    void elect(String id, ReplicaLog unaware) {
        unaware.apart(true);
        elect(id);
    }

    /** Hears, soon, all that it has missed. */
    void rejoin(ReplicaLog unaware) {
        unaware.apart(false);
        schedule.task(unaware.process(), random.nextLong(LEARNS_WITHIN_NANOS / 2), () -> {
            unaware.applyAll();
            unaware.learn(term, leader);
        });
    }
}
