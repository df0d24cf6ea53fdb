package io.ashlar.tools.command;

import io.ashlar.ec.Kernel;
import io.ashlar.tools.output.Programs;
import io.ashlar.tools.output.Sizes;

import picocli.CommandLine.Command;
import picocli.CommandLine.Option;

import java.io.IOException;
import java.net.InetAddress;
import java.net.ServerSocket;
import java.nio.ByteBuffer;
import java.nio.channels.FileChannel;
import java.nio.file.FileStore;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.time.Instant;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.OptionalDouble;

@Command(
        name = "doctor",
        description = "What this machine offers, what is missing, and what would be faster.")
final class DoctorCommand extends Leaf {
    private static final int SYNC_COUNT = 64;
    private static final long ENOUGH_SPACE_BYTES = 4L << 30;
    private static final long ENOUGH_FILES = 4096;
    private static final int FIRST_PORT = 7400;
    private static final int PORT_COUNT = 7;

    @Option(names = "--dir", paramLabel = "DIR", description = "where drives would be (default: .)")
    private Path directory = Path.of(".");

    private final Map<String, Object> findings = new LinkedHashMap<>();
    private final List<String> advice = new ArrayList<>();

    @Override
    protected int run() throws IOException {
        java();
        kernels();
        drive();
        ports();
        clock();
        programs();
        limits();
        for (String one : advice) {
            console().line("advice    " + one);
        }
        if (advice.isEmpty()) {
            console().line("advice    nothing: all is as it should be");
        }
        findings.put("advice", advice);
        if (console().isJson()) {
            console().json(findings);
        }
        return CommandTree.DONE;
    }

    private void report(String subject, Map<String, ?> figures, String text) {
        findings.put(subject, figures);
        console().line(String.format(Locale.ROOT, "%-9s %s", subject, text));
    }

    private void java() {
        String version = Runtime.version().toString();
        String home = System.getProperty("java.home", "");
        int processors = Runtime.getRuntime().availableProcessors();
        report(
                "java",
                Map.of("version", version, "home", home, "processors", processors),
                "JDK " + version + " at " + home + ", " + processors + " processors");
    }

    private void kernels() {
        List<Map<String, Object>> measured = new ArrayList<>();
        StringBuilder text = new StringBuilder();
        for (Kernel kernel : Kernel.available()) {
            OptionalDouble rate = KernelProbe.encodeGigabytesPerSecond(kernel);
            Map<String, Object> one = new LinkedHashMap<>();
            one.put("name", kernel.name());
            rate.ifPresent(figure -> one.put("encodeGigabytesPerSecond", figure));
            measured.add(one);
            text.append(", ").append(kernel.name());
            text.append(
                    rate.isPresent()
                            ? String.format(Locale.ROOT, " %.1f GB/s", rate.getAsDouble())
                            : " not compiled in time for a figure");
        }
        String chosen = Kernel.chosen().name();
        report(
                "kernel",
                Map.of("chosen", chosen, "available", measured),
                chosen + " is used (rs-4-2, 64 KiB cells, one thread" + text + ")");
        if (Kernel.available().stream().noneMatch(kernel -> kernel.name().equals("isal"))) {
            advice.add("install ISA-L, coding will be faster: apt-get install libisal2"
                    + " (Debian, Ubuntu), dnf install isa-l (Fedora)");
        }
    }

    private void drive() throws IOException {
        FileStore store = Files.getFileStore(directory);
        long free = store.getUsableSpace();
        String figures = Sizes.format(free) + " free at "
                + directory.toAbsolutePath().normalize() + " (" + store.type() + ")";
        Map<String, Object> json = new LinkedHashMap<>();
        json.put("path", directory.toAbsolutePath().normalize().toString());
        json.put("type", store.type());
        json.put("freeBytes", free);
        if (Files.isWritable(directory)) {
            long micros = syncMicros();
            json.put("sync4kP50Micros", micros);
            figures += ", 4 KiB write and sync " + micros + " us";
        } else {
            figures += ", not writable";
        }
        report("drive", json, figures);
        if (free < ENOUGH_SPACE_BYTES) {
            advice.add(
                    "less than " + Sizes.format(ENOUGH_SPACE_BYTES) + " free: the demo needs them");
        }
    }

