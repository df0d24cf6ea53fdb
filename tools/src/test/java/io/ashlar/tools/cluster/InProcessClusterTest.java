package io.ashlar.tools.cluster;

import static org.assertj.core.api.Assertions.assertThat;

import io.ashlar.client.AshlarClient;
import io.ashlar.client.ClientConfig;
import io.ashlar.client.VerifyReport;
import io.ashlar.client.Volume;
import io.ashlar.client.model.Address;
import io.ashlar.client.protocol.CreateVolume;
import io.ashlar.client.protocol.GetStatus;
import io.ashlar.client.protocol.Health;
import io.ashlar.client.protocol.Id;
import io.ashlar.client.protocol.NodeStatus;
import io.ashlar.client.protocol.Request;
import io.ashlar.client.transport.NettyTransport;
import io.ashlar.coordinator.Coordinator;
import io.ashlar.coordinator.CoordinatorConfig;
import io.ashlar.node.StorageNode;
import io.ashlar.node.StorageNodeConfig;

import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

import java.nio.ByteBuffer;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.Random;
import java.util.Set;
import java.util.concurrent.CompletableFuture;
import java.util.stream.Collectors;

/** The real coordinator, nodes and client over TCP, in one process. */
class InProcessClusterTest {
    private static final int PAGE_SEGMENTS = 3;
    private static final int PAGE_SHARDS = 4;
    private static final ClientConfig SMALL_SEGMENTS = new ClientConfig(
            ClientConfig.DEFAULT.hangBound(),
            ClientConfig.DEFAULT.readTimeout(),
            ClientConfig.DEFAULT.readPatience(),
            ClientConfig.DEFAULT.recoveryTimeout(),
            ClientConfig.DEFAULT.coordinatorTimeout(),
            ClientConfig.DEFAULT.leaseRenewal(),
            ClientConfig.DEFAULT.windowStripes(),
            64 << 10,
            ClientConfig.DEFAULT.maxWaitingBytes(),
            ClientConfig.DEFAULT.maxTailStripes(),
            ClientConfig.DEFAULT.mapLimits(),
            256 << 10,
            256 << 10);

    @TempDir
    private Path directory;

    private final NettyTransport servers = new NettyTransport("test-servers", 2);
    private final Map<Integer, StorageNode> nodes = new HashMap<>();
    private final List<AutoCloseable> open = new ArrayList<>();
    private List<Address> coordinators = List.of();

    /** With pages so short that lists and inventories need several. */
    @BeforeEach
    void start() throws Exception {
        int port = FreePorts.run(1);
        Path config = directory.resolve("c1.properties");
        Files.writeString(
                config,
                "id = c1\nlisten = 127.0.0.1:" + port + "\nraft = 127.0.0.1:" + FreePorts.run(1)
                        + "\ndirectory = " + directory.resolve("c1") + "\npage.segments = "
                        + PAGE_SEGMENTS + "\n");
        Coordinator coordinator = Coordinator.start(CoordinatorConfig.load(config), servers);
        open.add(coordinator);
        coordinators = List.of(coordinator.address());
        for (int i = 1; i <= 6; i++) {
            startNode(i);
        }
    }

    private void startNode(int number) throws Exception {
        Path drive = Files.createDirectories(directory.resolve("n" + number));
        StorageNode node = StorageNode.start(
                StorageNodeConfig.of(
                                "n" + number,
                                new Address("127.0.0.1", FreePorts.run(1)),
                                "",
                                coordinators,
                                List.of(new StorageNodeConfig.DriveConfig(
                                        drive.toString(), 256L << 20)))
                        .withInventoryPageShards(PAGE_SHARDS),
                servers);
        open.add(node);
        nodes.put(number, node);
    }

    private void restartNode(int number) throws Exception {
        StorageNode running = Objects.requireNonNull(nodes.remove(number));
        open.remove(running);
        running.close();
        startNode(number);
    }

