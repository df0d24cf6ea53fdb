package io.ashlar.tools.endtoend;

import static org.assertj.core.api.Assertions.assertThat;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import static java.nio.charset.StandardCharsets.UTF_8;

import io.ashlar.tools.output.Programs;

import java.io.IOException;
import java.util.List;
import java.util.concurrent.TimeUnit;

/** Programs that people have. A test is skipped where one is not installed. */
final class Installed {
    /** The system's first: another Python need not have what the system's has. */
    private static final String PATH = "/usr/sbin:/usr/bin:/sbin:/bin:" + System.getenv("PATH");

    private static final int PATIENCE_SECONDS = 120;

    private Installed() {}

    record Outcome(int exitCode, String output) {}

    static boolean has(String program) {
        return Programs.find(program).isPresent();
    }

    /** A process to be started. */
    static ProcessBuilder command(String... command) {
        assumeTrue(has(command[0]), command[0] + " is not installed");
        ProcessBuilder builder =
                new ProcessBuilder("env", "PATH=" + PATH).redirectErrorStream(true);
        builder.command().addAll(List.of(command));
        return builder;
    }

    /** Runs it to its end, whatever that is. */
    static Outcome run(String... command) throws IOException, InterruptedException {
        Process process = command(command).start();
        process.getOutputStream().close();
        String output = new String(process.getInputStream().readAllBytes(), UTF_8);
        assertThat(process.waitFor(PATIENCE_SECONDS, TimeUnit.SECONDS))
                .as(output)
                .isTrue();
        return new Outcome(process.exitValue(), output);
    }

    /** Runs it; it has to succeed. */
    static String done(String... command) throws IOException, InterruptedException {
        Outcome outcome = run(command);
        assertThat(outcome.exitCode)
                .as(String.join(" ", command) + ": " + outcome.output)
                .isZero();
        return outcome.output;
    }
}
