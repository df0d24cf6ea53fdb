package io.ashlar.tools.crash;

import static java.lang.foreign.ValueLayout.ADDRESS;
import static java.lang.foreign.ValueLayout.JAVA_INT;
import static java.lang.foreign.ValueLayout.JAVA_LONG;

import io.ashlar.tools.output.Programs;

import java.io.IOException;
import java.io.RandomAccessFile;
import java.lang.foreign.Arena;
import java.lang.foreign.FunctionDescriptor;
import java.lang.foreign.Linker;
import java.lang.foreign.MemorySegment;
import java.lang.invoke.MethodHandle;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.stream.Stream;

/**
 * A drive whose power can be cut: an ext4 file system in a file, mounted through a loop device. When
 * the power fails the kernel shuts the file system down without flushing its journal or its data,
 * so what nobody had synced is gone when it is mounted again, and what was synced is there. (The loop
 * device itself keeps what reached it, as a drive does whose cache has a battery: what this drive
 * loses is the page cache.)
 */
final class CuttableDrive implements AutoCloseable {
    /** {@code _IOR('X', 125, __u32)}: FS_IOC_SHUTDOWN of ext4, xfs and others. */
    private static final long SHUTDOWN = 0x8004587dL;

    private static final int WITHOUT_FLUSHING_THE_JOURNAL = 2;
    private static final int READ_ONLY_DIRECTORY = 0;
    private static final List<String> PROGRAMS = List.of("mkfs.ext4", "mount", "umount");

    private final Path image;
    private final Path mountPoint;
    private boolean mounted;

    private CuttableDrive(Path image, Path mountPoint) {
        this.image = image;
        this.mountPoint = mountPoint;
    }

    /** Why there are no such drives on this machine; empty where there are. */
    static Optional<String> missing(Path scratch) throws IOException, InterruptedException {
        for (String program : PROGRAMS) {
            if (Programs.find(program).isEmpty()) {
                return Optional.of("there is no " + program);
            }
        }
        Path mountPoint = Files.createDirectories(scratch.resolve("probe"));
        try (CuttableDrive probe = format(scratch.resolve("probe.ext4"), mountPoint, 8 << 20)) {
            probe.cutPower();
            return Optional.empty();
        } catch (IOException e) {
            return Optional.of(String.valueOf(e.getMessage()));
        }
    }

    /** A new, empty one, with its power on, that is seen at the mount point. */
    static CuttableDrive format(Path image, Path mountPoint, long sizeBytes)
            throws IOException, InterruptedException {
        try (RandomAccessFile file = new RandomAccessFile(image.toFile(), "rw")) {
            file.setLength(sizeBytes);
        }
        run(
                "mkfs.ext4",
                "-q",
                "-F",
                "-m",
                "0",
                "-E",
                "lazy_itable_init=0,lazy_journal_init=0,nodiscard",
                image.toString());
        CuttableDrive drive = new CuttableDrive(image, mountPoint);
        drive.powerOn();
        return drive;
    }

    boolean isOn() {
        return mounted;
    }

    /** Nobody may have a file of it open. */
    void cutPower() throws IOException, InterruptedException {
        shutDown();
        unmount();
    }

    void powerOn() throws IOException, InterruptedException {
        run("mount", "-o", "loop,noatime", image.toString(), mountPoint.toString());
        mounted = true;
    }

    private void unmount() throws IOException, InterruptedException {
        run("umount", mountPoint.toString());
        mounted = false;
    }

    /** The Java library has no call for it. */
    @SuppressWarnings("restricted")
    private void shutDown() throws IOException {
        Linker linker = Linker.nativeLinker();
        MethodHandle open = linker.downcallHandle(
                linker.defaultLookup().findOrThrow("open"),
                FunctionDescriptor.of(JAVA_INT, ADDRESS, JAVA_INT),
                Linker.Option.firstVariadicArg(2));
        MethodHandle ioctl = linker.downcallHandle(
                linker.defaultLookup().findOrThrow("ioctl"),
                FunctionDescriptor.of(JAVA_INT, JAVA_INT, JAVA_LONG, ADDRESS),
                Linker.Option.firstVariadicArg(2));
        MethodHandle close = linker.downcallHandle(
                linker.defaultLookup().findOrThrow("close"),
                FunctionDescriptor.of(JAVA_INT, JAVA_INT));
        try (Arena arena = Arena.ofConfined()) {
            MemorySegment how = arena.allocateFrom(JAVA_INT, WITHOUT_FLUSHING_THE_JOURNAL);
            int directory = (int) open.invokeExact(
                    arena.allocateFrom(mountPoint.toString()), READ_ONLY_DIRECTORY);
            int refused = directory < 0 ? -1 : (int) ioctl.invokeExact(directory, SHUTDOWN, how);
            int unclosed = directory < 0 ? -1 : (int) close.invokeExact(directory);
            if (refused != 0 || unclosed != 0) {
                throw new IOException("the file system at " + mountPoint + " cannot be shut down");
            }
        } catch (IOException | RuntimeException | Error e) {
            throw e;
        } catch (Throwable e) {
            throw new IllegalStateException(e);
        }
    }

    private static void run(String program, String... arguments)
            throws IOException, InterruptedException {
        List<String> command = new ArrayList<>();
        command.add(Programs.find(program).orElseThrow().toString());
        Stream.of(arguments).forEach(command::add);
        Process process = new ProcessBuilder(command).redirectErrorStream(true).start();
        String said = new String(process.getInputStream().readAllBytes(), StandardCharsets.UTF_8);
        if (process.waitFor() != 0) {
            throw new IOException(String.join(" ", command) + ": " + said.strip());
        }
    }

    @Override
    public void close() throws IOException {
        try {
            if (mounted) {
                unmount();
            }
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
        }
    }
}
