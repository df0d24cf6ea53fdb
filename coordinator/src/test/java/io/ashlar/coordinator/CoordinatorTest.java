package io.ashlar.coordinator;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.ashlar.client.AshlarException;
import io.ashlar.client.model.Address;
import io.ashlar.client.protocol.CreateSegment;
import io.ashlar.client.protocol.CreateVolume;
import io.ashlar.client.protocol.DriveInfo;
import io.ashlar.client.protocol.GetVolume;
import io.ashlar.client.protocol.Heartbeat;
import io.ashlar.client.protocol.Id;
import io.ashlar.client.protocol.OpenVolume;
import io.ashlar.client.protocol.RegisterNode;
import io.ashlar.client.protocol.Request;
import io.ashlar.client.protocol.Response;
import io.ashlar.client.protocol.Segment;
import io.ashlar.client.protocol.VolumeInfo;
import io.ashlar.client.protocol.VolumeOpened;
import io.ashlar.client.transport.Loop;
import io.ashlar.client.transport.NettyTransport;
import io.ashlar.client.transport.Transport;

import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.concurrent.CompletionException;
import java.util.concurrent.TimeUnit;
import java.util.stream.Stream;

/** The process as it ships: Ratis, RocksDB, sockets. */
final class CoordinatorTest {
    private static final long TIMEOUT_NANOS = 5_000_000_000L;

    private final NettyTransport transport = new NettyTransport("test", 2);
    private final Loop loop = transport.nextLoop();

    @TempDir
    private Path directory;

    @AfterEach
    void close() {
        transport.close();
    }

    private static CoordinatorConfig config(Path directory) {
        return CoordinatorConfig.alone("c1", new Address("127.0.0.1", 0), directory);
    }

    /** Asks until the coordinator leads. */
    private Response ask(Coordinator coordinator, Request request) throws IOException {
        long deadline = System.nanoTime() + 4 * TIMEOUT_NANOS;
        while (true) {
            try {
                Transport.Answer answer = transport
                        .ask(loop, coordinator.address(), request, List.of(), TIMEOUT_NANOS)
                        .orTimeout(10, TimeUnit.SECONDS)
                        .join();
                answer.bulk().release();
                return answer.response();
            } catch (CompletionException e) {
                AshlarException cause = AshlarException.in(e);
                boolean later = cause instanceof AshlarException.Unavailable unavailable
                        && (unavailable.isNotLeader() || !unavailable.isAnswered());
                if (!later || System.nanoTime() > deadline) {
                    throw cause;
                }
            }
        }
    }

    private static RegisterNode node(int number) {
        return RegisterNode.newBuilder()
                .setRequestId(100 + number)
                .setNode("n" + number)
                .setAddress("127.0.0.1:" + (9000 + number))
                .addDrives(drive(number))
                .build();
    }

    private static DriveInfo drive(int number) {
        return DriveInfo.newBuilder()
                .setId(Id.newBuilder().setHigh(1).setLow(number))
                .setCapacityBytes(1L << 40)
                .build();
    }

    private void registerNodes(Coordinator coordinator) throws IOException {
        for (int i = 1; i <= 6; i++) {
            ask(coordinator, Request.newBuilder().setRegisterNode(node(i)).build());
        }
    }

    private static final Request CREATE = Request.newBuilder()
            .setCreateVolume(CreateVolume.newBuilder()
                    .setRequestId(1)
                    .setName("disk0")
                    .setSizeBytes(1 << 20)
                    .setPolicy("rs-4-2")
                    .setCompression("none"))
            .build();

    private static Request open(String holder, long request) {
        return Request.newBuilder()
                .setOpenVolume(OpenVolume.newBuilder()
                        .setRequestId(request)
                        .setName("disk0")
                        .setHolder(holder))
                .build();
    }

    @Test
    void goesOnWhereItWasAfterAKill() throws IOException {
        Path crashed = directory.resolve("crashed");
        VolumeInfo volume;
        Segment segment;
        try (Coordinator coordinator =
                Coordinator.start(config(directory.resolve("c1")), transport)) {
            registerNodes(coordinator);
            volume = ask(coordinator, CREATE).getVolume();
            VolumeOpened opened = ask(coordinator, open("writer", 2)).getVolumeOpened();
            assertThat(opened.getVolume().getEpoch()).isEqualTo(1);
            segment = ask(coordinator, createSegment(volume)).getSegment();
            copy(directory.resolve("c1"), crashed);
        }
        try (Coordinator restarted = Coordinator.start(config(crashed), transport)) {
            VolumeInfo after = ask(
                            restarted,
                            Request.newBuilder()
                                    .setGetVolume(GetVolume.newBuilder().setName("disk0"))
                                    .build())
                    .getVolume();
            assertThat(after.getId()).isEqualTo(volume.getId());
            assertThat(after.getEpoch()).isEqualTo(1);
            assertThat(after.getSegments()).isEqualTo(1);
            assertThat(after.getHolder()).isEqualTo("writer");
            assertThatThrownBy(() -> ask(restarted, open("other", 3)))
                    .isInstanceOf(AshlarException.Unavailable.class)
                    .hasMessageContaining("held by writer");
            registerNodes(restarted);
            assertThat(ask(restarted, createSegment(volume)).getSegment().getId())
                    .as("the same request makes no second segment")
                    .isEqualTo(segment.getId());
            Response reply = ask(
                    restarted,
                    Request.newBuilder()
                            .setHeartbeat(Heartbeat.newBuilder().setNode("n1").addDrives(drive(1)))
                            .build());
            assertThat(reply.getHeartbeatReply().getAuthority().getTerm()).isGreaterThan(1);
        }
    }

    private static Request createSegment(VolumeInfo volume) {
        return Request.newBuilder()
                .setCreateSegment(CreateSegment.newBuilder()
                        .setRequestId(7)
                        .setVolume(volume.getId())
                        .setEpoch(1)
                        .setShardBytes(1 << 20))
                .build();
    }

    /** What a kill leaves: files as they are, while the process still has them open. */
    private static void copy(Path from, Path to) throws IOException {
        try (Stream<Path> paths = Files.walk(from)) {
            for (Path path : paths.toList()) {
                if (!path.getFileName().toString().equals("in_use.lock")) {
                    Path target = to.resolve(from.relativize(path).toString());
                    if (Files.isDirectory(path)) {
                        Files.createDirectories(target);
                    } else {
                        Files.copy(path, target);
                    }
                }
            }
        }
    }
}
