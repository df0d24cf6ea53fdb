package io.ashlar.bench.command;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.fail;

import static java.nio.charset.StandardCharsets.UTF_8;

import com.fasterxml.jackson.jr.ob.JSON;

import io.ashlar.bench.command.BenchCommandTest.Ran;
import io.ashlar.client.AshlarClient;
import io.ashlar.client.Volume;
import io.ashlar.client.model.Address;
import io.ashlar.client.protocol.CreateVolume;
import io.ashlar.client.protocol.GetStatus;
import io.ashlar.client.protocol.Id;
import io.ashlar.client.protocol.Request;
import io.ashlar.client.transport.NettyTransport;
import io.ashlar.coordinator.Coordinator;
import io.ashlar.coordinator.CoordinatorConfig;
import io.ashlar.node.StorageNode;
import io.ashlar.node.StorageNodeConfig;
import io.ashlar.tools.command.CommandTree;

import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.TestInstance;
import org.junit.jupiter.api.io.TempDir;

import java.io.IOException;
import java.net.ServerSocket;
import java.nio.ByteBuffer;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Objects;

/** Short loads on a real cluster in this process. */
@TestInstance(TestInstance.Lifecycle.PER_CLASS)
class IoCommandTest {
    private static final int NODE_COUNT = 6;
    private static final long VOLUME_BYTES = 8 << 20;
    private static final double LONGEST_SECONDS = 60;

    private final NettyTransport servers = new NettyTransport("test-servers", 2);
    private final List<AutoCloseable> open = new ArrayList<>();
    private List<Address> coordinators = List.of();

    @BeforeAll
    void start(@TempDir Path directory) throws Exception {
        Path config = directory.resolve("c1.properties");
        Files.writeString(
                config,
                "id = c1\nlisten = 127.0.0.1:" + freePort() + "\nraft = 127.0.0.1:" + freePort()
                        + "\ndirectory = " + directory.resolve("c1") + "\n");
        Coordinator coordinator = Coordinator.start(CoordinatorConfig.load(config), servers);
        open.add(coordinator);
        coordinators = List.of(coordinator.address());
        for (int i = 1; i <= NODE_COUNT; i++) {
            Path drive = Files.createDirectories(directory.resolve("n" + i));
            open.add(StorageNode.start(
                    StorageNodeConfig.of(
                            "n" + i,
                            new Address("127.0.0.1", freePort()),
                            "",
                            coordinators,
                            List.of(new StorageNodeConfig.DriveConfig(
                                    drive.toString(), 256L << 20))),
                    servers));
        }
        try (AshlarClient client = AshlarClient.connect(coordinators)) {
            awaitNodes(client);
        }
    }

    private static int freePort() throws IOException {
        try (ServerSocket socket = new ServerSocket(0)) {
            return socket.getLocalPort();
        }
    }

    private static void awaitNodes(AshlarClient client) throws IOException {
        Request status = Request.newBuilder()
                .setGetStatus(GetStatus.getDefaultInstance())
                .build();
        long deadline = System.nanoTime() + 30_000_000_000L;
        long up = 0;
        while (up < NODE_COUNT && System.nanoTime() < deadline) {
            up = client.call(status).getStatus().getNodesList().stream()
                    .filter(node -> node.getState().equals("up"))
                    .count();
        }
        assertThat(up).isEqualTo(NODE_COUNT);
    }

    @AfterAll
    void stop() throws Exception {
        for (AutoCloseable one : open.reversed()) {
            one.close();
        }
        servers.close();
    }

    private void create(String name, int id) throws IOException {
        try (AshlarClient client = AshlarClient.connect(coordinators)) {
            client.call(Request.newBuilder()
                    .setCreateVolume(CreateVolume.newBuilder()
                            .setRequestId(client.newRequestId())
                            .setId(Id.newBuilder().setHigh(1).setLow(id))
                            .setName(name)
                            .setSizeBytes(VOLUME_BYTES)
                            .setPolicy("rs-4-2")
                            .setCompression("none"))
                    .build());
        }
    }

    private Ran io(String line) {
        String all = "bench io --coordinator " + coordinators.getFirst() + " " + line;
        return Ran.of(all.split(" "));
    }

    /**
     * Of this load, for as long as it takes until that many bytes at the end of this path of keys
     * have been counted: a busy machine may start none within a fixed time.
     */
    private Map<String, Object> untilCounted(String load, String... path) throws IOException {
        Map<String, Object> report = Map.of();
        for (double seconds = 0.2; seconds <= LONGEST_SECONDS; seconds *= 4) {
            report = json(io(load + " --json --seconds " + seconds));
            if (number(report, path) > 0) {
                return report;
            }
        }
        return fail("nothing at %s in %s", List.of(path), report);
    }

