package io.ashlar.tools.command;

import static java.nio.charset.StandardCharsets.UTF_8;

import io.ashlar.tools.output.Console;

import java.io.ByteArrayOutputStream;
import java.io.InputStream;
import java.io.PrintStream;
import java.util.Map;

/** What a command line did. */
public record Ran(int exitCode, String out, String err) {

    /** Runs it in this process. */
    public static Ran of(String... args) {
        return of(Map.of(), args);
    }

    /** Runs it in this process, with these environment variables alone. */
    public static Ran of(Map<String, String> environment, String... args) {
        ByteArrayOutputStream out = new ByteArrayOutputStream();
        ByteArrayOutputStream err = new ByteArrayOutputStream();
        Console console = new Console(
                InputStream.nullInputStream(),
                new PrintStream(out, true, UTF_8),
                new PrintStream(err, true, UTF_8),
                environment,
                false);
        int exitCode = CommandTree.run(console, args);
        return new Ran(exitCode, out.toString(UTF_8), err.toString(UTF_8));
    }
}
