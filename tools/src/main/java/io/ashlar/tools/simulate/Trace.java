package io.ashlar.tools.simulate;

import static java.nio.charset.StandardCharsets.UTF_8;

import java.io.PrintStream;
import java.security.MessageDigest;
import java.security.NoSuchAlgorithmException;
import java.util.ArrayDeque;
import java.util.Deque;
import java.util.HexFormat;
import java.util.List;

/**
 * What happened, line by line: its digest tells whether two runs were the same, its last lines tell
 * what led to a violation.
 */
final class Trace {
    private static final int LINES_KEPT = 60;
    private static final int NANOS_PER_MICRO = 1000;

    private final MessageDigest digest;
    private final PrintStream out;
    private final boolean printing;
    private final Deque<String> last = new ArrayDeque<>();
    private long lineCount;

    /**
     * A trace.
     *
     * @param out where all lines go as they come, if they are to be printed
     */
    Trace(PrintStream out, boolean printing) {
        this.out = out;
        this.printing = printing;
        try {
            this.digest = MessageDigest.getInstance("SHA-256");
        } catch (NoSuchAlgorithmException e) {
            throw new IllegalStateException("every JDK has SHA-256", e);
        }
    }

    void add(long nowNanos, String what) {
        String line = nowNanos / NANOS_PER_MICRO + " " + what;
        digest.update(line.getBytes(UTF_8));
        digest.update((byte) '\n');
        lineCount++;
        last.addLast(line);
        if (last.size() > LINES_KEPT) {
            last.removeFirst();
        }
        if (printing) {
            out.println(line);
        }
    }

    long lineCount() {
        return lineCount;
    }

    /** The last lines, oldest first. */
    List<String> last() {
        return List.copyOf(last);
    }

    /** Of all lines; once, at the end. */
    String digest() {
        return HexFormat.of().formatHex(digest.digest());
    }
}
