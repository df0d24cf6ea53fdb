package io.ashlar.tools.cluster;

import io.ashlar.client.AshlarException;
import io.ashlar.tools.cluster.ClusterFile.Member;

import java.io.File;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.Optional;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.TimeoutException;
import java.util.concurrent.locks.LockSupport;

/**
 * The operating system's process of a member: started in a session of its own, so that it outlives
 * the command and the terminal, with its output in a log in the member's directory.
 */
final class ServerProcess {
    static final String CONFIGURATION = "config.properties";
    static final String LOG = "log";

    private static final List<String> JVM_FLAGS = List.of(
            "--add-modules=jdk.incubator.vector",
            "--enable-native-access=ALL-UNNAMED",
            "--sun-misc-unsafe-memory-access=allow",
            "-XX:+UseSerialGC",
            "-XX:-UsePerfData",
            "-XX:+ExitOnOutOfMemoryError");
    private static final List<String> NODE_MEMORY =
            List.of("-Xmx128m", "-XX:MaxDirectMemorySize=256m");
    private static final List<String> COORDINATOR_MEMORY =
            List.of("-Xmx384m", "-XX:MaxDirectMemorySize=256m");
    private static final int LOG_LINES_SHOWN = 1;

    /** While a program takes the place of another in a process, the system shows no command line. */
    private static final Duration EXEC_PATIENCE = Duration.ofSeconds(1);

    private static final Duration EXEC_PAUSE = Duration.ofMillis(1);

    private ServerProcess() {}

    /** What a member is; its name is that of the command. */
    enum Kind {
        COORDINATOR,
        NODE;

        private List<String> memory() {
            return switch (this) {
                case COORDINATOR -> COORDINATOR_MEMORY;
                case NODE -> NODE_MEMORY;
            };
        }

        private String command() {
            return name().toLowerCase(Locale.ROOT);
        }
    }

    /** Starts it; the process id. */
    static long start(Kind kind, Member member) throws IOException {
        List<String> command = new ArrayList<>();
        Path setsid = Path.of("/usr/bin/setsid");
        if (Files.isExecutable(setsid)) {
            command.add(setsid.toString());
        }
        command.add(Path.of(System.getProperty("java.home", ""), "bin", "java").toString());
        command.addAll(JVM_FLAGS);
        command.addAll(kind.memory());
        String cache = System.getProperty("ashlar.coding.cache", "");
        if (!cache.isEmpty() && Files.exists(Path.of(cache))) {
            command.addAll(List.of("-XX:AOTCache=" + cache, "-Xlog:aot=off", "-Xlog:cds=off"));
        }
        command.add(mark(member));
        command.addAll(List.of("-cp", classPath(), "io.ashlar.tools.Main"));
        command.addAll(
                List.of(kind.command(), "run", "--config", configuration(member).toString()));
        File log = member.directory().resolve(LOG).toFile();
        Process process = new ProcessBuilder(command)
                .directory(member.directory().toFile())
                .redirectInput(new File("/dev/null"))
                .redirectErrorStream(true)
                .redirectOutput(ProcessBuilder.Redirect.appendTo(log))
                .start();
        return process.pid();
    }

    private static String classPath() {
        String named = System.getProperty("ashlar.class.path");
        return named != null ? named : System.getProperty("java.class.path", "");
    }

    static Path configuration(Member member) {
        return member.directory().resolve(CONFIGURATION);
    }

    /** The flag that tells a member's process; the system shows only the first 4 KiB of them. */
    private static String mark(Member member) {
        return "-XX:ErrorFile=" + member.directory().resolve("hs_err_pid%p.log");
    }

    /**
     * The member's running process. Its id may have been given to another program since; one that
     * was killed and not yet waited for still has its id, and no command line.
     */
    static Optional<ProcessHandle> find(Member member) {
        return ProcessHandle.of(member.pid())
                .filter(process -> commandLine(process).contains(mark(member)));
    }

    /** Empty where it has ended. */
    private static String commandLine(ProcessHandle process) {
        long deadline = System.nanoTime() + EXEC_PATIENCE.toNanos();
        String line = "";
        while (line.isEmpty() && process.isAlive() && System.nanoTime() < deadline) {
            line = process.info().commandLine().orElse("");
            if (line.isEmpty()) {
                LockSupport.parkNanos(EXEC_PAUSE.toNanos());
            }
        }
        return line;
    }

    /** Asks it to end (SIGTERM) and waits; whether it did. */
    static boolean stop(ProcessHandle process, Duration patience) throws InterruptedException {
        boolean _ = process.destroy();
        try {
            process.onExit().get(patience.toMillis(), TimeUnit.MILLISECONDS);
            return true;
        } catch (TimeoutException e) {
            return false;
        } catch (java.util.concurrent.ExecutionException e) {
            throw new IllegalStateException(e);
        }
    }

    static void signal(String name, ProcessHandle process)
            throws IOException, InterruptedException {
        int code = new ProcessBuilder("kill", "-" + name, String.valueOf(process.pid()))
                .inheritIO()
                .start()
                .waitFor();
        if (code != 0) {
            throw new IOException("kill -" + name + " of process " + process.pid() + " failed");
        }
    }

    /** Why it died, as its log's end has it. */
    static AshlarException diedEarly(Member member) throws IOException {
        Path log = member.directory().resolve(LOG);
        String reason = "";
        if (Files.exists(log)) {
            List<String> lines = Files.readAllLines(log).stream()
                    .filter(line -> line.startsWith("ashlar: ") || line.contains("Error"))
                    .toList();
            reason = String.join(
                    "; ", lines.subList(Math.max(0, lines.size() - LOG_LINES_SHOWN), lines.size()));
        }
        return new AshlarException.Unavailable(member.id() + " ended at its start"
                + (reason.isEmpty() ? "" : " (" + reason + ")") + ", see " + log);
    }
}
