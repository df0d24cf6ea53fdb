package io.ashlar.coordinator.log;

import io.ashlar.coordinator.record.Command;
import io.ashlar.coordinator.record.Outcome;

import java.util.concurrent.CompletableFuture;

/**
 * The replicated log of commands: the one seam to Raft. Commands are applied to the metadata of
 * every replica, in one order, on the loop of its coordinator.
 */
public interface CommandLog extends AutoCloseable {

    /**
     * Proposes a command. The future completes on the loop, after the command was applied there;
     * it fails with {@link io.ashlar.client.AshlarException.Unavailable} where this replica is not
     * the leader, or no longer: the command may then have been applied or be applied later.
     */
    CompletableFuture<Outcome> submit(Command command);

    /** What this replica knows about who leads. */
    Leadership leadership();

    @Override
    void close();

    /**
     * Who leads, as far as this replica knows.
     *
     * @param leading whether this replica may propose
     * @param term of the leader that this replica knows
     * @param leader id of that leader, or empty
     */
    record Leadership(boolean leading, long term, String leader) {}
}
