package io.ashlar.coordinator;

import io.ashlar.client.AshlarException;
import io.ashlar.client.model.SegmentId;
import io.ashlar.client.model.VolumeId;
import io.ashlar.client.protocol.Authority;
import io.ashlar.client.transport.Loop;
import io.ashlar.coordinator.log.CommandLog;
import io.ashlar.coordinator.metadata.Metadata;
import io.ashlar.coordinator.record.Command;
import io.ashlar.coordinator.record.Outcome;

import java.util.List;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionException;
import java.util.random.RandomGenerator;

/**
 * What every part of a leader works with. Everything of a leader lives on its loop.
 *
 * @param term of this leadership
 * @param sinceNanos when it began, by the loop's clock
 */
record LeaderContext(
        CoordinatorConfig config,
        Loop loop,
        RandomGenerator random,
        Metadata metadata,
        CommandLog log,
        long term,
        long sinceNanos) {

    /** Proposes a command; a refusal of the metadata becomes the future's {@link AshlarException}. */
    CompletableFuture<Outcome> propose(Command.Builder command) {
        return log.submit(command.setAtMillis(loop.wallMillis()).build())
                .handle((outcome, failure) -> {
                    if (failure != null) {
                        throw new LostLeadershipException(failure);
                    }
                    if (outcome.hasFailure()) {
                        throw new CompletionException(AshlarException.of(outcome.getFailure()));
                    }
                    return outcome;
                });
    }

    /** Completes, on the loop, when all have; fails if one has. */
    static CompletableFuture<Void> all(List<? extends CompletableFuture<?>> futures) {
        return CompletableFuture.allOf(futures.toArray(new CompletableFuture<?>[0]));
    }

    /**
     * What orders are given with (INV-9), which follow from all that is applied. Where a later leader
     * has decided some of that, they are not this one's to give: its term would rank them below those
     * of a leader in between, who knows less.
     */
    Authority authority() {
        if (metadata.cluster().getAppliedTerm() > term) {
            throw new LostLeadershipException("another coordinator has led since");
        }
        return Authority.newBuilder()
                .setGeneration(metadata.cluster().getGeneration())
                .setTerm(term)
                .setAppliedIndex(metadata.appliedIndex())
                .build();
    }

    long nowNanos() {
        return loop.nanoTime();
    }

    SegmentId newSegmentId() {
        return new SegmentId(random.nextLong(), random.nextLong());
    }

    VolumeId newVolumeId() {
        return new VolumeId(random.nextLong(), random.nextLong());
    }

    /** A number that is not 0: incarnations and scrubs are told apart by it. */
    long newNumber() {
        long number = random.nextLong();
        return number != 0 ? number : 1;
    }
}
