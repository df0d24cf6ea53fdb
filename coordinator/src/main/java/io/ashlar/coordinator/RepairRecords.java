package io.ashlar.coordinator;

import io.ashlar.client.AshlarException;
import io.ashlar.client.protocol.OrderResult;
import io.ashlar.client.protocol.Segment;
import io.ashlar.client.protocol.SegmentState;
import io.ashlar.client.protocol.ShardRef;
import io.ashlar.coordinator.record.Command;
import io.ashlar.coordinator.record.Outcome;
import io.ashlar.coordinator.record.RebuildAbandon;
import io.ashlar.coordinator.record.ShardComplete;
import io.ashlar.coordinator.record.ShardIncomplete;
import io.ashlar.coordinator.record.ShardPlace;

import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

import java.util.HashSet;
import java.util.Set;
import java.util.concurrent.CompletableFuture;

/** Records in the metadata what repairs came to. */
final class RepairRecords {
    private static final Logger LOG = LoggerFactory.getLogger(RepairRecords.class);
    private static final int MAX_PLACE_ATTEMPTS = 5;

    private final LeaderContext leader;
    private final Set<ShardRef> abandoning = new HashSet<>();

    RepairRecords(LeaderContext leader) {
        this.leader = leader;
    }

    /** A repair in place has made everything. */
    CompletableFuture<Outcome> complete(RunningRepair repair, OrderResult result) {
        return leader.propose(Command.newBuilder()
                .setShardComplete(ShardComplete.newBuilder()
                        .setShard(repair.target())
                        .setLoss(repair.loss())
                        .setCellsWritten(result.getCellsWritten())));
    }

    /**
     * What was made does not make the shard complete. Cells of a repair in place count; those of a
     * rebuild that is abandoned do not. Which stripes it is that cannot be made is recorded with
     * the placed shard. Says nothing where there is nothing new.
     */
    CompletableFuture<Outcome> incomplete(RunningRepair repair, OrderResult result) {
        Segment segment = leader.metadata().segment(repair.segment());
        int cells = repair.inPlace() ? result.getCellsWritten() : 0;
        if (segment == null || (cells == 0 && result.getUnmadeCount() == 0)) {
            return CompletableFuture.completedFuture(Outcome.getDefaultInstance());
        }
        int index = repair.target().getIndex();
        return leader.propose(Command.newBuilder()
                .setShardIncomplete(ShardIncomplete.newBuilder()
                        .setShard(segment.getPlacements(index).getShard())
                        .setCellsWritten(cells)
                        .addAllUnmade(result.getUnmadeList())
                        .setUnmadeCells(result.getUnmadeCells())));
    }

    /**
     * By compare-and-set: a segment that changed meanwhile is looked at again. A plan that is
     * refused for another reason is abandoned, or it would be carried out, and refused, for ever.
     */
    CompletableFuture<Outcome> place(RunningRepair repair, OrderResult result, boolean weaker) {
        return place(repair, result, weaker, MAX_PLACE_ATTEMPTS);
    }

    private CompletableFuture<Outcome> place(
            RunningRepair repair, OrderResult result, boolean weaker, int left) {
        Segment segment = leader.metadata().segment(repair.segment());
        if (segment == null || segment.getState() != SegmentState.SEALED) {
            return CompletableFuture.completedFuture(Outcome.getDefaultInstance());
        }
        return leader.propose(Command.newBuilder()
                        .setShardPlace(ShardPlace.newBuilder()
                                .setVersion(segment.getVersion())
                                .setTarget(repair.target())
                                .setNode(repair.node())
                                .setCellsWritten(result.getCellsWritten())
                                .setWeaker(weaker)
                                .addAllUnmade(result.getUnmadeList())
                                .setUnmadeCells(result.getUnmadeCells())))
                .exceptionallyCompose(failure -> {
                    AshlarException refusal = refusal(failure);
                    if (refusal instanceof AshlarException.Unavailable && left > 1) {
                        return place(repair, result, weaker, left - 1);
                    }
                    LOG.info(
                            "event=rebuilt_shard_not_placed segment={} index={} reason=\"{}\"",
                            repair.segment(),
                            repair.target().getIndex(),
                            refusal.getMessage());
                    return refusal instanceof AshlarException.Unavailable
                            ? CompletableFuture.completedFuture(Outcome.getDefaultInstance())
                            : abandon(repair.target());
                });
    }

    /** A command that the metadata refused; one that the log did not take is the next leader's. */
    private static AshlarException refusal(Throwable failure) {
        Throwable cause = failure.getCause() != null ? failure.getCause() : failure;
        if (failure instanceof LostLeadershipException lost) {
            throw lost;
        }
        if (cause instanceof LostLeadershipException lost) {
            throw lost;
        }
        return AshlarException.in(failure);
    }

    /** Dooms what was rebuilt so far. */
    CompletableFuture<Outcome> abandon(ShardRef target) {
        abandoning.add(target);
        return leader.propose(Command.newBuilder()
                        .setRebuildAbandon(RebuildAbandon.newBuilder().setTarget(target)))
                .whenComplete((done, failure) -> abandoning.remove(target));
    }

    /** Whether its plan still stands in the metadata only because its end is not applied yet. */
    boolean isAbandoning(ShardRef target) {
        return abandoning.contains(target);
    }
}
