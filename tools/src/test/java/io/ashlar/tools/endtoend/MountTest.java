package io.ashlar.tools.endtoend;

import static org.assertj.core.api.Assertions.assertThat;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import static java.nio.charset.StandardCharsets.UTF_8;

import io.ashlar.tools.command.Ran;

import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

import java.io.IOException;
import java.net.InetAddress;
import java.net.ServerSocket;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Set;
import java.util.SplittableRandom;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.stream.Collectors;

/** A volume as a disk of those that people have. Where a client is not installed, it is not asked. */
class MountTest {
    private static final int IMAGE_BYTES = 24 << 20;
    private static final AtomicInteger NUMBER = new AtomicInteger();

    @TempDir
    private static Path clusterDirectory;

    private static TestCluster cluster;

    @TempDir
    private Path directory;

    private String volume;

    @BeforeAll
    static void startCluster() throws IOException, InterruptedException {
        cluster = TestCluster.start(clusterDirectory, 6, 512L << 20);
    }

    @AfterAll
    static void stopCluster() throws IOException {
        cluster.close();
    }

    @BeforeEach
    void createVolume() {
        volume = "disk" + NUMBER.incrementAndGet();
        var _ = cluster.done("volume", "create", volume, "--size", "32M", "--policy", "rs-4-2");
    }

    private MountProcess mount(String... options) throws IOException {
        String[] args = new String[options.length + 3];
        args[0] = volume;
        args[1] = "--socket";
        args[2] = directory.resolve("s").toString();
        System.arraycopy(options, 0, args, 3, options.length);
        return MountProcess.start(cluster, args);
    }

    private record Outcome(int exitCode, String output) {}

    /** Of a client that is skipped where the machine has none. */
    private static Outcome run(String... command) throws IOException, InterruptedException {
        boolean installed = List.of(System.getenv("PATH").split(":")).stream()
                .anyMatch(path -> Files.isExecutable(Path.of(path, command[0])));
        assumeTrue(installed, command[0] + " is not installed");
        Process process = new ProcessBuilder(command).redirectErrorStream(true).start();
        process.getOutputStream().close();
        String output = new String(process.getInputStream().readAllBytes(), UTF_8);
        assertThat(process.waitFor(120, TimeUnit.SECONDS)).as(output).isTrue();
        return new Outcome(process.exitValue(), output);
    }

    private static String done(String... command) throws IOException, InterruptedException {
        Outcome outcome = run(command);
        assertThat(outcome.exitCode).as(outcome.output).isZero();
        return outcome.output;
    }

    private Path image() throws IOException {
        byte[] bytes = new byte[IMAGE_BYTES];
        new SplittableRandom(1).nextBytes(bytes);
        byte[] sparse = new byte[32 << 20];
        System.arraycopy(bytes, 0, sparse, 1 << 20, IMAGE_BYTES / 2);
        System.arraycopy(bytes, 0, sparse, 16 << 20, 100_001);
        return Files.write(directory.resolve("image"), sparse);
    }

    @Test
    void libnbdCopiesAnImageThereAndBack() throws Exception {
        try (MountProcess mount = mount()) {
            Path image = image();
            String info = done("nbdinfo", mount.uri());
            assertThat(info)
                    .contains("export-size: 33554432", "base:allocation", "can_flush: true");
            var _ = done("nbdcopy", image.toString(), mount.uri());
            Path back = directory.resolve("back");
            var _ = done("nbdcopy", mount.uri(), back.toString());
            assertThat(Files.mismatch(image, back)).isEqualTo(-1);
            assertThat(done("nbdinfo", "--map", mount.uri())).contains("hole,zero", "data");
            assertThat(mount.terminate()).isZero();
            assertThat(directory.resolve("s")).as("the socket's file").doesNotExist();
        }
    }

    /** Bit 0 of the flags says degraded; what holds nothing is whole whatever dies. */
    @Test
    void clientsSeeWhatIsDegraded() throws Exception {
        try (MountProcess mount = mount()) {
            var _ = done("nbdcopy", image().toString(), mount.uri());
            assertThat(healthOf(mount)).containsExactly("0");
            cluster.cluster().kill("n3");
            try {
                awaitHealth(mount, "0", "1");
            } finally {
                var _ = cluster.cluster().startAll();
            }
            awaitHealth(mount, "0");
        }
    }

    private static void awaitHealth(MountProcess mount, String... flags) throws Exception {
        long deadline = System.nanoTime() + 60_000_000_000L;
        while (!healthOf(mount).equals(Set.of(flags)) && System.nanoTime() < deadline) {
            Thread.sleep(100);
        }
        assertThat(healthOf(mount)).containsExactlyInAnyOrder(flags);
    }

    /** Offset, length and flags are a line of each extent. */
    private static Set<String> healthOf(MountProcess mount)
            throws IOException, InterruptedException {
        return done("nbdinfo", "--map=ashlar:health", mount.uri())
                .lines()
                .map(line -> line.strip().split(" +", -1)[2])
                .collect(Collectors.toSet());
    }