    @AfterEach
    void stop() throws Exception {
        for (AutoCloseable one : open.reversed()) {
            one.close();
        }
        servers.close();
    }

    @Test
    void writesReadsReopensAndVerifies() throws Exception {
        byte[] image = new byte[24 << 20];
        new Random(1).nextBytes(image);
        try (AshlarClient client = AshlarClient.connect(coordinators)) {
            awaitNodes(client);
            createVolume(client);
            try (Volume volume = client.open("disk0")) {
                List<CompletableFuture<Void>> writes = new ArrayList<>();
                for (int at = 0; at < image.length; at += 1 << 20) {
                    writes.add(volume.writeAsync(
                            at, ByteBuffer.wrap(image, at, 1 << 20).slice()));
                }
                for (CompletableFuture<Void> write : writes) {
                    write.join();
                }
                volume.write(4096, ByteBuffer.wrap(image, 4096, 4096));
                assertThat(read(volume, image.length)).isEqualTo(image);
            }
            try (Volume volume = client.open("disk0")) {
                assertThat(read(volume, image.length)).isEqualTo(image);
                VerifyReport report = volume.verify(true, bytes -> {});
                assertThat(report.problems()).isEmpty();
                assertThat(report.isClean()).isTrue();
                assertThat(report.stripes()).isGreaterThanOrEqualTo(24);
                assertThat(report.patterns()).isGreaterThanOrEqualTo(24 * 15);
            }
        }
    }

    /** A log of more than ten segments is read in pages of three, inventories in pages of four. */
    @Test
    void opensAVolumeWhoseSegmentsNeedSeveralPages() throws Exception {
        byte[] image = new byte[8 << 20];
        new Random(2).nextBytes(image);
        try (AshlarClient client = AshlarClient.connect(coordinators, SMALL_SEGMENTS)) {
            awaitNodes(client);
            createVolume(client);
            try (Volume volume = client.open("disk0")) {
                for (int at = 0; at < image.length; at += 1 << 20) {
                    volume.write(at, ByteBuffer.wrap(image, at, 1 << 20));
                }
            }
            restartNode(1);
            awaitNodes(client);
            try (Volume volume = client.open("disk0")) {
                assertThat(volume.info().getSegments()).isGreaterThan(3 * PAGE_SEGMENTS);
                assertThat(read(volume, image.length)).isEqualTo(image);
                assertThat(volume.verify(false, bytes -> {}).isClean()).isTrue();
            }
            assertThat(client.call(STATUS).getStatus().getHealth()).isEqualTo(Health.OK);
        }
    }

    private static byte[] read(Volume volume, int length) throws Exception {
        ByteBuffer target = ByteBuffer.allocate(length);
        volume.read(0, target);
        return target.array();
    }

    private static void createVolume(AshlarClient client) throws Exception {
        client.call(Request.newBuilder()
                .setCreateVolume(CreateVolume.newBuilder()
                        .setRequestId(client.newRequestId())
                        .setId(Id.newBuilder().setHigh(1).setLow(2))
                        .setName("disk0")
                        .setSizeBytes(64 << 20)
                        .setPolicy("rs-4-2")
                        .setCompression("none"))
                .build());
    }

    private static final Request STATUS =
            Request.newBuilder().setGetStatus(GetStatus.getDefaultInstance()).build();

    /** Waits until every node has registered, from where it listens now. */
    private void awaitNodes(AshlarClient client) throws Exception {
        Set<String> addresses = new HashSet<>();
        nodes.values().forEach(node -> addresses.add(node.address().toString()));
        long deadline = System.nanoTime() + 30_000_000_000L;
        Set<String> up = Set.of();
        while (!up.equals(addresses) && System.nanoTime() < deadline) {
            up = client.call(STATUS).getStatus().getNodesList().stream()
                    .filter(node -> node.getState().equals("up"))
                    .map(NodeStatus::getAddress)
                    .collect(Collectors.toSet());
        }
        assertThat(up).isEqualTo(addresses);
    }
}
