package io.ashlar.tools.cluster;

import static org.assertj.core.api.Assertions.assertThat;

import io.ashlar.client.AshlarClient;
import io.ashlar.client.VerifyReport;
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

import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

import java.nio.ByteBuffer;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Random;
import java.util.concurrent.CompletableFuture;

/** The real coordinator, nodes and client over TCP, in one process. */
class InProcessClusterTest {
    @TempDir
    private Path directory;

    private final NettyTransport servers = new NettyTransport("test-servers", 2);
    private final List<AutoCloseable> open = new ArrayList<>();
    private List<Address> coordinators = List.of();

    @BeforeEach
    void start() throws Exception {
        int port = FreePorts.run(1);
        Path config = directory.resolve("c1.properties");
        Files.writeString(
                config,
                "id = c1\nlisten = 127.0.0.1:" + port + "\nraft = 127.0.0.1:" + FreePorts.run(1)
                        + "\ndirectory = " + directory.resolve("c1") + "\n");
        Coordinator coordinator = Coordinator.start(CoordinatorConfig.load(config), servers);
        open.add(coordinator);
        coordinators = List.of(coordinator.address());
        for (int i = 1; i <= 6; i++) {
            Path drive = Files.createDirectories(directory.resolve("n" + i));
            open.add(StorageNode.start(
                    StorageNodeConfig.of(
                            "n" + i,
                            new Address("127.0.0.1", FreePorts.run(1)),
                            "",
                            coordinators,
                            List.of(new StorageNodeConfig.DriveConfig(
                                    drive.toString(), 256L << 20))),
                    servers));
        }
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
            client.call(Request.newBuilder()
                    .setCreateVolume(CreateVolume.newBuilder()
                            .setRequestId(client.newRequestId())
                            .setId(Id.newBuilder().setHigh(1).setLow(2))
                            .setName("disk0")
                            .setSizeBytes(64 << 20)
                            .setPolicy("rs-4-2")
                            .setCompression("none"))
                    .build());
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

    private static byte[] read(Volume volume, int length) throws Exception {
        ByteBuffer target = ByteBuffer.allocate(length);
        volume.read(0, target);
        return target.array();
    }

    private static void awaitNodes(AshlarClient client) throws Exception {
        Request status = Request.newBuilder()
                .setGetStatus(GetStatus.getDefaultInstance())
                .build();
        long deadline = System.nanoTime() + 30_000_000_000L;
        long up = 0;
        while (up < 6 && System.nanoTime() < deadline) {
            up = client.call(status).getStatus().getNodesList().stream()
                    .filter(node -> node.getState().equals("up"))
                    .count();
        }
        assertThat(up).isEqualTo(6);
    }
}
