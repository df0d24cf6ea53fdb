package io.ashlar.bench;

import io.ashlar.client.AshlarException;
import io.ashlar.client.model.Address;
import io.ashlar.client.protocol.CellBytes;
import io.ashlar.client.protocol.ReadCell;
import io.ashlar.client.protocol.Request;
import io.ashlar.client.protocol.Response;
import io.ashlar.client.transport.Buffer;
import io.ashlar.client.transport.Loop;
import io.ashlar.client.transport.NettyTransport;
import io.ashlar.client.transport.Transport;

import org.openjdk.jmh.annotations.AuxCounters;
import org.openjdk.jmh.annotations.Benchmark;
import org.openjdk.jmh.annotations.BenchmarkMode;
import org.openjdk.jmh.annotations.Fork;
import org.openjdk.jmh.annotations.Measurement;
import org.openjdk.jmh.annotations.Mode;
import org.openjdk.jmh.annotations.OutputTimeUnit;
import org.openjdk.jmh.annotations.Param;
import org.openjdk.jmh.annotations.Scope;
import org.openjdk.jmh.annotations.Setup;
import org.openjdk.jmh.annotations.State;
import org.openjdk.jmh.annotations.TearDown;
import org.openjdk.jmh.annotations.Warmup;

import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.TimeUnit;

/**
 * Frames there and back over TCP on this machine, encoded, checked and decoded at both ends: a
 * request with its bulk, echoed. The counter {@code frames} is in round trips a second; at one
 * outstanding, the time is that of a ping.
 *
 * <p>After a build: {@code java -cp 'bench/target/lib/*' org.openjdk.jmh.Main FrameBenchmark}
 */
@State(Scope.Benchmark)
@BenchmarkMode(Mode.Throughput)
@OutputTimeUnit(TimeUnit.SECONDS)
@Warmup(iterations = 3, time = 1)
@Measurement(iterations = 5, time = 1)
@Fork(
        value = 1,
        jvmArgsAppend = {
            "--enable-native-access=ALL-UNNAMED",
            "--sun-misc-unsafe-memory-access=allow"
        })
public class FrameBenchmark {
    private static final long TIMEOUT_NANOS = TimeUnit.SECONDS.toNanos(10);

    @Param({"0", "4096", "262144"})
    int bulkBytes;

    @Param({"1", "32"})
    int outstanding;

    private final Transport server = new NettyTransport("server", 1);
    private final Transport client = new NettyTransport("client", 1);
    private final Loop loop = client.nextLoop();
    private final Request request =
            Request.newBuilder().setReadCell(ReadCell.getDefaultInstance()).build();

    @SuppressWarnings("NullAway.Init") // JMH calls the method marked as set-up first.
    private Transport.Listener listener;

    /** Round trips made. */
    @State(Scope.Thread)
    @AuxCounters
    public static class Made {
        public long frames;
    }

    @Setup
    public void listen() throws AshlarException {
        Response echo = Response.newBuilder()
                .setCellBytes(CellBytes.getDefaultInstance())
                .build();
        listener = server.listen(
                new Address("127.0.0.1", 0),
                (received, bulk, responder) -> responder.reply(echo, List.of(bulk)));
    }

    @TearDown
    public void close() {
        listener.close();
        client.close();
        server.close();
    }

    @Benchmark
    public void echo(Made made) {
        List<CompletableFuture<Void>> answers = new ArrayList<>(outstanding);
        for (int i = 0; i < outstanding; i++) {
            answers.add(client.ask(
                            loop,
                            listener.address(),
                            request,
                            List.of(Buffer.allocate(bulkBytes)),
                            TIMEOUT_NANOS)
                    .thenAccept(answer -> answer.bulk().release()));
        }
        answers.forEach(CompletableFuture::join);
        made.frames += outstanding;
    }
}
