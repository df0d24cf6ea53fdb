package io.ashlar.tools.image;

import io.ashlar.client.AshlarException;

import java.io.IOException;
import java.nio.ByteBuffer;
import java.util.ArrayDeque;
import java.util.Deque;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionException;

/**
 * The chunks of an image that are on their way, oldest first. There is a fixed number of buffers:
 * whoever wants one more waits for the oldest.
 */
final class ChunkPool {
    static final int CHUNK_BYTES = 1 << 20;
    private static final int MAX_CHUNKS = 24;

    private final Deque<Chunk> underway = new ArrayDeque<>();
    private final Deque<ByteBuffer> free = new ArrayDeque<>();

    /** Bytes of the image at an offset, and when they will have arrived. */
    record Chunk(long offset, ByteBuffer bytes, CompletableFuture<?> arrival) {}

    /** What is done with a chunk that has arrived, before its buffer is used again. */
    interface Arrived {
        void accept(Chunk chunk) throws IOException;
    }

    private final Arrived arrived;

    ChunkPool(Arrived arrived) {
        this.arrived = arrived;
        for (int i = 0; i < MAX_CHUNKS; i++) {
            free.add(ByteBuffer.allocateDirect(CHUNK_BYTES));
        }
    }

    /** A clear buffer. */
    ByteBuffer take() throws IOException {
        if (free.isEmpty()) {
            finishOldest();
        }
        return free.remove().clear();
    }

    void giveBack(ByteBuffer unused) {
        free.add(unused);
    }

    void add(Chunk chunk) {
        underway.add(chunk);
    }

    void finishAll() throws IOException {
        while (!underway.isEmpty()) {
            finishOldest();
        }
    }

    private void finishOldest() throws IOException {
        Chunk oldest = underway.remove();
        try {
            oldest.arrival().join();
        } catch (CompletionException e) {
            throw AshlarException.in(e);
        }
        arrived.accept(oldest);
        free.add(oldest.bytes());
    }
}