    private long syncMicros() throws IOException {
        Path file = Files.createTempFile(directory, ".ashlar-doctor", ".tmp");
        try (FileChannel channel = FileChannel.open(file, StandardOpenOption.WRITE)) {
            long[] nanos = new long[SYNC_COUNT];
            ByteBuffer block = ByteBuffer.allocateDirect(4096);
            for (int i = 0; i < nanos.length; i++) {
                long start = System.nanoTime();
                channel.write(block.clear(), (long) (i % 4) * 4096);
                channel.force(false);
                nanos[i] = System.nanoTime() - start;
            }
            Arrays.sort(nanos);
            return nanos[nanos.length / 2] / 1000;
        } finally {
            Files.delete(file);
        }
    }

    private void ports() {
        List<Integer> occupied = new ArrayList<>();
        for (int port = FIRST_PORT; port < FIRST_PORT + PORT_COUNT; port++) {
            try (ServerSocket socket =
                    new ServerSocket(port, 1, InetAddress.getLoopbackAddress())) {
                socket.setReuseAddress(true);
            } catch (IOException e) {
                occupied.add(port);
            }
        }
        String range = FIRST_PORT + " to " + (FIRST_PORT + PORT_COUNT - 1);
        report(
                "ports",
                Map.of("occupied", occupied),
                occupied.isEmpty()
                        ? range + " are free"
                        : "occupied: " + occupied
                                + " (a running cluster, or choose with up --port)");
    }

    private void clock() throws IOException {
        Path source = Path.of("/sys/devices/system/clocksource/clocksource0/current_clocksource");
        String name = Files.isReadable(source) ? Files.readString(source).strip() : "unknown";
        boolean synchronised = Files.exists(Path.of("/run/systemd/timesync/synchronized"))
                || Files.exists(Path.of("/run/chrony"));
        report(
                "clock",
                Map.of(
                        "now",
                        Instant.now().toString(),
                        "source",
                        name,
                        "synchronised",
                        synchronised),
                Instant.now() + ", source " + name + ", "
                        + (synchronised ? "synchronised" : "no time service seen")
                        + " (only reports depend on it)");
        if (name.equals("acpi_pm") || name.equals("hpet")) {
            advice.add("the clock source " + name
                    + " is slow: boot with clocksource=tsc if it is stable");
        }
    }

    private void programs() {
        List<String> missing = new ArrayList<>();
        for (String program : List.of("mke2fs", "e2fsck")) {
            if (Programs.find(program).isEmpty()) {
                missing.add(program);
            }
        }
        report(
                "programs",
                Map.of("missing", missing),
                missing.isEmpty() ? "mke2fs and e2fsck are there" : "missing: " + missing);
        if (!missing.isEmpty()) {
            advice.add(
                    "install e2fsprogs, the demo then uses a real ext4 image: apt-get install e2fsprogs");
        }
    }

    private void limits() throws IOException {
        Path file = Path.of("/proc/self/limits");
        if (!Files.isReadable(file)) {
            return;
        }
        for (String line : Files.readAllLines(file)) {
            if (line.startsWith("Max open files")) {
                String soft = line.substring("Max open files".length()).strip().split("\\s+", 2)[0];
                report("limits", Map.of("openFiles", soft), soft + " open files a process");
                if (!soft.equals("unlimited") && Long.parseLong(soft) < ENOUGH_FILES) {
                    advice.add("raise the limit of open files to " + ENOUGH_FILES + " (ulimit -n)");
                }
            }
        }
    }
}
