package io.ashlar.tools.crash;

import java.io.BufferedReader;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.ByteBuffer;
import java.nio.channels.FileChannel;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.time.Duration;
import java.util.List;
import java.util.concurrent.TimeoutException;

/**
 * What a client has issued and what it was told, in a file outside the cluster. A line counts once it
 * is synced. It is kept by another process than the client, which may die at any line: a
 * {@link StampWriter} and a {@link VolumeMaker} say what they issue before they issue it.
 */
final class Journal {
    private static final int BATCH_BYTES = 1 << 16;

    private final FileChannel file;
    private final Thread keeper;
    private long acknowledged;
    private boolean ended;

    private Journal(Path path, BufferedReader lines) throws IOException {
        this.file = FileChannel.open(path, StandardOpenOption.CREATE, StandardOpenOption.APPEND);
        this.keeper = Thread.ofPlatform().name("journal").start(() -> keep(lines));
    }

    /** Begins to keep what the writer says, after what stands in the file. */
    static Journal keep(Path path, Process writer) throws IOException {
        return new Journal(path, writer.inputReader(StandardCharsets.UTF_8));
    }

    /** Begins anew with these lines, when no journal is kept there. */
    static void begin(Path path, List<String> lines) throws IOException {
        try (FileChannel file = FileChannel.open(
                path,
                StandardOpenOption.CREATE,
                StandardOpenOption.WRITE,
                StandardOpenOption.TRUNCATE_EXISTING)) {
            append(file, String.join("", lines.stream().map(line -> line + "\n").toList()));
        }
    }

    /** Adds one line, when no journal is kept there. */
    static void add(Path path, String line) throws IOException {
        try (FileChannel file =
                FileChannel.open(path, StandardOpenOption.CREATE, StandardOpenOption.APPEND)) {
            append(file, line + "\n");
        }
    }

    private static void append(FileChannel file, String text) throws IOException {
        ByteBuffer bytes = ByteBuffer.wrap(text.getBytes(StandardCharsets.UTF_8));
        while (bytes.hasRemaining()) {
            file.write(bytes);
        }
        file.force(false);
    }

    private void keep(BufferedReader lines) {
        try (file) {
            StringBuilder batch = new StringBuilder();
            int acknowledgedInBatch = 0;
            String line = lines.readLine();
            while (line != null) {
                batch.append(line).append('\n');
                acknowledgedInBatch += line.startsWith("acknowledged ") ? 1 : 0;
                if (!lines.ready() || batch.length() >= BATCH_BYTES) {
                    append(file, batch.toString());
                    count(acknowledgedInBatch);
                    batch.setLength(0);
                    acknowledgedInBatch = 0;
                }
                line = lines.readLine();
            }
            append(file, batch.toString());
            count(acknowledgedInBatch);
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        } finally {
            end();
        }
    }

    private synchronized void count(int more) {
        acknowledged += more;
        notifyAll();
    }

    private synchronized void end() {
        ended = true;
        notifyAll();
    }

    synchronized long acknowledged() {
        return acknowledged;
    }

    /** Waits until so many are acknowledged; false where they are not within the time. */
    synchronized boolean awaitAcknowledged(long count, Duration patience)
            throws InterruptedException {
        long deadline = System.nanoTime() + patience.toNanos();
        while (acknowledged < count && !ended) {
            long left = (deadline - System.nanoTime()) / 1_000_000;
            if (left <= 0) {
                return false;
            }
            wait(left);
        }
        return acknowledged >= count;
    }

    /** Waits until the writer has said its last. */
    void awaitEnd(Duration patience) throws InterruptedException, TimeoutException {
        if (!keeper.join(patience)) {
            throw new TimeoutException("the writer has not ended within " + patience);
        }
    }
}
