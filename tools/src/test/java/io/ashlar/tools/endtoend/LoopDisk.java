package io.ashlar.tools.endtoend;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Optional;
import java.util.concurrent.TimeUnit;

/** An export as a block device of this machine: a file of nbdfuse under a loop device. */
final class LoopDisk implements AutoCloseable {
    private static final long PATIENCE_NANOS = 30_000_000_000L;
    private static final List<String> PROGRAMS =
            List.of("nbdfuse", "losetup", "mount", "umount", "blockdev");

    private final Path directory;
    private final Process fuse;
    private final String device;
    private boolean mounted;

    private LoopDisk(Path directory, Process fuse, String device) {
        this.directory = directory;
        this.fuse = fuse;
        this.device = device;
    }

    /** Why there are none on this machine; empty where there are. */
    static Optional<String> missing() throws IOException, InterruptedException {
        for (String program : PROGRAMS) {
            if (!Installed.has(program)) {
                return Optional.of(program + " is not installed");
            }
        }
        if (!Files.isWritable(Path.of("/dev/fuse"))) {
            return Optional.of("/dev/fuse cannot be used");
        }
        Installed.Outcome free = Installed.run("losetup", "--find");
        return free.exitCode() == 0 ? Optional.empty() : Optional.of(free.output());
    }

    /**
     * Attaches an export.
     *
     * @param directory an empty one, for mount points
     */
    static LoopDisk attach(String uri, Path directory) throws IOException, InterruptedException {
        Path fused = Files.createDirectories(directory.resolve("fuse"));
        var _ = Files.createDirectories(directory.resolve("mnt"));
        Process fuse = Installed.command("nbdfuse", fused.resolve("disk").toString(), uri)
                .redirectOutput(directory.resolve("nbdfuse.log").toFile())
                .start();
        try {
            Path file = fused.resolve("disk");
            long deadline = System.nanoTime() + PATIENCE_NANOS;
            while (!Files.exists(file) && System.nanoTime() < deadline && fuse.isAlive()) {
                Thread.onSpinWait();
            }
            assertThat(file)
                    .as(Files.readString(directory.resolve("nbdfuse.log")))
                    .exists();
            String device = Installed.done("losetup", "--find", "--show", file.toString());
            return new LoopDisk(directory, fuse, device.strip());
        } catch (IOException | InterruptedException | RuntimeException | Error e) {
            var _ = Installed.run("umount", fused.toString());
            fuse.destroyForcibly();
            throw e;
        }
    }

    String device() {
        return device;
    }

    /** A path in the file system that is mounted. */
    Path at(String name) {
        return directory.resolve("mnt").resolve(name);
    }

    void mount() throws IOException, InterruptedException {
        var _ = Installed.done("mount", device, at("").toString());
        mounted = true;
    }

    void unmount() throws IOException, InterruptedException {
        var _ = Installed.done("umount", at("").toString());
        mounted = false;
    }

    /** Whether its server is there or not. */
    @Override
    public void close() throws IOException {
        try {
            if (mounted) {
                var _ = Installed.run("umount", at("").toString());
            }
            var _ = Installed.run("losetup", "--detach", device);
            var _ = Installed.run("umount", directory.resolve("fuse").toString());
            if (!fuse.waitFor(20, TimeUnit.SECONDS)) {
                fuse.destroyForcibly();
            }
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
        }
    }
}
