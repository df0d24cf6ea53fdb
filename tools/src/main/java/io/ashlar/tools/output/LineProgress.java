package io.ashlar.tools.output;

/** A plain line every few seconds, where nobody looks at a terminal. */
final class LineProgress implements Progress {
    private static final long INTERVAL_NANOS = 2_000_000_000L;

    private final Console console;
    private final String task;
    private final long totalBytes;
    private final long startNanos = System.nanoTime();
    private long lastNanos = startNanos;

    LineProgress(Console console, String task, long totalBytes) {
        this.console = console;
        this.task = task;
        this.totalBytes = totalBytes;
    }

    @Override
    public synchronized void reached(long doneBytes) {
        long now = System.nanoTime();
        if (now - lastNanos < INTERVAL_NANOS) {
            return;
        }
        lastNanos = now;
        String of = totalBytes > 0 ? " of " + Sizes.format(totalBytes) : "";
        console.line(task + ": " + Sizes.format(doneBytes) + of + ", "
                + Sizes.rate(doneBytes, now - startNanos));
    }

    @Override
    public void close() {}
}
