package io.ashlar.coordinator.log;

import com.google.protobuf.InvalidProtocolBufferException;

import io.ashlar.client.AshlarException;
import io.ashlar.client.model.Address;
import io.ashlar.client.transport.Loop;
import io.ashlar.coordinator.metadata.FailStopStore;
import io.ashlar.coordinator.metadata.Metadata;
import io.ashlar.coordinator.record.Command;
import io.ashlar.coordinator.record.Outcome;

import org.apache.ratis.RaftConfigKeys;
import org.apache.ratis.conf.RaftProperties;
import org.apache.ratis.grpc.GrpcConfigKeys;
import org.apache.ratis.netty.NettyConfigKeys;
import org.apache.ratis.protocol.ClientId;
import org.apache.ratis.protocol.Message;
import org.apache.ratis.protocol.RaftClientReply;
import org.apache.ratis.protocol.RaftClientRequest;
import org.apache.ratis.protocol.RaftGroup;
import org.apache.ratis.protocol.RaftGroupId;
import org.apache.ratis.protocol.RaftPeer;
import org.apache.ratis.protocol.RaftPeerId;
import org.apache.ratis.rpc.RpcType;
import org.apache.ratis.rpc.SupportedRpcType;
import org.apache.ratis.server.DivisionInfo;
import org.apache.ratis.server.RaftServer;
import org.apache.ratis.server.RaftServerConfigKeys;
import org.apache.ratis.server.storage.RaftStorage;
import org.apache.ratis.thirdparty.com.google.protobuf.ByteString;
import org.apache.ratis.thirdparty.com.google.protobuf.UnsafeByteOperations;
import org.apache.ratis.util.SizeInBytes;
import org.apache.ratis.util.TimeDuration;

import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.SortedMap;
import java.util.UUID;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicLong;

/**
 * The log in Apache Ratis. An entry is synced by Ratis before it counts; one replica alone makes a
 * majority of one. The log is cut behind each snapshot, so neither it nor the time to read it again
 * at a start grows for ever.
 */
public final class RatisLog implements CommandLog {
    /** Entries after which a snapshot is taken and the log cut. */
    public static final int SNAPSHOT_EVERY_ENTRIES = 20_000;

    /** Size of the log's files; only whole ones are cut off. */
    public static final int FILE_BYTES = 8 << 20;

    private static final int SNAPSHOTS_KEPT = 2;
    private static final int PREALLOCATED_BYTES = 1 << 20;
    private static final SizeInBytes WRITE_BUFFER_SIZE = SizeInBytes.valueOf("8MB");
    private static final SizeInBytes APPEND_SIZE = SizeInBytes.valueOf("4MB");
    private static final TimeDuration REQUEST_TIMEOUT = TimeDuration.valueOf(10, TimeUnit.SECONDS);

    private static final RaftGroupId GROUP = RaftGroupId.valueOf(
            UUID.nameUUIDFromBytes("ashlar.metadata".getBytes(StandardCharsets.UTF_8)));

    private final RaftServer server;
    private final ClientId client = ClientId.randomId();
    private final AtomicLong lastCall = new AtomicLong();
    private final Loop loop;
    private final FailStopStore store;

    private RatisLog(RaftServer server, Loop loop, FailStopStore store) {
        this.server = server;
        this.loop = loop;
        this.store = store;
    }

    /**
     * What this replica needs to know.
     *
     * @param peers the Raft address of every replica by its id, this one's among them
     * @param rpc how replicas talk: "netty", or "grpc"
     * @param snapshotEveryEntries after which the log is cut
     * @param fileBytes of the log's files
     */
    public record Settings(
            String id,
            SortedMap<String, Address> peers,
            Path directory,
            String rpc,
            long electionTimeoutMillis,
            int snapshotEveryEntries,
            int fileBytes) {}

    /** Joins the log; from now on its commands are applied to the metadata, on the loop. */
    public static RatisLog start(
            Settings settings, Loop loop, Metadata metadata, FailStopStore store)
            throws IOException {
        List<RaftPeer> peers = new ArrayList<>();
        settings.peers()
                .forEach((id, address) -> peers.add(RaftPeer.newBuilder()
                        .setId(id)
                        .setAddress(address.toString())
                        .build()));
        RaftServer server = RaftServer.newBuilder()
                .setServerId(RaftPeerId.valueOf(settings.id()))
                .setGroup(RaftGroup.valueOf(GROUP, peers))
                .setStateMachine(new MetadataStateMachine(loop, metadata, store))
                .setOption(RaftStorage.StartupOption.RECOVER)
                .setProperties(properties(settings))
                .build();
        server.start();
        return new RatisLog(server, loop, store);
    }

