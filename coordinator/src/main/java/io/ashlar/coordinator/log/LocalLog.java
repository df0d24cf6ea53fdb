package io.ashlar.coordinator.log;

import io.ashlar.client.AshlarException;
import io.ashlar.client.transport.Loop;
import io.ashlar.coordinator.metadata.Metadata;
import io.ashlar.coordinator.record.Command;
import io.ashlar.coordinator.record.Outcome;

import java.util.concurrent.CompletableFuture;

/**
 * A log of one replica that keeps nothing: each command is applied as the loop's next task. For
 * tests and the simulator, which crash a coordinator between any two tasks and decide who leads.
 */
public final class LocalLog implements CommandLog {
    private final String id;
    private final Loop loop;
    private final Metadata metadata;
    private boolean leading = true;
    private boolean deposed;
    private long term;

    public LocalLog(String id, Loop loop, Metadata metadata) {
        this.id = id;
        this.loop = loop;
        this.metadata = metadata;
        this.term = metadata.cluster().getAppliedTerm() + 1;
    }

    @Override
    public CompletableFuture<Outcome> submit(Command command) {
        CompletableFuture<Outcome> future = new CompletableFuture<>();
        long proposedInTerm = term;
        loop.execute(() -> {
            if (leading && !deposed && proposedInTerm == term) {
                future.complete(metadata.apply(metadata.appliedIndex() + 1, term, command));
            } else {
                future.completeExceptionally(
                        new AshlarException.Unavailable("coordinator " + id + " does not lead"));
            }
        });
        return future;
    }

    /** Another replica leads, which this one does not know. */
    public void depose() {
        deposed = true;
    }

    /** Ends this replica's leadership, or begins a new term of it. */
    public void lead(boolean leads) {
        leading = leads;
        deposed = false;
        term++;
    }

    @Override
    public Leadership leadership() {
        return new Leadership(leading, term, leading ? id : "");
    }

    @Override
    public void close() {
        leading = false;
    }
}
