package io.ashlar.bench;

import io.ashlar.client.model.Address;
import io.ashlar.client.model.SegmentId;
import io.ashlar.client.model.Stripe;
import io.ashlar.client.protocol.AppendCell;
import io.ashlar.client.protocol.CreateShard;
import io.ashlar.client.protocol.HeartbeatReply;
import io.ashlar.client.protocol.Id;
import io.ashlar.client.protocol.Request;
import io.ashlar.client.protocol.Response;
import io.ashlar.client.protocol.ShardRef;
import io.ashlar.client.transport.Buffer;
import io.ashlar.client.transport.Loop;
import io.ashlar.client.transport.NettyTransport;
import io.ashlar.client.transport.Transport;
import io.ashlar.node.StorageNode;
import io.ashlar.node.StorageNodeConfig;

import org.openjdk.jmh.annotations.AuxCounters;
import org.openjdk.jmh.annotations.Benchmark;
import org.openjdk.jmh.annotations.BenchmarkMode;
import org.openjdk.jmh.annotations.Fork;
import org.openjdk.jmh.annotations.Level;
import org.openjdk.jmh.annotations.Measurement;
import org.openjdk.jmh.annotations.Mode;
import org.openjdk.jmh.annotations.OutputTimeUnit;
import org.openjdk.jmh.annotations.Param;
import org.openjdk.jmh.annotations.Scope;
import org.openjdk.jmh.annotations.Setup;
import org.openjdk.jmh.annotations.State;
import org.openjdk.jmh.annotations.TearDown;
import org.openjdk.jmh.annotations.Warmup;

import java.io.IOException;
import java.lang.foreign.Arena;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.TimeUnit;
import java.util.stream.Stream;

/**
 * Durable appends of records to a shard of a storage node in this process, over TCP: frame, checks,
 * write, group commit, answer. The counter {@code appends} is in records a second. The drive is a
 * new directory below {@code java.io.tmpdir} for every iteration: name one on the drive to measure.
 *
 * <p>After a build: {@code java -Djava.io.tmpdir=DIRECTORY -cp 'bench/target/lib/*'
 * org.openjdk.jmh.Main ShardAppendBenchmark}
 */
@State(Scope.Benchmark)
@BenchmarkMode(Mode.Throughput)
@OutputTimeUnit(TimeUnit.SECONDS)
@Warmup(iterations = 3, time = 1)
@Measurement(iterations = 5, time = 1)
@Fork(
        value = 1,
        jvmArgsAppend = {
            "--add-modules=jdk.incubator.vector",
            "--enable-native-access=ALL-UNNAMED",
            "--sun-misc-unsafe-memory-access=allow"
        })
public class ShardAppendBenchmark {
    private static final long TIMEOUT_NANOS = TimeUnit.SECONDS.toNanos(30);
    private static final long DRIVE_BYTES = 6L << 30;
    private static final long SHARD_BYTES = 64L << 20;

    @Param({"4096", "262144"})
    int cellBytes;

    @Param({"1", "16"})
    int outstanding;

    private final Arena arena = Arena.ofShared();
    private final Transport servers = new NettyTransport("server", 2);
    private final Transport client = new NettyTransport("client", 1);
    private final Loop loop = client.nextLoop();

    @SuppressWarnings("NullAway.Init") // JMH calls the methods marked as set-up first.
    private SampleStripe sample;

    @SuppressWarnings("NullAway.Init")
    private Path directory;

    @SuppressWarnings("NullAway.Init")
    private Transport.Listener coordinator;

    @SuppressWarnings("NullAway.Init")
    private StorageNode node;

    @SuppressWarnings("NullAway.Init")
    private Id drive;

    @SuppressWarnings("NullAway.Init")
    private ShardRef shard;

    @SuppressWarnings("NullAway.Init")
    private SegmentId segment;

    private long segmentNumber;
    private long stripeNumber;

    /** Records appended. */
    @State(Scope.Thread)
    @AuxCounters
    public static class Appended {
        public long appends;
    }

    @Setup
    public void encode() {
        sample = new SampleStripe(arena, cellBytes);
    }

    @Setup(Level.Iteration)
    public void startNode() throws IOException {
        directory = Files.createTempDirectory("ashlar-append");
        CompletableFuture<Id> registered = new CompletableFuture<>();
        coordinator = servers.listen(new Address("127.0.0.1", 0), (request, bulk, responder) -> {
            bulk.release();
            if (request.hasRegisterNode()) {
                registered.complete(request.getRegisterNode().getDrives(0).getId());
            }
            responder.reply(Response.newBuilder()
                    .setHeartbeatReply(
                            HeartbeatReply.newBuilder().setRegister(!registered.isDone()))
                    .build());
        });
        node = StorageNode.start(
                StorageNodeConfig.of(
                        "n1",
                        new Address("127.0.0.1", 0),
                        "",
                        List.of(coordinator.address()),
                        List.of(new StorageNodeConfig.DriveConfig(
                                directory.toString(), DRIVE_BYTES))),
                servers);
        drive = registered.join();
        createShard();
    }

    private void createShard() {
        segmentNumber++;
        stripeNumber = 0;
        segment = new SegmentId(1, segmentNumber);
        shard = ShardRef.newBuilder()
                .setSegment(segment.toProto())
                .setIncarnation(1)
                .setDrive(drive)
                .build();
        CreateShard create = CreateShard.newBuilder()
                .setShard(shard)
                .setVolume(SampleStripe.VOLUME.toProto())
                .setEpoch(SampleStripe.EPOCH)
                .setSequence(segmentNumber)
                .setPolicy(SampleStripe.policy().toString())
                .setShardBytes(SHARD_BYTES)
                .build();
        ask(Request.newBuilder().setCreateShard(create).build(), List.of()).join();
    }

    @TearDown(Level.Iteration)
    public void stopNode() throws IOException {
        node.close();
        coordinator.close();
        try (Stream<Path> files = Files.walk(directory)) {
            for (Path file : files.sorted(Comparator.reverseOrder()).toList()) {
                Files.delete(file);
            }
        }
    }

    @TearDown
    public void close() {
        client.close();
        servers.close();
        arena.close();
    }

    @Benchmark
    public void append(Appended appended) {
        if ((stripeNumber + outstanding) * sample.recordBytes() > SHARD_BYTES) {
            createShard();
        }
        List<CompletableFuture<Void>> answers = new ArrayList<>(outstanding);
        for (int i = 0; i < outstanding; i++) {
            answers.add(appendNext());
        }
        answers.forEach(CompletableFuture::join);
        appended.appends += outstanding;
    }

    /** Appends the record of the role that the shard with index 0 holds. */
    private CompletableFuture<Void> appendNext() {
        Stripe stripe = sample.at(segment, stripeNumber);
        Buffer record = Buffer.allocate(sample.recordBytes());
        sample.write(
                stripe, Stripe.roleOf(0, stripeNumber, SampleStripe.policy()), record.segment());
        stripeNumber++;
        AppendCell append = AppendCell.newBuilder()
                .setShard(shard)
                .setOffset(stripe.identity().offset())
                .setEpoch(SampleStripe.EPOCH)
                .build();
        return ask(Request.newBuilder().setAppendCell(append).build(), List.of(record));
    }

    private CompletableFuture<Void> ask(Request request, List<Buffer> bulk) {
        return client.ask(loop, node.address(), request, bulk, TIMEOUT_NANOS).thenAccept(answer -> {
            answer.bulk().release();
            if (answer.response().hasFailure()) {
                throw new IllegalStateException(answer.response().getFailure().getMessage());
            }
        });
    }
}