    private static RaftProperties properties(Settings settings) {
        RaftProperties properties = new RaftProperties();
        RpcType rpc = SupportedRpcType.valueOfIgnoreCase(settings.rpc());
        RaftConfigKeys.Rpc.setType(properties, rpc);
        Address own = settings.peers().get(settings.id());
        if (own == null) {
            throw new IllegalArgumentException(
                    "coordinator " + settings.id() + " is not among its peers");
        }
        NettyConfigKeys.Server.setHost(properties, own.host());
        NettyConfigKeys.Server.setPort(properties, own.port());
        GrpcConfigKeys.Server.setHost(properties, own.host());
        GrpcConfigKeys.Server.setPort(properties, own.port());
        RaftServerConfigKeys.setStorageDir(
                properties, List.of(settings.directory().toFile()));

        RaftServerConfigKeys.Log.setSegmentSizeMax(
                properties, SizeInBytes.valueOf(settings.fileBytes()));
        RaftServerConfigKeys.Log.setPreallocatedSize(
                properties,
                SizeInBytes.valueOf(Math.min(PREALLOCATED_BYTES, settings.fileBytes())));
        RaftServerConfigKeys.Log.setWriteBufferSize(properties, WRITE_BUFFER_SIZE);
        RaftServerConfigKeys.Log.Appender.setBufferByteLimit(properties, APPEND_SIZE);
        RaftServerConfigKeys.Log.setLogMetadataEnabled(properties, false);
        RaftServerConfigKeys.Log.setPurgeUptoSnapshotIndex(properties, true);
        RaftServerConfigKeys.Log.setPurgeGap(properties, settings.snapshotEveryEntries() / 2);
        RaftServerConfigKeys.Snapshot.setAutoTriggerEnabled(properties, true);
        RaftServerConfigKeys.Snapshot.setAutoTriggerThreshold(
                properties, settings.snapshotEveryEntries());
        RaftServerConfigKeys.Snapshot.setTriggerWhenStopEnabled(properties, false);
        RaftServerConfigKeys.Snapshot.setRetentionFileNum(properties, SNAPSHOTS_KEPT);

        TimeDuration min =
                TimeDuration.valueOf(settings.electionTimeoutMillis(), TimeUnit.MILLISECONDS);
        TimeDuration max =
                TimeDuration.valueOf(2 * settings.electionTimeoutMillis(), TimeUnit.MILLISECONDS);
        RaftServerConfigKeys.Rpc.setTimeoutMin(properties, min);
        RaftServerConfigKeys.Rpc.setTimeoutMax(properties, max);
        boolean alone = settings.peers().size() == 1;
        TimeDuration first = TimeDuration.valueOf(10, TimeUnit.MILLISECONDS);
        RaftServerConfigKeys.Rpc.setFirstElectionTimeoutMin(properties, alone ? first : min);
        RaftServerConfigKeys.Rpc.setFirstElectionTimeoutMax(
                properties, alone ? first.multiply(2) : max);
        RaftServerConfigKeys.Rpc.setRequestTimeout(properties, REQUEST_TIMEOUT);
        return properties;
    }

    @Override
    public CompletableFuture<Outcome> submit(Command command) {
        CompletableFuture<Outcome> future = new CompletableFuture<>();
        RaftClientRequest request = RaftClientRequest.newBuilder()
                .setClientId(client)
                .setServerId(server.getId())
                .setGroupId(GROUP)
                .setCallId(lastCall.incrementAndGet())
                .setMessage(Message.valueOf(shaded(command.toByteArray())))
                .setType(RaftClientRequest.writeRequestType())
                .build();
        try {
            CompletableFuture<RaftClientReply> _ = server.submitClientRequestAsync(request)
                    .whenComplete((reply, failure) ->
                            loop.execute(() -> complete(future, reply, failure)));
        } catch (IOException e) {
            loop.execute(() -> future.completeExceptionally(notDone(e)));
        }
        return future;
    }

    private static void complete(
            CompletableFuture<Outcome> future, RaftClientReply reply, Throwable failure) {
        if (failure != null) {
            future.completeExceptionally(notDone(failure));
        } else if (!reply.isSuccess()) {
            future.completeExceptionally(notDone(reply.getException()));
        } else {
            try {
                future.complete(
                        Outcome.parseFrom(reply.getMessage().getContent().toByteArray()));
            } catch (InvalidProtocolBufferException e) {
                future.completeExceptionally(
                        new IllegalStateException("the log answered what is no outcome", e));
            }
        }
    }

    private static AshlarException.Unavailable notDone(Throwable cause) {
        return new AshlarException.Unavailable(
                "the coordinator's log did not take the command (" + cause.getMessage()
                        + "): repeat it",
                cause);
    }

    /** A replica whose store failed leads nobody, whatever Raft believes until it is gone. */
    @Override
    public Leadership leadership() {
        if (store.isFailed()) {
            return new Leadership(false, 0, "");
        }
        try {
            DivisionInfo info = server.getDivision(GROUP).getInfo();
            RaftPeerId leader = info.getLeaderId();
            return new Leadership(
                    info.isLeader() && info.isLeaderReady(),
                    info.getCurrentTerm(),
                    leader == null ? "" : leader.toString());
        } catch (IOException e) {
            return new Leadership(false, 0, "");
        }
    }

    @Override
    public void close() {
        try {
            server.close();
        } catch (IOException e) {
            throw new java.io.UncheckedIOException("the log did not close", e);
        }
    }

    static ByteString shaded(byte[] bytes) {
        return UnsafeByteOperations.unsafeWrap(bytes);
    }
}
