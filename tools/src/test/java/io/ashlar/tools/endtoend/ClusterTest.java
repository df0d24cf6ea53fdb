package io.ashlar.tools.endtoend;

import static org.assertj.core.api.Assertions.assertThat;

import static java.nio.charset.StandardCharsets.UTF_8;

import com.fasterxml.jackson.jr.ob.JSON;

import io.ashlar.client.AshlarClient;
import io.ashlar.client.Volume;
import io.ashlar.client.model.Address;
import io.ashlar.client.protocol.NodeStatus;
import io.ashlar.tools.cluster.ClusterConnection;
import io.ashlar.tools.cluster.ClusterFile.Member;
import io.ashlar.tools.cluster.ClusterOperations;
import io.ashlar.tools.cluster.ClusterReadiness;
import io.ashlar.tools.command.Ran;
import io.ashlar.tools.stall.SteadyWriter;

import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

import java.io.IOException;
import java.io.OutputStream;
import java.net.InetAddress;
import java.net.ServerSocket;
import java.net.Socket;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.time.Duration;
import java.util.Map;
import java.util.Random;
import java.util.stream.Stream;

/** What people do, and what they do wrong, to one small cluster: three nodes. */
class ClusterTest {
    private static final int MIB = 1 << 20;
    private static final Duration PATIENCE = Duration.ofMinutes(1);

    @TempDir
    @SuppressWarnings("NullAway.Init")
    private static Path directory;

    @SuppressWarnings("NullAway.Init")
    private static TestCluster cluster;

    @BeforeAll
    static void start() throws IOException, InterruptedException {
        cluster = TestCluster.start(directory.resolve("cluster"), 3, 192L * MIB);
    }

    @AfterAll
    static void stop() throws IOException {
        cluster.close();
    }

    private static Path image(int sizeBytes, long seed) throws IOException {
        byte[] bytes = new byte[sizeBytes];
        new Random(seed).nextBytes(bytes);
        return Files.write(directory.resolve("image" + seed), bytes);
    }

    private static void requireServing() throws IOException {
        Ran status = cluster.done("status", "--json");
        assertThat(status.out()).hasLineCount(1);
        for (Member member : cluster.cluster().file().members()) {
            assertThat(cluster.cluster().isRunning(member)).as(member.id()).isTrue();
        }
        assertThat(JSON.std.mapFrom(status.out()))
                .containsKeys("health", "nodes", "segments", "repair", "scrub");
    }

    private static void refused(Ran ran, String... words) {
        assertThat(ran.exitCode()).as(ran.toString()).isEqualTo(1);
        assertThat(ran.err())
                .startsWith("ashlar: ")
                .hasLineCount(1)
                .doesNotContain("Exception", "\tat ");
        assertThat(ran.err()).contains(words);
    }

    @Test
    void anImageComesBackAsItWentIn() throws IOException {
        Path image = image(10 * MIB + 512, 1);
        Path exported = directory.resolve("exported");
        var _ = cluster.done("volume", "create", "v1", "--size", "16M");
        Ran imported = cluster.done("volume", "import", image.toString(), "v1", "--json");
        assertThat(JSON.std.mapFrom(imported.out()).get("imageBytes")).isEqualTo(10 * MIB + 512);
        var _ = cluster.done("volume", "export", "v1", exported.toString());
        assertThat(exported).hasSize(16 * MIB);
        byte[] expected = new byte[16 * MIB];
        System.arraycopy(Files.readAllBytes(image), 0, expected, 0, 10 * MIB + 512);
        assertThat(Files.readAllBytes(exported)).isEqualTo(expected);
        var _ = cluster.done("volume", "verify", "v1", "--every-pattern");
        var _ = cluster.done("volume", "delete", "v1");
        refused(cluster.ashlar("volume", "info", "v1"), "v1");
    }

    @Test
    void whatDoesNotExistIsNamed() throws IOException {
        Path target = directory.resolve("never");
        refused(cluster.ashlar("volume", "info", "nothere"), "nothere");
        refused(cluster.ashlar("volume", "delete", "nothere"), "nothere");
        refused(cluster.ashlar("volume", "export", "nothere", target.toString()), "nothere");
        refused(cluster.ashlar("volume", "verify", "nothere"), "nothere");
        refused(cluster.ashlar("volume", "import", image(MIB, 2).toString(), "nothere"), "nothere");
        refused(
                cluster.ashlar("volume", "import", target.toString(), "nothere"),
                "no such file",
                "never");
        refused(cluster.ashlar("scrub", "start", "--node", "n9"), "n9");
        refused(
                cluster.ashlar("inspect", "segment", "0123456789abcdef0123456789abcdef"),
                "0123456789abcdef");
        assertThat(target).doesNotExist();
        requireServing();
    }

