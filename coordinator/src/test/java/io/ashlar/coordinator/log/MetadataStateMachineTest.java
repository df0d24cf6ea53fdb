package io.ashlar.coordinator.log;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.ashlar.client.model.VolumeId;
import io.ashlar.client.transport.Loop;
import io.ashlar.coordinator.metadata.FailStopStore;
import io.ashlar.coordinator.metadata.MemoryMetadataStore;
import io.ashlar.coordinator.metadata.Metadata;
import io.ashlar.coordinator.metadata.MetadataStore;
import io.ashlar.coordinator.metadata.StoreFailedException;
import io.ashlar.coordinator.record.Command;
import io.ashlar.coordinator.record.VolumeCreate;
import io.ashlar.coordinator.record.VolumeRecord;

import org.apache.ratis.proto.RaftProtos.LogEntryProto;
import org.apache.ratis.proto.RaftProtos.RaftPeerRole;
import org.apache.ratis.proto.RaftProtos.StateMachineLogEntryProto;
import org.apache.ratis.server.RaftServerConfigKeys.Log.CorruptionPolicy;
import org.apache.ratis.server.storage.RaftStorage;
import org.apache.ratis.server.storage.StorageImplUtils;
import org.apache.ratis.statemachine.TransactionContext;
import org.apache.ratis.util.SizeInBytes;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

import java.io.IOException;
import java.nio.file.Path;
import java.util.ArrayDeque;
import java.util.Queue;
import java.util.SortedMap;
import java.util.concurrent.CompletableFuture;

final class MetadataStateMachineTest {
    private final MemoryMetadataStore memory = new MemoryMetadataStore();
    private final HeldLoop loop = new HeldLoop();
    private int writesToFail;
    private int ended;
    private final FailStopStore store = new FailStopStore(new FlakyStore(), () -> ended++);
    private final Metadata metadata = new Metadata(store);
    private final MetadataStateMachine machine = new MetadataStateMachine(loop, metadata, store);

    /** Runs its tasks as they come, or keeps some back until there is another one. */
    private static final class HeldLoop implements Loop {
        private final Queue<Runnable> tasks = new ArrayDeque<>();
        private int held;

        void hold(int taskCount) {
            held = taskCount;
        }

        @Override
        public void execute(Runnable work) {
            tasks.add(work);
            if (tasks.size() <= held) {
                return;
            }
            held = 0;
            while (!tasks.isEmpty()) {
                tasks.remove().run();
            }
        }

        @Override
        public Timer schedule(long delayNanos, Runnable work) {
            throw new IllegalStateException("the log schedules nothing");
        }

        @Override
        public long nanoTime() {
            return 0;
        }

        @Override
        public long wallMillis() {
            return 0;
        }

        @Override
        public boolean inLoop() {
            return false;
        }
    }

    /** Fails for a while, as a drive that is full does. */
    private final class FlakyStore implements MetadataStore {
        @Override
        public byte @Nullable [] get(byte[] key) {
            return memory.get(key);
        }

        @Override
        public void scan(byte[] prefix, byte[] from, Visitor visitor) {
            memory.scan(prefix, from, visitor);
        }

        @Override
        public void write(SortedMap<byte[], byte @Nullable []> batch) {
            if (writesToFail > 0) {
                writesToFail--;
                throw new StoreFailedException("full", new IllegalStateException());
            }
            memory.write(batch);
        }

        @Override
        public void sync() {}

        @Override
        public void clear() {
            memory.clear();
        }

        @Override
        public void close() {}
    }

    private CompletableFuture<?> apply(int index, Command command) {
        LogEntryProto entry = LogEntryProto.newBuilder()
                .setTerm(1)
                .setIndex(index)
                .setStateMachineLogEntry(StateMachineLogEntryProto.newBuilder()
                        .setLogData(RatisLog.shaded(command.toByteArray())))
                .build();
        return machine.applyTransaction(TransactionContext.newBuilder()
                .setServerRole(RaftPeerRole.FOLLOWER)
                .setStateMachine(machine)
                .setLogEntry(entry)
                .build());
    }

    private static Command create(int number) {
        VolumeRecord volume = VolumeRecord.newBuilder()
                .setId(new VolumeId(7, number).toProto())
                .setName("v" + number)
                .build();
        return Command.newBuilder()
                .setVolumeCreate(VolumeCreate.newBuilder().setVolume(volume))
                .build();
    }

    @Test
    void appliesNothingAfterAnEntryThatTheStoreDidNotTake() {
        assertThat(apply(1, create(1))).isCompleted();
        writesToFail = 1;
        assertThat(apply(2, create(2))).isCompletedExceptionally();
        assertThat(ended).as("the process is told to end").isEqualTo(1);
        assertThat(apply(3, create(3))).isCompletedExceptionally();
        assertThatThrownBy(metadata::volumes).isInstanceOf(IllegalStateException.class);
        assertThatThrownBy(machine::takeSnapshot).isInstanceOf(IOException.class);
        assertThat(ended).isEqualTo(1);

        Metadata kept = new Metadata(memory);
        assertThat(kept.appliedIndex()).isEqualTo(1);
        assertThat(kept.volumes()).hasSize(1);
    }

    @Test
    void endsAtACommandThatItDoesNotKnow() {
        assertThat(apply(1, Command.getDefaultInstance())).isCompletedExceptionally();
        assertThat(ended).isEqualTo(1);
        assertThat(apply(2, create(2))).isCompletedExceptionally();
        assertThat(new Metadata(memory).appliedIndex()).isZero();
    }

    @Test
    void namesASnapshotByWhatItHolds(@TempDir Path directory) throws IOException {
        try (RaftStorage raft = StorageImplUtils.newRaftStorage(
                directory.toFile(),
                SizeInBytes.valueOf("1"),
                RaftStorage.StartupOption.FORMAT,
                CorruptionPolicy.EXCEPTION)) {
            raft.initialize();
            machine.getStateMachineStorage().init(raft);
            assertThat(apply(1, create(1))).isCompleted();
            loop.hold(2);
            assertThat(apply(2, create(2))).isNotDone();
            assertThat(apply(3, create(3))).isNotDone();
            assertThat(metadata.appliedIndex()).isEqualTo(1);

            long index = machine.takeSnapshot();
            MemoryMetadataStore loaded = new MemoryMetadataStore();
            SnapshotFile.load(
                    machine.getStateMachineStorage()
                            .getLatestSnapshot()
                            .getFiles()
                            .getFirst()
                            .getPath(),
                    loaded);
            assertThat(new Metadata(loaded).appliedIndex()).isEqualTo(index);
            assertThat(index).isEqualTo(3);
        }
    }
}
