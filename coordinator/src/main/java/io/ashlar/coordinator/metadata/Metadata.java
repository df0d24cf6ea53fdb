package io.ashlar.coordinator.metadata;

import io.ashlar.client.AshlarException;
import io.ashlar.coordinator.record.ClusterRecord;
import io.ashlar.coordinator.record.Command;
import io.ashlar.coordinator.record.EventText;
import io.ashlar.coordinator.record.Outcome;
import io.ashlar.coordinator.record.RememberedOutcome;

import org.jspecify.annotations.Nullable;

/**
 * The cluster's metadata as a deterministic state machine: the same commands in the same order give
 * the same bytes in every replica. Neither clock nor chance is reached from here.
 *
 * <p>A command's effects, its remembered outcome and the applied index are one batch, so an entry
 * of the log that is given again after a crash is recognised and skipped. A command whose condition
 * does not hold (its epoch, its version, its incarnation) is refused and changes nothing.
 *
 * <p>Belongs to one thread: the loop of its coordinator.
 */
public final class Metadata extends MetadataReader {
    private final MetadataStore store;
    private long appliedIndex;

    public Metadata(MetadataStore store) {
        super(store);
        this.store = store;
        this.appliedIndex = cluster().getAppliedIndex();
    }

    /** Index of the last entry of the log whose effects are here. */
    public long appliedIndex() {
        return appliedIndex;
    }

    /** Forgets what was read from the store before a snapshot replaced it. */
    public void reload() {
        appliedIndex = cluster().getAppliedIndex();
    }

    /** What the command with this request id came to, if it was carried out and is remembered. */
    public @Nullable Outcome outcomeOf(long requestId) {
        RememberedOutcome remembered = requestId == 0 ? null : remembered(requestId);
        return remembered == null ? null : remembered.getOutcome();
    }

    /** Applies one entry of the log. An entry that was applied before has no effect. */
    public Outcome apply(long index, long term, Command command) {
        if (index <= appliedIndex) {
            return alreadyApplied(command);
        }
        Transaction transaction = new Transaction(store);
        MetadataWriter writer = new MetadataWriter(transaction, command.getAtMillis());
        RememberedOutcome remembered =
                command.getRequestId() == 0 ? null : writer.remembered(command.getRequestId());
        Outcome outcome;
        if (remembered != null) {
            outcome = remembered.getOutcome();
        } else {
            outcome = carryOut(command, term, transaction, writer);
            if (command.getRequestId() != 0) {
                writer.remember(command.getRequestId(), outcome);
            }
        }
        ClusterRecord cluster = writer.cluster();
        writer.putCluster(
                cluster.toBuilder().setAppliedIndex(index).setAppliedTerm(term).build());
        transaction.commit();
        appliedIndex = index;
        return outcome;
    }

    /** Nobody waits for the outcome of an entry that is read again from the log. */
    private Outcome alreadyApplied(Command command) {
        Outcome outcome = outcomeOf(command.getRequestId());
        return outcome != null ? outcome : Outcome.getDefaultInstance();
    }

    private static Outcome carryOut(
            Command command, long term, Transaction transaction, MetadataWriter writer) {
        try {
            Outcome outcome = dispatch(command, term, writer);
            for (EventText event : command.getEventsList()) {
                writer.addEvent(event.getSubject(), event.getText());
            }
            return outcome;
        } catch (AshlarException e) {
            transaction.abandon();
            return Outcome.newBuilder().setFailure(e.toFailure()).build();
        }
    }

    private static Outcome dispatch(Command command, long term, MetadataWriter writer)
            throws AshlarException {
        VolumeCommands volumes = new VolumeCommands(writer);
        RootCommands roots = new RootCommands(writer);
        SegmentCommands segments = new SegmentCommands(writer);
        NodeCommands nodes = new NodeCommands(writer);
        RepairCommands repair = new RepairCommands(writer);
        return switch (command.getKindCase()) {
            case LEADER_STARTED -> nodes.leaderStarted(command.getLeaderStarted());
            case VOLUME_CREATE -> volumes.create(command.getVolumeCreate());
            case VOLUME_DELETE -> volumes.delete(command.getVolumeDelete());
            case VOLUME_REAP -> volumes.reap(command.getVolumeReap());
            case VOLUME_OPEN -> volumes.open(command.getVolumeOpen(), term);
            case VOLUME_BLOCK -> volumes.block(command.getVolumeBlock());
            case VOLUME_CLOSE -> volumes.close(command.getVolumeClose());
            case REPLAY_LOSS -> segments.recordLoss(command.getReplayLoss());
            case ROOT_COMMIT -> roots.commit(command.getRootCommit());
            case SEGMENTS_FREE -> roots.free(command.getSegmentsFree());
            case SEGMENT_CREATE -> segments.create(command.getSegmentCreate());
            case SEGMENT_OPEN -> segments.open(command.getSegmentOpen());
            case SEGMENTS_SEAL -> segments.seal(command.getSegmentsSeal());
            case NODE_PUT -> nodes.put(command.getNodePut());
            case NODE_STATES -> nodes.states(command.getNodeStates());
            case LOSSES_RECORD -> repair.recordLosses(command.getLossesRecord());
            case SHARDS_RETURNED -> repair.shardsReturned(command.getShardsReturned());
            case SHARDS_DELETED -> repair.shardsDeleted(command.getShardsDeleted());
            case REBUILD_PLAN -> repair.plan(command.getRebuildPlan());
            case REBUILD_ABANDON -> repair.abandon(command.getRebuildAbandon());
            case SHARD_PLACE -> repair.place(command.getShardPlace());
            case SHARD_COMPLETE -> repair.complete(command.getShardComplete());
            case SHARD_INCOMPLETE -> repair.incomplete(command.getShardIncomplete());
            case REPAIR_PAUSE -> repair.pause(command.getRepairPause());
            case REPAIR_FORCE -> nodes.forceRepair();
            case SCRUB_PUT -> repair.putScrub(command.getScrubPut());
            case EVENTS_RECORD, LEADERSHIP_CONFIRM -> Outcome.getDefaultInstance();
            case KIND_NOT_SET -> throw new UnknownCommandException();
        };
    }
}
