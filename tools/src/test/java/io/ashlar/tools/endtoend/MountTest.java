package io.ashlar.tools.endtoend;

import static io.ashlar.tools.endtoend.Installed.done;
import static io.ashlar.tools.endtoend.Installed.run;

import static org.assertj.core.api.Assertions.assertThat;

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
import java.util.Set;
import java.util.SplittableRandom;
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
    void qemuMeasuresReadsAndWrites() throws Exception {
        try (MountProcess mount = mount()) {
            String bench = "qemu-img bench -f raw -c 2000 -d 32 -s 4k -S 12k ";
            assertThat(done((bench + "-w --flush-interval=100 " + mount.uri()).split(" ", -1)))
                    .contains("Run completed");
            assertThat(done((bench + mount.uri()).split(" ", -1))).contains("Run completed");
        }
    }

    /** What libnbd itself would refuse is sent all the same. */
    @Test
    void whatCannotBeDoneHasTheErrorOfTheSpecification() throws Exception {
        String script = """
                size = h.get_size()
                h.set_strict_mode(0)
                def tell(what, action):
                    try:
                        action()
                        print(what, "done")
                    except nbd.Error as e:
                        print(what, e.errno)
                tell("read", lambda: h.pread(4096, size))
                tell("cache", lambda: h.cache(4096, size))
                tell("trim", lambda: h.trim(4096, size - 1024))
                tell("write", lambda: h.pwrite(b"x" * 4096, size - 1024))
                tell("zero", lambda: h.zero(4096, size))
                tell("huge", lambda: h.pread(64 << 20, 0))
                tell("flags", lambda: h.pread(512, 0, 1 << 9))
                tell("last", lambda: h.pwrite(b"x", size - 1))
                tell("after", lambda: h.flush())
                """;
        try (MountProcess mount = mount()) {
            assertThat(done("nbdsh", "--uri", mount.uri(), "--command", script).lines())
                    .containsExactly(
                            "read EINVAL",
                            "cache EINVAL",
                            "trim EINVAL",
                            "write ENOSPC",
                            "zero ENOSPC",
                            "huge EINVAL",
                            "flags EINVAL",
                            "last done",
                            "after done");
        }
        try (MountProcess mount = mount("--read-only")) {
            assertThat(done("nbdsh", "--uri", mount.uri(), "--command", script).lines())
                    .contains("write EPERM", "zero EPERM", "trim EPERM", "last EPERM");
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
            assertThat(run("qemu-io", "-f", "raw", "-c", "write 0 4k", again.uri())
                            .exitCode())
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
                Installed.Outcome fenced =
                        run("qemu-io", "-f", "raw", "-c", "write 0 4k", first.uri());
                assertThat(fenced.output()).contains("shutdown");
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
