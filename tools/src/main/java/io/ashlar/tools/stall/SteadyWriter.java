package io.ashlar.tools.stall;

import io.ashlar.client.AshlarException;
import io.ashlar.client.Volume;

import org.jspecify.annotations.Nullable;

import java.nio.ByteBuffer;
import java.time.Duration;

/**
 * Writes block after block of a volume, a few at a time, without a pause, and knows the longest time
 * in which none was acknowledged. Every block says which write made it, so what was acknowledged can
 * be read back.
 */
public final class SteadyWriter implements AutoCloseable {
    private static final int BLOCK_BYTES = Volume.BLOCK_BYTES;
    private static final int DEPTH = 8;
    private static final int READ_BLOCKS = 256;

    private final Volume volume;
    private final int blockCount;
    private long issued;
    private long acknowledged;
    private long lastNanos;
    private long longestNanos;
    private boolean stopping;
    private @Nullable Throwable failure;

    private SteadyWriter(Volume volume) {
        this.volume = volume;
        this.blockCount = Math.toIntExact(volume.sizeBytes() / BLOCK_BYTES);
        if (blockCount < DEPTH) {
            throw new IllegalArgumentException(
                    "a volume of " + blockCount + " blocks, expected " + DEPTH + " or more");
        }
    }

    /** Begins to overwrite the volume, which stays the caller's. */
    public static SteadyWriter start(Volume volume) {
        SteadyWriter writer = new SteadyWriter(volume);
        writer.begin();
        return writer;
    }

    private synchronized void begin() {
        lastNanos = System.nanoTime();
        for (int i = 0; i < DEPTH; i++) {
            issue();
        }
    }

    private synchronized void issue() {
        long number = issued++;
        var _ = volume.writeAsync(number % blockCount * BLOCK_BYTES, filled(number))
                .whenComplete((done, cause) -> ended(cause));
    }

    private synchronized void ended(@Nullable Throwable cause) {
        long now = System.nanoTime();
        longestNanos = Math.max(longestNanos, now - lastNanos);
        lastNanos = now;
        acknowledged++;
        if (cause != null && failure == null) {
            failure = cause;
        }
        if (failure == null && !stopping) {
            issue();
        }
        notifyAll();
    }

    /** Forgets the gaps so far, but for one that lasts. */
    public synchronized void beginMeasuring() {
        longestNanos = 0;
    }

    /** The longest time without an acknowledgement, the one that lasts included. */
    public synchronized Duration longestGap() {
        return Duration.ofNanos(Math.max(longestNanos, System.nanoTime() - lastNanos));
    }

    public synchronized long acknowledged() {
        return acknowledged;
    }

    /** Waits until so many more are acknowledged. */
    public synchronized void awaitMore(long count, Duration patience)
            throws AshlarException, InterruptedException {
        await(acknowledged + count, patience);
    }

    private void await(long count, Duration patience) throws AshlarException, InterruptedException {
        long deadline = System.nanoTime() + patience.toNanos();
        while (acknowledged < count && failure == null) {
            long leftMillis = (deadline - System.nanoTime()) / 1_000_000;
            if (leftMillis <= 0) {
                throw new AshlarException.Unavailable("of " + count + " writes " + acknowledged
                        + " are acknowledged, and no more within " + patience.toSeconds() + " s");
            }
            wait(leftMillis);
        }
        if (failure != null) {
            throw new AshlarException.Unavailable("a write failed: " + failure.getMessage());
        }
    }

    /** Ends it, and reads back what it wrote last; how many bytes that are. */
    public long stopAndVerify(Duration patience) throws AshlarException, InterruptedException {
        long count;
        synchronized (this) {
            stopping = true;
            count = issued;
            await(count, patience);
        }
        int written = (int) Math.min(count, blockCount);
        for (int first = 0; first < written; first += READ_BLOCKS) {
            verify(first, Math.min(READ_BLOCKS, written - first), count);
        }
        return (long) written * BLOCK_BYTES;
    }

    private void verify(int first, int blocks, long count) throws AshlarException {
        ByteBuffer found = ByteBuffer.allocate(blocks * BLOCK_BYTES);
        volume.read((long) first * BLOCK_BYTES, found);
        for (int i = 0; i < blocks; i++) {
            long block = (long) first + i;
            long last = block + (count - 1 - block) / blockCount * blockCount;
            if (!found.slice(i * BLOCK_BYTES, BLOCK_BYTES).equals(filled(last))) {
                throw new AshlarException.Corrupt("block " + block + " does not hold write " + last
                        + ", which was acknowledged, but " + found.getLong(i * BLOCK_BYTES));
            }
        }
    }

    private static ByteBuffer filled(long number) {
        ByteBuffer bytes = ByteBuffer.allocate(BLOCK_BYTES);
        while (bytes.hasRemaining()) {
            bytes.putLong(number);
        }
        return bytes.flip();
    }

    /** What is under way ends by itself. */
    @Override
    public synchronized void close() {
        stopping = true;
    }
}
