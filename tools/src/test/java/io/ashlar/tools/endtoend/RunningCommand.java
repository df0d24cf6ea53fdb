package io.ashlar.tools.endtoend;

import static org.assertj.core.api.Assertions.assertThat;

import static java.nio.charset.StandardCharsets.UTF_8;

import io.ashlar.tools.command.CommandTree;
import io.ashlar.tools.command.Ran;
import io.ashlar.tools.output.Console;

import java.io.ByteArrayOutputStream;
import java.io.InputStream;
import java.io.PrintStream;
import java.util.Map;
import java.util.concurrent.CompletableFuture;

/** A command line that runs in a thread of this process, and what it has said by now. */
final class RunningCommand implements AutoCloseable {
    private static final long PATIENCE_NANOS = 60_000_000_000L;

    private final ByteArrayOutputStream out = new ByteArrayOutputStream();
    private final ByteArrayOutputStream err = new ByteArrayOutputStream();
    private final CompletableFuture<Integer> exitCode;

    private RunningCommand(InputStream in, String... args) {
        Console console = new Console(
                in,
                new PrintStream(out, true, UTF_8),
                new PrintStream(err, true, UTF_8),
                Map.of(),
                false);
        // Not in the common pool, which has to tell of processes that end.
        exitCode = CompletableFuture.supplyAsync(
                () -> CommandTree.run(console, args), task -> new Thread(task, "command").start());
    }

    static RunningCommand start(InputStream in, String... args) {
        return new RunningCommand(in, args);
    }

    /** Waits until this stands on its standard error. */
    void awaitError(String text) {
        long deadline = System.nanoTime() + PATIENCE_NANOS;
        while (!err.toString(UTF_8).contains(text)
                && !exitCode.isDone()
                && System.nanoTime() < deadline) {
            Thread.onSpinWait();
        }
        assertThat(err.toString(UTF_8)).contains(text);
    }

    /** Waits for its end. */
    Ran await() {
        int code = exitCode.orTimeout(PATIENCE_NANOS, java.util.concurrent.TimeUnit.NANOSECONDS)
                .join();
        return new Ran(code, out.toString(UTF_8), err.toString(UTF_8));
    }

    @Override
    public void close() {
        var _ = exitCode.cancel(true);
    }
}