    @Test
    void tooFewDomainsForThePolicyIsSaid() throws IOException {
        Ran created =
                cluster.ashlar("volume", "create", "wide", "--size", "1M", "--policy", "rs-4-1");
        if (created.exitCode() == 0) {
            created = cluster.ashlar("volume", "import", image(MIB, 4).toString(), "wide");
        }
        refused(created, "5");
        requireServing();
    }

    @Test
    void anImageLargerThanItsVolumeIsRefusedBeforeAnythingIsWritten() throws IOException {
        var _ = cluster.done("volume", "create", "small", "--size", "1M");
        refused(
                cluster.ashlar("volume", "import", image(2 * MIB, 5).toString(), "small"),
                "larger than volume small",
                "nothing was written");
        assertThat(cluster.ashlar("volume", "info", "small").out()).containsPattern("segments +0");
    }

    @Test
    void anEmptyImageIsRefusedAndTheVolumeUntouched() throws IOException {
        Path image = image(MIB, 10);
        var _ = cluster.done("volume", "create", "v10", "--size", "1M");
        var _ = cluster.done("volume", "import", image.toString(), "v10");
        String before = cluster.ashlar("volume", "info", "v10").out();
        refused(cluster.ashlar("volume", "import", "-", "v10"), "standard input is empty");
        Path empty = Files.createFile(directory.resolve("empty"));
        refused(cluster.ashlar("volume", "import", empty.toString(), "v10"), "empty is empty");
        assertThat(cluster.ashlar("volume", "info", "v10").out()).isEqualTo(before);
        Path exported = directory.resolve("exported10");
        var _ = cluster.done("volume", "export", "v10", exported.toString());
        assertThat(exported).hasSameBinaryContentAs(image);
    }

    @Test
    void anImportSaysThatItWaitsForTheCoordinatorAndGoesOn() throws Exception {
        byte[] bytes = Files.readAllBytes(image(2 * MIB, 11));
        var _ = cluster.done("volume", "create", "v11", "--size", "2M");
        SlowProducer image = new SlowProducer(bytes);
        try (RunningCommand running = RunningCommand.start(
                image, "volume", "import", "-", "v11", "--coordinator", cluster.coordinator())) {
            image.awaitReader();
            cluster.cluster().kill("c1");
            running.awaitError("import v11: no coordinator answers at " + cluster.coordinator());
            assertThat(cluster.cluster().start("c1")).isTrue();
            ClusterReadiness.await(cluster.cluster());
            running.awaitError("import v11: a coordinator answers again, going on");
            image.produce();
            Ran ran = running.await();
            assertThat(ran.exitCode()).as(ran.toString()).isZero();
            assertThat(ran.err().lines()).hasSize(2);
            assertThat(ran.out()).contains("imported 2.0 MiB");
        }
        Path exported = directory.resolve("exported11");
        var _ = cluster.done("volume", "export", "v11", exported.toString());
        assertThat(exported).hasBinaryContent(bytes);
        requireServing();
    }

    @Test
    void theServerBehindAPortIsNamedWhereItIsTheWrongOne() throws IOException {
        String node = cluster.cluster().member("n1").address().toString();
        refused(Ran.of("status", "--coordinator", node), "port of a storage node");
    }

    @Test
    void whatIsNoFileOfADriveIsNotInspected() throws IOException {
        Path image = image(MIB, 12);
        refused(Ran.of("inspect", "shard", image.toString()), "is no file of a drive", "arena");
        Path empty = Files.createFile(directory.resolve("empty12"));
        refused(Ran.of("inspect", "shard", empty.toString()), "is no file of a drive");
        refused(Ran.of("inspect", "shard", directory.toString()), "is a directory");
        Path drive = cluster.cluster().member("n1").drives().getFirst();
        Ran ran = Ran.of("inspect", "shard", drive.resolve("arena").toString());
        assertThat(ran.exitCode()).as(ran.err()).isZero();
    }

