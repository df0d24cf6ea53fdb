package io.ashlar.tools.output;

import com.fasterxml.jackson.jr.ob.JSON;

import java.io.IOException;
import java.io.InputStream;
import java.io.PrintStream;
import java.io.UncheckedIOException;
import java.util.Map;

/**
 * Where a command reads and prints. People's lines go to standard output unless it carries JSON or
 * exported bytes; reasons of failures go to standard error.
 */
public final class Console {
    private final InputStream in;
    private final PrintStream out;
    private final PrintStream err;
    private final Map<String, String> environment;
    private final boolean terminal;
    private boolean json;
    private boolean quiet;

    public Console(
            InputStream in,
            PrintStream out,
            PrintStream err,
            Map<String, String> environment,
            boolean terminal) {
        this.in = in;
        this.out = out;
        this.err = err;
        this.environment = environment;
        this.terminal = terminal;
    }

    /** The process's own streams. */
    public static Console ofProcess() {
        return new Console(
                System.in,
                System.out,
                System.err,
                System.getenv(),
                Boolean.getBoolean("ashlar.terminal"));
    }

    public void setJson(boolean json) {
        this.json = json;
    }

    public boolean isJson() {
        return json;
    }

    /** From here on standard output carries bytes: lines for people go nowhere. */
    public void reserveStandardOutput() {
        quiet = true;
    }

    /** A line for people. */
    public void line(String text) {
        if (!json && !quiet) {
            out.println(text);
            out.flush();
        }
    }

    /** One JSON object on a line of its own, whatever the mode. */
    public void json(Map<String, ?> object) {
        try {
            out.println(JSON.std.with(JSON.Feature.WRITE_NULL_PROPERTIES).asString(object));
            out.flush();
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    /** The reason of a failure, on one line. */
    public void error(String text) {
        err.println("ashlar: " + text.strip().replaceAll("\\s*\\R\\s*", "; "));
        err.flush();
    }

    /** What a person has to know while a command goes on, whatever standard output carries. */
    public void notice(String text) {
        err.println(text);
        err.flush();
    }

    /** Begins to show the progress of work on this many units; close it at the end. */
    public Progress progress(String task, long totalBytes) {
        if (terminal && !quiet) {
            return new BarProgress(err, task, totalBytes);
        }
        return new LineProgress(this, task, totalBytes);
    }

    public String environment(String name, String otherwise) {
        String value = environment.get(name);
        return value == null || value.isEmpty() ? otherwise : value;
    }

    public InputStream in() {
        return in;
    }

    public PrintStream out() {
        return out;
    }

    public PrintStream err() {
        return err;
    }
}
