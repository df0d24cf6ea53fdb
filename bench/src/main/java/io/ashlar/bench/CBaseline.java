package io.ashlar.bench;

import java.io.BufferedReader;
import java.io.BufferedWriter;
import java.io.IOException;
import java.io.InputStream;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Objects;

/**
 * A small C program that calls ISA-L, built here from {@code isal_baseline.c} and kept waiting for
 * commands, so that its samples can alternate with those of the JVM. It is idle between them.
 */
final class CBaseline implements AutoCloseable {
    private static final String SOURCE = "isal_baseline.c";

    private final Path directory;
    private final Process process;
    private final BufferedWriter commands;
    private final BufferedReader answers;
    private final String version;

    private CBaseline(Path directory, Process process) throws IOException {
        this.directory = directory;
        this.process = process;
        this.commands = process.outputWriter(StandardCharsets.US_ASCII);
        this.answers = process.inputReader(StandardCharsets.US_ASCII);
        this.version = readAnswer();
    }

    /**
     * Builds and starts the program.
     *
     * @throws IOException when there is no gcc, or no libisal with its headers, with what they said
     */
    static CBaseline start() throws IOException {
        Path directory = Files.createTempDirectory("ashlar-baseline");
        try {
            Path program = build(directory);
            return new CBaseline(directory, new ProcessBuilder(program.toString()).start());
        } catch (IOException failure) {
            delete(directory);
            throw failure;
        }
    }

    private static Path build(Path directory) throws IOException {
        Path source = directory.resolve(SOURCE);
        Path program = directory.resolve("isal_baseline");
        try (InputStream stream = CBaseline.class.getResourceAsStream(SOURCE)) {
            Files.copy(Objects.requireNonNull(stream, SOURCE), source);
        }
        Process gcc = new ProcessBuilder(
                        "gcc", "-O2", "-o", program.toString(), source.toString(), "-lisal")
                .redirectErrorStream(true)
                .start();
        String output = new String(gcc.getInputStream().readAllBytes(), StandardCharsets.UTF_8);
        if (waitFor(gcc) != 0) {
            throw new IOException("gcc: " + output.lines().findFirst().orElse("failed"));
        }
        return program;
    }

    /** The version of ISA-L whose headers it was built with. */
    String version() {
        return version;
    }

    /**
     * Runs an operation for about that long, and a quarter of it beforehand, unmeasured; in cells
     * allocated anew.
     */
    double gigabytesPerSecond(Operation operation, CodeShape shape, int cellBytes, int milliseconds)
            throws IOException {
        String[] answer = ask(operation, shape, cellBytes, "ms " + milliseconds);
        double codedBytes = Double.parseDouble(answer[0]) * shape.k() * cellBytes;
        return codedBytes / Double.parseDouble(answer[1]);
    }

    /** Runs an operation so many times, in the cells of the call before where the shape is the same. */
    void repeat(Operation operation, CodeShape shape, int cellBytes, int calls) throws IOException {
        var _ = ask(operation, shape, cellBytes, "calls " + calls);
    }

    /** How many calls it made and how many nanoseconds they took. */
    private String[] ask(Operation operation, CodeShape shape, int cellBytes, String amount)
            throws IOException {
        commands.write(operation.label() + " " + shape.k() + " " + shape.m() + " " + cellBytes + " "
                + amount + "\n");
        commands.flush();
        return readAnswer().split(" ", 2);
    }

    private String readAnswer() throws IOException {
        String answer = answers.readLine();
        if (answer == null) {
            throw new IOException("the C baseline ended with status " + waitFor(process));
        }
        return answer;
    }

    @Override
    public void close() throws IOException {
        commands.close();
        waitFor(process);
        delete(directory);
    }

    private static int waitFor(Process process) throws IOException {
        try {
            return process.waitFor();
        } catch (InterruptedException interruption) {
            Thread.currentThread().interrupt();
            process.destroy();
            throw new IOException("interrupted", interruption);
        }
    }

    private static void delete(Path directory) throws IOException {
        try (var files = Files.list(directory)) {
            for (Path file : files.toList()) {
                Files.delete(file);
            }
        }
        Files.delete(directory);
    }
}