    @Test
    void aDamagedIdentityIsNamed() throws IOException {
        Path drive = Files.createDirectories(directory.resolve("damaged"));
        Files.writeString(drive.resolve("identity"), "ashlar-drive 1\nrubbish\n");
        Path config = directory.resolve("damaged.properties");
        Files.writeString(
                config,
                "node = n9\nlisten = 127.0.0.1:0\ncoordinators = " + cluster.coordinator()
                        + "\ndrive.1.directory = " + drive + "\ndrive.1.capacity = 192M\n");
        refused(Ran.of("node", "run", "--config", config.toString()), "identity");
    }

    @Test
    void aFailedExportLeavesNothing() throws IOException {
        Path target = directory.resolve("no-such-directory").resolve("file");
        var _ = cluster.done("volume", "create", "v6", "--size", "1M");
        Ran ran = cluster.ashlar("volume", "export", "v6", target.toString());
        refused(ran, target + ": no such directory");
        assertThat(ran.err()).doesNotContain(".export-");
        try (Stream<Path> files = Files.list(directory)) {
            assertThat(files.map(Path::toString)).noneMatch(name -> name.contains(".export-"));
        }
    }

    @Test
    void garbageOnAnyPortHarmsNobody() throws IOException {
        byte[] garbage = new byte[100_000];
        new Random(7).nextBytes(garbage);
        byte[] truncated = new byte[40];
        byte[] start = "ASHF\u0001\u0001".getBytes(UTF_8);
        System.arraycopy(start, 0, truncated, 0, start.length);
        truncated[16] = 100;
        byte[] huge = truncated.clone();
        huge[19] = 0x7f;
        huge[23] = 0x7f;
        for (Member member : cluster.cluster().file().members()) {
            for (byte[] bytes : new byte[][] {
                garbage, truncated, huge, {}, "GET / HTTP/1.1\r\n\r\n".getBytes(UTF_8)
            }) {
                send(member.address(), bytes);
            }
        }
        requireServing();
    }

    private static void send(Address address, byte[] bytes) throws IOException {
        try (Socket socket = new Socket(address.host(), address.port())) {
            OutputStream out = socket.getOutputStream();
            out.write(bytes);
            out.flush();
            socket.shutdownOutput();
        } catch (java.net.SocketException e) {
            assertThat(e).as("the server may hang up first").hasMessageContaining("");
        }
    }

    @Test
    void anOccupiedPortIsNamed() throws IOException {
        try (ServerSocket taken = new ServerSocket(0, 1, InetAddress.getLoopbackAddress())) {
            Path fresh = directory.resolve("fresh");
            refused(
                    Ran.of(
                            "up",
                            "--dir",
                            fresh.toString(),
                            "--port",
                            "" + Math.min(taken.getLocalPort(), 65_000)),
                    "port",
                    "is occupied");
        }
    }

    @Test
    void aSecondStartOfARunningNodeDoesNothing() {
        Ran ran = Ran.of(
                "node", "start", "n1", "--dir", cluster.cluster().directory().toString());
        assertThat(ran.exitCode()).isZero();
        assertThat(ran.out()).contains("running already");
        refused(
                Ran.of(
                        "node",
                        "start",
                        "n77",
                        "--dir",
                        cluster.cluster().directory().toString()),
                "n77");
    }

    @Test
    void aDriveOfAnotherNodeIsRefused() throws IOException, InterruptedException {
        Member owner = cluster.cluster().member("n1");
        Path stolen = directory.resolve("stolen");
        Files.createDirectories(stolen);
        try (Stream<Path> files = Files.list(owner.drives().getFirst())) {
            for (Path file : files.toList()) {
                Files.copy(
                        file,
                        stolen.resolve(String.valueOf(file.getFileName())),
                        StandardCopyOption.REPLACE_EXISTING);
            }
        }
        Path config = directory.resolve("foreign.properties");
        Files.writeString(
                config,
                "node = n9\nlisten = 127.0.0.1:0\ncoordinators = "
                        + cluster.cluster().coordinatorAddresses().getFirst()
                        + "\ndrive.1.directory = " + stolen + "\ndrive.1.capacity = 192M\n");
        refused(Ran.of("node", "run", "--config", config.toString()), "n1", "n9");
        requireServing();
    }

