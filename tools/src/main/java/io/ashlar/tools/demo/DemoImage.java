package io.ashlar.tools.demo;

import io.ashlar.tools.output.Programs;
import io.ashlar.tools.output.Sizes;

import java.io.IOException;
import java.io.InputStream;
import java.io.RandomAccessFile;
import java.nio.file.Files;
import java.nio.file.Path;
import java.security.MessageDigest;
import java.security.NoSuchAlgorithmException;
import java.util.ArrayList;
import java.util.HexFormat;
import java.util.List;
import java.util.Optional;
import java.util.concurrent.TimeUnit;
import java.util.stream.Stream;

/**
 * A real disk image: an ext4 file system that holds the JDK this process runs on, or where no
 * mke2fs is installed, a tar archive of it.
 */
record DemoImage(
        Path file, long sizeBytes, String sha256, String description, Optional<Path> e2fsck) {
    private static final long MIN_BYTES = 256L << 20;
    private static final long ROUND_BYTES = 16L << 20;
    private static final int BUFFER_BYTES = 1 << 20;
    private static final int PATIENCE_SECONDS = 60;
    private static final int LINES_KEPT = 3;

    static DemoImage make(Path directory) throws IOException, InterruptedException {
        Path tree = Path.of(System.getProperty("java.home", "/usr"));
        Tree measured = Tree.of(tree);
        Optional<Path> mke2fs = Programs.find("mke2fs");
        Path file = directory.resolve("image");
        String what = measured.files() + " files of " + tree + " (" + Sizes.format(measured.bytes())
                + ")";
        if (mke2fs.isPresent()) {
            long size = roundUp(Math.max(MIN_BYTES, measured.bytes() / 5 * 6 + (48L << 20)));
            run(
                    mke2fs.get().toString(),
                    "-q",
                    "-F",
                    "-t",
                    "ext4",
                    "-d",
                    tree.toString(),
                    file.toString(),
                    size / 1024 + "k");
            return new DemoImage(
                    file, size, sha256(file), "ext4 image with " + what, Programs.find("e2fsck"));
        }
        Optional<Path> tar = Programs.find("tar");
        if (tar.isEmpty()) {
            throw new IOException(
                    "neither mke2fs nor tar is here to make an image with: apt-get install e2fsprogs");
        }
        run(tar.get().toString(), "-cf", file.toString(), "-C", tree.toString(), ".");
        try (RandomAccessFile opened = new RandomAccessFile(file.toFile(), "rw")) {
            opened.setLength(roundUp(Math.max(MIN_BYTES, opened.length())));
        }
        return new DemoImage(
                file,
                Files.size(file),
                sha256(file),
                "tar image (no mke2fs here) with " + what,
                Optional.empty());
    }

    private static long roundUp(long bytes) {
        return (bytes + ROUND_BYTES - 1) / ROUND_BYTES * ROUND_BYTES;
    }

    private record Tree(long files, long bytes) {
        static Tree of(Path root) throws IOException {
            try (Stream<Path> paths = Files.walk(root)) {
                List<Path> files = paths.filter(Files::isRegularFile).toList();
                long bytes = 0;
                for (Path file : files) {
                    bytes += Files.size(file);
                }
                return new Tree(files.size(), bytes);
            }
        }
    }

    /** Whether a copy of the image is the same, byte for byte as far as SHA-256 tells. */
    void requireSame(Path copy) throws IOException {
        String found = sha256(copy);
        if (!found.equals(sha256)) {
            throw new DemoFailed(
                    "the exported image differs: SHA-256 " + found + " instead of " + sha256);
        }
    }

    /** Checks the file system of a copy; what to say of it. */
    String checkFileSystem(Path copy) throws IOException, InterruptedException {
        if (e2fsck.isEmpty()) {
            return "no file system to check";
        }
        run(e2fsck.get().toString(), "-f", "-n", copy.toString());
        return "e2fsck clean";
    }

    static String sha256(Path file) throws IOException {
        MessageDigest digest;
        try {
            digest = MessageDigest.getInstance("SHA-256");
        } catch (NoSuchAlgorithmException e) {
            throw new IllegalStateException(e);
        }
        byte[] buffer = new byte[BUFFER_BYTES];
        try (InputStream in = Files.newInputStream(file)) {
            int read;
            while ((read = in.read(buffer)) > 0) {
                digest.update(buffer, 0, read);
            }
        }
        return HexFormat.of().formatHex(digest.digest());
    }

    private static void run(String... command) throws IOException, InterruptedException {
        Process process = new ProcessBuilder(command)
                .redirectErrorStream(true)
                .redirectInput(ProcessBuilder.Redirect.from(Path.of("/dev/null").toFile()))
                .start();
        List<String> lines = new ArrayList<>(process.inputReader().lines().toList());
        if (!process.waitFor(PATIENCE_SECONDS, TimeUnit.SECONDS)) {
            boolean _ = process.destroyForcibly().isAlive();
            throw new DemoFailed(command[0] + " does not end");
        }
        if (process.exitValue() != 0) {
            throw new DemoFailed(String.join(" ", command) + " ended with " + process.exitValue()
                    + ": "
                    + String.join(
                            "; ",
                            lines.subList(Math.max(0, lines.size() - LINES_KEPT), lines.size())));
        }
    }
}
