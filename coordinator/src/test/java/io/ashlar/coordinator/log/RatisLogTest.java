package io.ashlar.coordinator.log;

import static org.assertj.core.api.Assertions.assertThat;

import io.ashlar.client.model.Address;
import io.ashlar.client.model.VolumeId;
import io.ashlar.client.transport.Loop;
import io.ashlar.client.transport.NettyTransport;
import io.ashlar.coordinator.metadata.FailStopStore;
import io.ashlar.coordinator.metadata.Metadata;
import io.ashlar.coordinator.metadata.RocksMetadataStore;
import io.ashlar.coordinator.record.Command;
import io.ashlar.coordinator.record.Outcome;
import io.ashlar.coordinator.record.VolumeCreate;
import io.ashlar.coordinator.record.VolumeRecord;

import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

import java.io.IOException;
import java.net.ServerSocket;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.List;
import java.util.SortedMap;
import java.util.TreeMap;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.TimeoutException;
import java.util.function.BooleanSupplier;
import java.util.stream.Stream;

final class RatisLogTest {
    private static final int SNAPSHOT_EVERY = 50;
    private static final int FILE_BYTES = 4096;
    private static final int COMMANDS = 180;
    private static final long PATIENCE_NANOS = 20_000_000_000L;

    private final NettyTransport transport = new NettyTransport("test", 1);

    @TempDir
    private Path directory;

    @AfterEach
    void close() {
        transport.close();
    }

    /** One replica: its log, its store, its loop. */
    private final class Replica implements AutoCloseable {
        private final Loop loop = transport.nextLoop();
        private final FailStopStore store;
        private final Metadata metadata;
        private final RatisLog log;

        Replica(String id, SortedMap<String, Address> peers) throws IOException {
            Path own = directory.resolve(id);
            store = new FailStopStore(RocksMetadataStore.open(own.resolve("metadata")), () -> {
                throw new AssertionError("the store of " + id + " failed");
            });
            metadata = new Metadata(store);
            log = RatisLog.start(
                    new RatisLog.Settings(
                            id,
                            peers,
                            own.resolve("log"),
                            "netty",
                            300,
                            SNAPSHOT_EVERY,
                            FILE_BYTES),
                    loop,
                    metadata,
                    store);
        }

        <T> T onLoop(java.util.function.Supplier<T> task) throws Exception {
            return CompletableFuture.supplyAsync(task, loop).get(10, TimeUnit.SECONDS);
        }

        int volumes() throws Exception {
            return onLoop(() -> metadata.volumes().size());
        }

        @Override
        public void close() {
            log.close();
            store.close();
        }
    }

    private static SortedMap<String, Address> peers(int count) throws IOException {
        SortedMap<String, Address> peers = new TreeMap<>();
        List<ServerSocket> sockets = new ArrayList<>();
        for (int i = 1; i <= count; i++) {
            ServerSocket socket = new ServerSocket(0);
            sockets.add(socket);
            peers.put("c" + i, new Address("127.0.0.1", socket.getLocalPort()));
        }
        for (ServerSocket socket : sockets) {
            socket.close();
        }
        return peers;
    }

    private static void await(BooleanSupplier condition) {
        long deadline = System.nanoTime() + PATIENCE_NANOS;
        while (!condition.getAsBoolean()) {
            assertThat(System.nanoTime()).as("in time").isLessThan(deadline);
            Thread.onSpinWait();
        }
    }

    private static Outcome create(RatisLog log, int number)
            throws InterruptedException, ExecutionException, TimeoutException {
        VolumeRecord volume = VolumeRecord.newBuilder()
                .setId(new VolumeId(7, number).toProto())
                .setName("v" + number)
                .build();
        return log.submit(Command.newBuilder()
                        .setRequestId(number)
                        .setVolumeCreate(VolumeCreate.newBuilder().setVolume(volume))
                        .build())
                .get(10, TimeUnit.SECONDS);
    }

    private static void delete(Path directory) throws IOException {
        try (Stream<Path> paths = Files.walk(directory)) {
            for (Path path : paths.sorted(Comparator.reverseOrder()).toList()) {
                Files.delete(path);
            }
        }
    }

    @Test
    void cutsTheLogBehindASnapshotAndStartsFromIt() throws Exception {
        SortedMap<String, Address> alone = new TreeMap<>();
        alone.put("c1", new Address("127.0.0.1", 0));
        try (Replica replica = new Replica("c1", alone)) {
            await(() -> replica.log.leadership().leading());
            for (int i = 1; i <= COMMANDS; i++) {
                assertThat(create(replica.log, i).hasFailure()).isFalse();
            }
        }
        try (Stream<Path> files = Files.walk(directory.resolve("c1/log"))) {
            assertThat(files.map(path -> path.getFileName().toString()).toList())
                    .anyMatch(name -> name.matches("snapshot\\.\\d+_\\d+"))
                    .noneMatch(name -> name.startsWith("log_0-"));
        }
        try (Replica replica = new Replica("c1", alone)) {
            await(() -> replica.log.leadership().leading());
            assertThat(create(replica.log, COMMANDS).hasFailure())
                    .as("a repeated command after a restart")
                    .isFalse();
            assertThat(replica.volumes()).isEqualTo(COMMANDS);
        }
        delete(directory.resolve("c1/metadata"));
        try (Replica replica = new Replica("c1", alone)) {
            await(() -> replica.log.leadership().leading());
            assertThat(create(replica.log, COMMANDS).hasFailure()).isFalse();
            assertThat(replica.volumes())
                    .as("from the snapshot and the log behind it, without the store")
                    .isEqualTo(COMMANDS);
        }
    }

    @Test
    void goesOnWithAnotherLeaderAndBringsAReplicaUpToDate() throws Exception {
        SortedMap<String, Address> peers = peers(3);
        try (Replica one = new Replica("c1", peers);
                Replica two = new Replica("c2", peers)) {
            await(() -> one.log.leadership().leading() || two.log.leadership().leading());
            Replica leader = one.log.leadership().leading() ? one : two;
            Replica follower = leader == one ? two : one;
            for (int i = 1; i <= COMMANDS; i++) {
                assertThat(create(leader.log, i).hasFailure()).isFalse();
            }
            assertThat(follower.log.leadership().leader()).isEqualTo(leader == one ? "c1" : "c2");
            try (Replica late = new Replica("c3", peers)) {
                await(() -> {
                    try {
                        return late.volumes() == COMMANDS;
                    } catch (Exception e) {
                        throw new IllegalStateException(e);
                    }
                });
                leader.log.close();
                await(() -> follower.log.leadership().leading()
                        || late.log.leadership().leading());
                Replica next = follower.log.leadership().leading() ? follower : late;
                assertThat(create(next.log, COMMANDS + 1).hasFailure()).isFalse();
                assertThat(next.volumes()).isEqualTo(COMMANDS + 1);
            }
        }
    }
}