    @Test
    void qemuConvertsComparesAndPlaysPatterns() throws Exception {
        try (MountProcess mount = mount()) {
            String image = image().toString();
            String uri = mount.uri();
            var _ = done("qemu-img", "convert", "-n", "-f", "raw", "-O", "raw", image, uri);
            var _ = done("qemu-img", "compare", "-f", "raw", "-F", "raw", image, uri);
            assertThat(done("qemu-img", "map", "-f", "raw", "--output=json", uri))
                    .contains("\"data\": true", "\"data\": false");
            String played = done(
                    "qemu-io",
                    "-f",
                    "raw",
                    "-c",
                    "write -P 0x5a 0 1M",
                    "-c",
                    "write -f -P 0x11 1000 3000",
                    "-c",
                    "read -P 0x11 1000 3000",
                    "-c",
                    "read -P 0x5a 4000 100000",
                    "-c",
                    "write -z 262144 100001",
                    "-c",
                    "read -P 0 262144 100001",
                    "-c",
                    "discard 64k 64k",
                    "-c",
                    "flush",
                    "-c",
                    "read -P 0x5a 131072 4096",
                    uri);
            assertThat(played).doesNotContain("failed");
        }
    }

    @Test
    void fioVerifiesWhatItWroteWhileNodesDie() throws Exception {
        try (MountProcess mount = mount()) {
            Thread killer = Thread.ofVirtual().start(() -> {
                try {
                    mount.awaitLog("event=nbd_connected");
                    cluster.cluster().kill("n2");
                    cluster.cluster().kill("n5");
                } catch (IOException e) {
                    throw new IllegalStateException(e);
                }
            });
            try {
                var _ = done(
                        "fio",
                        "--name=v",
                        "--ioengine=nbd",
                        "--uri=" + mount.uri(),
                        "--rw=randrw",
                        "--bs=512-64k",
                        "--iodepth=16",
                        "--size=32M",
                        "--io_size=64M",
                        "--verify=crc32c",
                        "--verify_fatal=1",
                        "--verify_state_save=0");
            } finally {
                killer.join();
                var _ = cluster.cluster().startAll();
            }
        }
    }

    @Test
    void aMountThatWasKilledIsMountedAgainWithAllThatItAcknowledged() throws Exception {
        Path image = image();
        try (MountProcess mount = mount()) {
            var _ = done("nbdcopy", image.toString(), mount.uri());
            mount.kill();
        }
        assertThat(directory.resolve("s")).as("what it left").exists();
        try (MountProcess again = mount("--read-only")) {
            Path back = directory.resolve("back");
            var _ = done("nbdcopy", again.uri(), back.toString());
            assertThat(Files.mismatch(image, back)).isEqualTo(-1);
            assertThat(run("qemu-io", "-f", "raw", "-c", "write 0 4k", again.uri()).exitCode)
                    .as("a read-only export")
                    .isNotZero();
        }
    }

    @Test
    void aSecondMountIsRefusedUnlessItSteals() throws Exception {
        try (MountProcess first = mount()) {
            var _ = done("qemu-io", "-f", "raw", "-c", "write -P 7 0 4k", first.uri());
            Ran refused = MountProcess.refused(cluster, volume, "--port", "0");
            assertThat(refused.exitCode()).isEqualTo(1);
            assertThat(refused.err()).contains("in use by mount, process");
            try (MountProcess thief =
                    MountProcess.start(cluster, volume, "--port", "0", "--steal")) {
                assertThat(thief.uri()).matches("nbd://127\\.0\\.0\\.1:\\d+/" + volume);
                var _ = done("qemu-io", "-f", "raw", "-c", "read -P 7 0 4k", thief.uri());
                Outcome fenced = run("qemu-io", "-f", "raw", "-c", "write 0 4k", first.uri());
                assertThat(fenced.output).contains("shutdown");
            }
        }
    }

    @Test
    void whoCannotListenTakesNothingFromAnybody() throws IOException, InterruptedException {
        try (ServerSocket taken = new ServerSocket(0, 1, InetAddress.getLoopbackAddress());
                MountProcess first = mount()) {
            String port = String.valueOf(taken.getLocalPort());
            Ran refused = MountProcess.refused(cluster, volume, "--steal", "--port", port);
            assertThat(refused.exitCode()).isOne();
            assertThat(refused.err()).contains(port, "choose another");
            Ran nowhere = MountProcess.refused(
                    cluster,
                    volume,
                    "--steal",
                    "--socket",
                    directory.resolve("nowhere/s").toString());
            assertThat(nowhere.exitCode()).isOne();
            assertThat(nowhere.err()).contains("nowhere");
            assertThat(MountProcess.refused(cluster, volume, "--port", "0").exitCode())
                    .as("the first one has it still")
                    .isOne();
            assertThat(first.terminate()).isZero();
        }
    }

    @Test
    void whatMakesNoSenseIsRefusedBeforeAnythingIsOpened() throws Exception {
        assertThat(cluster.ashlar("mount", volume).exitCode()).isEqualTo(2);
        assertThat(cluster.ashlar("mount", volume, "--port", "70000").exitCode())
                .isEqualTo(2);
        assertThat(cluster.ashlar("mount", volume, volume, "--port", "0").exitCode())
                .isEqualTo(2);
        Path file = Files.writeString(directory.resolve("file"), "text");
        Ran noSocket = cluster.ashlar("mount", volume, "--socket", file.toString());
        assertThat(noSocket.exitCode()).isEqualTo(1);
        assertThat(noSocket.err()).contains("is no socket").hasLineCount(1);
        assertThat(Files.readString(file)).isEqualTo("text");
    }
}