    private static Map<String, Object> json(Ran ran) throws IOException {
        assertThat(ran.err()).isEmpty();
        assertThat(ran.exitCode()).isZero();
        assertThat(ran.out()).hasLineCount(1);
        return JSON.std.mapFrom(ran.out());
    }

    /** The number at the end of this path of keys. */
    private static long number(Map<String, Object> report, String... path) {
        @Nullable Object value = report;
        for (String key : path) {
            assertThat(value).isInstanceOf(Map.class);
            value = ((Map<?, ?>) Objects.requireNonNull(value)).get(key);
        }
        return ((Number) Objects.requireNonNull(value)).longValue();
    }

    @Test
    void readsWhatItWroteNowAndLater() throws IOException {
        create("mixed", 1);
        Map<String, Object> mixed = untilCounted(
                "--volume mixed --pattern randwrite --mix 50 --depth 4 --warmup 0.1",
                "verifiedBytes");
        assertThat(mixed)
                .containsEntry("wrongBytes", 0)
                .containsEntry("unverifiableBytes", 0)
                .containsKeys("mibPerSecond", "iops", "p50Micros", "p99Micros", "p999Micros")
                .containsKeys("maxMicros", "longestGapMicros", "kernel", "versions", "machine");
        assertThat((Map<?, ?>) mixed.get("configuration"))
                .asString()
                .contains("pattern=randwrite", "readPercent=50", "depth=4", "policy=rs-4-2");
        assertThat(number(mixed, "reads", "operations")).isPositive();
        assertThat(number(mixed, "writes", "operations")).isPositive();

        Map<String, Object> later = untilCounted(
                "--volume mixed --pattern randread --depth 4 --warmup 0", "verifiedBytes");
        assertThat(later).containsEntry("wrongBytes", 0);
    }

    @Test
    void blocksAThreadForEachOperationIfAsked() throws IOException {
        create("blocking", 2);
        Map<String, Object> report = untilCounted(
                "--volume blocking --pattern seqwrite --block 64K --api blocking --depth 3 --warmup 0",
                "verifiedBytes");
        assertThat(number(report, "volumeStats", "stripes")).isPositive();
    }

    @Test
    void givesTheClientsThreadBackWhereNothingWasWritten() throws IOException {
        create("empty", 3);
        Map<String, Object> report = untilCounted(
                "--volume empty --pattern seqread --block 4K --depth 4 --warmup 0",
                "unwrittenBytes");
        assertThat(report).containsEntry("verifiedBytes", 0);
    }

    @Test
    void destroysOthersDataOnlyIfAsked() throws IOException {
        create("precious", 4);
        try (AshlarClient client = AshlarClient.connect(coordinators);
                Volume volume = client.open("precious")) {
            volume.write(8192, ByteBuffer.wrap("x".repeat(4096).getBytes(UTF_8)));
        }
        String load = "--volume precious --pattern seqwrite --block 4K --depth 1 --warmup 0"
                + " --seconds 0.1 --json";
        Ran refused = io(load);
        assertThat(refused.exitCode()).isEqualTo(CommandTree.FAILED);
        assertThat(refused.err())
                .contains("holds data at byte 8192", "--overwrite")
                .hasLineCount(1);
        untilCounted(
                "--volume precious --pattern seqread --block 4K --warmup 0", "unverifiableBytes");
        assertThat(json(io(load + " --overwrite"))).containsEntry("wrongBytes", 0);
    }

    @Test
    void opensBehindTailsAndReadsAllThatTheyHeld() throws IOException {
        create("tails", 5);
        Map<String, Object> report = json(Ran.of(("bench open --coordinator "
                        + coordinators.getFirst()
                        + " --volume tails --tail 100 --depth 4 --rounds 2 --json")
                .split(" ")));
        assertThat((List<?>) report.get("rounds"))
                .hasSize(2)
                .allSatisfy(round -> assertThat((Map<?, ?>) round).satisfies(figures -> {
                    assertThat((Integer) figures.get("stripes")).isGreaterThanOrEqualTo(100);
                    assertThat((Integer) figures.get("verifiedBytes")).isPositive();
                }));
    }

    @Test
    void anUnknownVolumeFails() {
        Ran ran = io("--volume nowhere --pattern randread");
        assertThat(ran.exitCode()).isEqualTo(CommandTree.FAILED);
        assertThat(ran.err()).contains("nowhere").hasLineCount(1);
        assertThat(ran.out()).isEmpty();
    }
}
