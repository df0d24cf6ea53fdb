package io.ashlar.coordinator.log;

import com.google.protobuf.InvalidProtocolBufferException;

import io.ashlar.client.transport.Loop;
import io.ashlar.coordinator.metadata.FailStopStore;
import io.ashlar.coordinator.metadata.Metadata;
import io.ashlar.coordinator.metadata.UnknownCommandException;
import io.ashlar.coordinator.record.Command;

import org.apache.ratis.io.MD5Hash;
import org.apache.ratis.proto.RaftProtos.LogEntryProto;
import org.apache.ratis.protocol.Message;
import org.apache.ratis.protocol.RaftGroupId;
import org.apache.ratis.server.RaftServer;
import org.apache.ratis.server.protocol.TermIndex;
import org.apache.ratis.server.raftlog.RaftLog;
import org.apache.ratis.server.storage.FileInfo;
import org.apache.ratis.server.storage.RaftStorage;
import org.apache.ratis.statemachine.StateMachineStorage;
import org.apache.ratis.statemachine.TransactionContext;
import org.apache.ratis.statemachine.impl.BaseStateMachine;
import org.apache.ratis.statemachine.impl.SimpleStateMachineStorage;
import org.apache.ratis.statemachine.impl.SingleFileSnapshotInfo;
import org.apache.ratis.util.LifeCycle;
import org.apache.ratis.util.MD5FileUtil;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

import java.io.IOException;
import java.nio.file.Path;
import java.util.Objects;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ExecutionException;

/**
 * What Ratis calls, and how it meets the metadata.
 *
 * <p>Every entry is applied on the coordinator's loop, in order, so the metadata has one thread. A
 * snapshot is the whole metadata in one file: Ratis sends it to a replica that has fallen behind
 * the log. A restart reads the log from the last snapshot on and skips, by the applied index, the
 * entries whose effects the store still has.
 *
 * <p>An entry that only this replica cannot apply (its store failed, its version does not know the
 * command) ends the replica: it would otherwise go on without the entry's effects. A command that
 * breaks a rule of the metadata does so in every replica, before it has any effect, and is skipped
 * by all of them.
 *
 * <p>The store is synced before a snapshot is announced, since the log is cut behind it: until
 * then every batch that a crash may take is in the log.
 */
final class MetadataStateMachine extends BaseStateMachine {
    private static final Logger LOG = LoggerFactory.getLogger(MetadataStateMachine.class);

    private final SimpleStateMachineStorage storage = new SimpleStateMachineStorage();
    private final Loop loop;
    private final Metadata metadata;
    private final FailStopStore store;

    MetadataStateMachine(Loop loop, Metadata metadata, FailStopStore store) {
        this.loop = loop;
        this.metadata = metadata;
        this.store = store;
    }

    @Override
    public void initialize(RaftServer server, RaftGroupId group, RaftStorage raftStorage)
            throws IOException {
        super.initialize(server, group, raftStorage);
        storage.init(raftStorage);
        adoptSnapshot();
    }

    @Override
    public StateMachineStorage getStateMachineStorage() {
        return storage;
    }

    @Override
    public CompletableFuture<Message> applyTransaction(TransactionContext transaction) {
        LogEntryProto entry = Objects.requireNonNull(transaction.getLogEntry());
        long term = entry.getTerm();
        long index = entry.getIndex();
        byte[] bytes = entry.getStateMachineLogEntry().getLogData().toByteArray();
        updateLastAppliedTermIndex(term, index);
        CompletableFuture<Message> future = new CompletableFuture<>();
        loop.execute(() -> {
            try {
                byte[] outcome =
                        metadata.apply(index, term, Command.parseFrom(bytes)).toByteArray();
                future.complete(Message.valueOf(RatisLog.shaded(outcome)));
            } catch (InvalidProtocolBufferException | UnknownCommandException | Error e) {
                LOG.error("event=apply_failed index={} term={}", index, term, e);
                store.fail(e);
                future.completeExceptionally(e);
            } catch (RuntimeException e) {
                LOG.error("event=apply_failed index={} term={}", index, term, e);
                future.completeExceptionally(e);
            }
        });
        return future;
    }

    /**
     * Names the file by what the metadata holds, which is behind what Ratis handed over. Ratis hands
     * over nothing meanwhile, and whatever waits on the loop is applied before it is asked: nothing
     * is applied while the file is written.
     */
    @Override
    public long takeSnapshot() throws IOException {
        TermIndex applied = onLoop(() ->
                TermIndex.valueOf(metadata.cluster().getAppliedTerm(), metadata.appliedIndex()));
        if (applied.getIndex() <= 0) {
            return RaftLog.INVALID_LOG_INDEX;
        }
        store.sync();
        Path file =
                storage.getSnapshotFile(applied.getTerm(), applied.getIndex()).toPath();
        SnapshotFile.write(store, file);
        MD5Hash md5 = MD5FileUtil.computeAndSaveMd5ForFile(file.toFile());
        storage.updateLatestSnapshot(new SingleFileSnapshotInfo(
                new FileInfo(file, md5), applied.getTerm(), applied.getIndex()));
        LOG.info("event=snapshot_taken index={} term={}", applied.getIndex(), applied.getTerm());
        return applied.getIndex();
    }

    @Override
    public void pause() {
        getLifeCycle().transition(LifeCycle.State.PAUSING);
        getLifeCycle().transition(LifeCycle.State.PAUSED);
    }

    /** A snapshot from the leader has been put in place of entries that it no longer has. */
    @Override
    public void reinitialize() throws IOException {
        storage.loadLatestSnapshot();
        try {
            adoptSnapshot();
        } catch (IOException e) {
            store.fail(e);
            throw e;
        }
        getLifeCycle().transition(LifeCycle.State.STARTING);
        getLifeCycle().transition(LifeCycle.State.RUNNING);
    }

    private void adoptSnapshot() throws IOException {
        if (getLifeCycleState() == LifeCycle.State.NEW) {
            getLifeCycle().transition(LifeCycle.State.STARTING);
            getLifeCycle().transition(LifeCycle.State.RUNNING);
        }
        SingleFileSnapshotInfo snapshot = storage.getLatestSnapshot();
        if (snapshot == null) {
            return;
        }
        setLastAppliedTermIndex(snapshot.getTermIndex());
        Path file = snapshot.getFile().getPath();
        if (onLoop(metadata::appliedIndex) < snapshot.getIndex()) {
            MD5FileUtil.verifySavedMD5(file.toFile(), MD5FileUtil.computeMd5ForFile(file.toFile()));
            onLoop(() -> {
                SnapshotFile.load(file, store);
                metadata.reload();
                return null;
            });
            LOG.info("event=snapshot_loaded index={}", snapshot.getIndex());
        }
    }

    private <T> T onLoop(java.util.concurrent.Callable<T> task) throws IOException {
        if (loop.inLoop()) {
            throw new IllegalStateException("the log was started on the loop that applies it");
        }
        CompletableFuture<T> future = new CompletableFuture<>();
        loop.execute(() -> {
            try {
                future.complete(task.call());
            } catch (Exception e) {
                future.completeExceptionally(e);
            }
        });
        try {
            return future.get();
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
            throw new IOException("interrupted while the metadata was waited for", e);
        } catch (ExecutionException e) {
            throw new IOException("the metadata failed: " + e.getCause(), e);
        }
    }
}
