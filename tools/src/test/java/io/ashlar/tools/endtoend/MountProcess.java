package io.ashlar.tools.endtoend;

import static org.assertj.core.api.Assertions.assertThat;

import static java.nio.charset.StandardCharsets.UTF_8;

import io.ashlar.tools.command.Ran;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.TimeUnit;

/** {@code ashlar mount} as a process of its own. */
final class MountProcess implements AutoCloseable {
    private static final long PATIENCE_NANOS = 60_000_000_000L;

    private final Process process;
    private final Path log;
    private final String uri;

    private MountProcess(Process process, Path log, String uri) {
        this.process = process;
        this.log = log;
        this.uri = uri;
    }

    /** Starts it, and waits until it says that it is ready. */
    static MountProcess start(TestCluster cluster, String... args) throws IOException {
        Path log = Files.createTempFile("mount", ".log");
        Process process = begin(cluster, log, args);
        String line = process.inputReader().readLine();
        assertThat(line).as(Files.readString(log)).startsWith("ready ");
        return new MountProcess(process, log, line.substring("ready ".length()));
    }

    /** Starts it, and waits for its end. */
    static Ran refused(TestCluster cluster, String... args)
            throws IOException, InterruptedException {
        Path log = Files.createTempFile("mount", ".log");
        Process process = begin(cluster, log, args);
        assertThat(process.waitFor(60, TimeUnit.SECONDS)).as("ends").isTrue();
        String out = new String(process.getInputStream().readAllBytes(), UTF_8);
        String err = Files.readString(log);
        Files.delete(log);
        return new Ran(process.exitValue(), out, err);
    }

    private static Process begin(TestCluster cluster, Path log, String... args) throws IOException {
        List<String> command = new ArrayList<>(List.of(
                Path.of(System.getProperty("java.home", ""), "bin", "java").toString(),
                "--add-modules=jdk.incubator.vector",
                "--enable-native-access=ALL-UNNAMED",
                "--sun-misc-unsafe-memory-access=allow",
                "-XX:+UseSerialGC",
                "-Xmx256m",
                "-XX:MaxDirectMemorySize=512m",
                "-Dio.netty.leakDetection.level=paranoid",
                "-cp",
                System.getProperty("java.class.path", ""),
                "io.ashlar.tools.Main",
                "mount",
                "--coordinator",
                cluster.coordinator()));
        command.addAll(List.of(args));
        return new ProcessBuilder(command).redirectError(log.toFile()).start();
    }

    /** Waits until this stands in its log. */
    void awaitLog(String text) throws IOException {
        long deadline = System.nanoTime() + PATIENCE_NANOS;
        while (!Files.readString(log).contains(text) && System.nanoTime() < deadline) {
            Thread.onSpinWait();
        }
        assertThat(Files.readString(log)).contains(text);
    }

    /** Of the first volume. */
    String uri() {
        return uri;
    }

    void kill() throws InterruptedException {
        process.destroyForcibly();
        assertThat(process.waitFor(20, TimeUnit.SECONDS)).isTrue();
    }

    /** Asks it to leave; its exit code. */
    int terminate() throws InterruptedException {
        process.destroy();
        assertThat(process.waitFor(60, TimeUnit.SECONDS)).as("leaves").isTrue();
        return process.exitValue();
    }

    @Override
    public void close() throws IOException {
        process.destroyForcibly();
        String said = Files.readString(log);
        Files.delete(log);
        assertThat(said)
                .as("buffers that nobody gave back, or bugs")
                .doesNotContain("LEAK", " ERROR ");
    }
}
