package io.ashlar.node;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.ashlar.client.AshlarException;
import io.ashlar.client.model.Address;
import io.ashlar.client.model.DriveId;
import io.ashlar.client.protocol.ListShards;
import io.ashlar.client.protocol.ReadCell;
import io.ashlar.client.protocol.Request;
import io.ashlar.client.protocol.ShardRef;
import io.ashlar.client.transport.Buffer;
import io.ashlar.client.transport.Loop;
import io.ashlar.client.transport.NettyTransport;
import io.ashlar.client.transport.Transport;

import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.TimeoutException;

/** A node on this machine's files, threads and network. */
class NodeProcessTest {
    @TempDir
    private Path directory = Path.of("");

    private final TestSegment segment = TestSegment.rs42();

    private StorageNodeConfig config() {
        return StorageNodeConfig.of(
                "n1",
                new Address("127.0.0.1", 0),
                "",
                List.of(new Address("127.0.0.1", 1)),
                List.of(new StorageNodeConfig.DriveConfig(
                        directory.resolve("drive").toString(), TestDrive.CAPACITY_BYTES)));
    }

    private static Transport.Answer ask(
            Transport transport, Loop loop, StorageNode node, Request request, Buffer... bulk)
            throws InterruptedException, ExecutionException, TimeoutException {
        return transport
                .ask(loop, node.address(), request, List.of(bulk), TimeUnit.SECONDS.toNanos(10))
                .get(20, TimeUnit.SECONDS);
    }

    @Test
    void servesOverTheNetworkAndKeepsItsRecordsThroughACleanStop() throws Exception {
        try (var transport = new NettyTransport("test", 2)) {
            Loop loop = transport.nextLoop();
            ShardRef shard;
            List<TestSegment.Written> stripes = new ArrayList<>();
            try (StorageNode node = StorageNode.start(config(), transport)) {
                shard = segment.shard(0, driveId());
                Request create = Request.newBuilder()
                        .setCreateShard(segment.create(shard))
                        .build();
                ask(transport, loop, node, create).bulk().release();
                List<CompletableFuture<Transport.Answer>> answers = new ArrayList<>();
                long offset = 0;
                for (int i = 0; i < 40; i++) {
                    var stripe = segment.stripe(i, offset, 4, 8192);
                    offset = stripe.stripe().endOffset();
                    stripes.add(stripe);
                    Request append = Request.newBuilder()
                            .setAppendCell(segment.append(shard, stripe))
                            .build();
                    answers.add(transport.ask(
                            loop,
                            node.address(),
                            append,
                            List.of(stripe.record(0)),
                            TimeUnit.SECONDS.toNanos(10)));
                }
                for (var answer : answers) {
                    answer.get(20, TimeUnit.SECONDS).bulk().release();
                }
            }
            try (StorageNode node = StorageNode.start(config(), transport)) {
                for (TestSegment.Written stripe : stripes) {
                    Request read = Request.newBuilder()
                            .setReadCell(ReadCell.newBuilder()
                                    .setShard(shard)
                                    .setOffset(stripe.stripe().identity().offset())
                                    .setPieceCount(2))
                            .build();
                    Transport.Answer answer = ask(transport, loop, node, read);
                    assertThat(answer.bulk().segment().toArray(Little.BYTE))
                            .isEqualTo(stripe.cell(0));
                    answer.bulk().release();
                }
                Request list = Request.newBuilder()
                        .setListShards(ListShards.getDefaultInstance())
                        .build();
                Transport.Answer answer = ask(transport, loop, node, list);
                assertThat(answer.response().getShardList().getShardsList()).hasSize(1);
                answer.bulk().release();
            }
        }
    }

    private DriveId driveId() throws IOException {
        byte[] bytes = Files.readAllBytes(directory.resolve("drive").resolve("identity"));
        return IdentityFormat.read(bytes, "drive").drive();
    }

    @Test
    void servesADriveOnceOnly() throws Exception {
        try (var transport = new NettyTransport("test", 1);
                var node = StorageNode.start(config(), transport)) {
            assertThat(node.address().port()).isPositive();
            assertThatThrownBy(() -> StorageNode.start(config(), transport))
                    .isInstanceOf(AshlarException.Unavailable.class);
        }
    }
}
