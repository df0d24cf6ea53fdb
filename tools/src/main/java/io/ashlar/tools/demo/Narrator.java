package io.ashlar.tools.demo;

import io.ashlar.tools.output.Console;
import io.ashlar.tools.output.Sizes;

import java.util.LinkedHashMap;
import java.util.Locale;
import java.util.Map;

/** Tells the story: a line for each step, with its figures, when it is over. */
final class Narrator {
    private final Console console;
    private final long startNanos = System.nanoTime();
    private long stepNanos = startNanos;
    private int steps;

    Narrator(Console console) {
        this.console = console;
    }

    /** The step that began when the one before was told is done. */
    void done(String name, String text, Map<String, ?> figures) {
        long now = System.nanoTime();
        long took = now - stepNanos;
        stepNanos = now;
        steps++;
        console.line(String.format(
                Locale.ROOT, "%2d  %-9s %s  [%s]", steps, name, text, Sizes.seconds(took)));
        if (console.isJson()) {
            Map<String, Object> object = new LinkedHashMap<>();
            object.put("step", name);
            object.put("text", text);
            object.put("seconds", Math.round(took / 1e6) / 1e3);
            object.putAll(figures);
            console.json(object);
        }
    }

    void end(String text) {
        long took = System.nanoTime() - startNanos;
        console.line("every check held: " + text + " in " + Sizes.seconds(took));
        if (console.isJson()) {
            console.json(
                    Map.of("step", "end", "ok", true, "seconds", Math.round(took / 1e6) / 1e3));
        }
    }
}