    @Test
    void aBrokenConfigurationIsNamed() throws IOException {
        Path config = directory.resolve("broken.properties");
        Files.writeString(config, "node = n9\nlisten = nowhere\n");
        refused(Ran.of("node", "run", "--config", config.toString()), "nowhere");
        Files.writeString(config, "id = c9\nlisten = 127.0.0.1:0\ndirectory = x\ncolour = blue\n");
        refused(Ran.of("coordinator", "run", "--config", config.toString()), "colour");
        refused(
                Ran.of(
                        "coordinator",
                        "run",
                        "--config",
                        directory.resolve("none").toString()),
                "no such file");
        refused(Ran.of("node", "run", "--config", directory.toString()), "is a directory");
        Files.write(config, new byte[] {(byte) 0xff, (byte) 0xfe, 0});
        refused(Ran.of("node", "run", "--config", config.toString()), "is not text");
    }

    @Test
    void fullDrivesRefuseWritesAndServeOn() throws IOException {
        Path image = image(300 * MIB, 8);
        var _ = cluster.done("volume", "create", "big", "--size", "1G");
        refused(
                cluster.ashlar("volume", "import", image.toString(), "big"),
                "free space or add drives");
        requireServing();
        var _ = cluster.done("volume", "export", "big", "/dev/null");
        long fullBytes = mostUsedBytes();
        var _ = cluster.done("volume", "delete", "big");
        long deadline = System.nanoTime() + PATIENCE.toNanos();
        while (mostUsedBytes() > fullBytes / 2) {
            assertThat(System.nanoTime()).as("its space is given back").isLessThan(deadline);
        }
    }

    /** Of the node that is fullest: a new segment needs room on all three. */
    private long mostUsedBytes() throws IOException {
        try (ClusterConnection connection =
                new ClusterConnection(cluster.cluster().coordinatorAddresses())) {
            return ClusterOperations.status(connection).getNodesList().stream()
                    .mapToLong(NodeStatus::getUsedBytes)
                    .max()
                    .orElseThrow();
        }
    }

    @Test
    void aWriterThatNeverPausesOutlivesAKilledNode() throws IOException, InterruptedException {
        var _ = cluster.done("volume", "create", "v13", "--size", "1M", "--policy", "rs-1-1");
        try (AshlarClient client = AshlarClient.connect(cluster.cluster().coordinatorAddresses());
                Volume volume = client.open("v13");
                SteadyWriter writer = SteadyWriter.start(volume)) {
            writer.awaitMore(300, PATIENCE);
            writer.beginMeasuring();
            Duration quiet = writer.longestGap();
            cluster.cluster().kill("n3");
            writer.awaitMore(300, PATIENCE);
            assertThat(writer.longestGap()).isPositive().isGreaterThanOrEqualTo(quiet);
            assertThat(writer.acknowledged()).isGreaterThanOrEqualTo(600);
            assertThat(writer.stopAndVerify(PATIENCE)).isEqualTo(MIB);
        } finally {
            boolean _ = cluster.cluster().start("n3");
            ClusterReadiness.await(cluster.cluster());
        }
        var _ = cluster.done("volume", "delete", "v13");
    }

    @Test
    void statusHasThePromisedKeys() throws IOException {
        String out = cluster.ashlar("status", "--json").out();
        Map<String, Object> status = JSON.std.mapFrom(out);
        assertThat(status.get("health")).isIn("ok", "degraded", "at-risk", "data-loss");
        assertThat(out)
                .containsPattern(
                        "\"segments\":\\{\"total\":\\d+,\"bySurvivableLosses\":\\{\"0\":\\d+,\"1\":")
                .contains("\"lost\":", "\"bytesPerSecond\":", "\"etaSeconds\":", "\"queued\":")
                .contains("\"lastCompletedAt\":", "\"corruptFound\":", "\"coveragePercent\":")
                .contains("\"usedBytes\":", "\"capacityBytes\":", "\"zone\":", "\"state\":\"up\"");
        assertThat(JSON.std.mapFrom(cluster.ashlar("scrub", "status", "--json").out()))
                .containsKeys("state", "bytesScanned", "corruptCells", "unreadable");
        assertThat(JSON.std.mapFrom(cluster.ashlar("repair", "status", "--json").out()))
                .containsKeys(
                        "state", "queued", "running", "repairedShards", "repairedCells", "failed");
    }
}
