package io.ashlar.client.log;

import io.ashlar.client.AshlarException;
import io.ashlar.client.model.Stripe;
import io.ashlar.client.stripe.EncodedStripe;

import org.jspecify.annotations.Nullable;

import java.lang.foreign.MemorySegment;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Deque;
import java.util.List;
import java.util.concurrent.CompletableFuture;

/**
 * Writes that wait for a stripe, in the order they were made. How many bytes may wait is bounded by
 * those who add them.
 */
final class WriteQueue {
    /** An extent counts its blocks in an int. */
    private static final int MAX_ZERO_BLOCKS = 1 << 30;

    private final int batchBlocks;
    private final Deque<Write> waiting = new ArrayDeque<>();
    private long waitingBlocks;
    private @Nullable Write last;

    /**
     * @param batchBlocks that a batch holds at most; a run of zeroes counts as one
     */
    WriteQueue(int batchBlocks) {
        this.batchBlocks = batchBlocks;
    }

    /** What one caller asked for; done when the last stripe that holds a part of it is. */
    private static final class Write {
        private final CompletableFuture<Void> done = new CompletableFuture<>();
        private final MemorySegment source;
        private long block;
        private long blocksLeft;
        private long blocksTaken;
        private int partsInFlight;

        Write(long block, long blocks, MemorySegment source) {
            this.block = block;
            this.blocksLeft = blocks;
            this.source = source;
        }

        boolean isZero() {
            return source.byteSize() == 0;
        }

        /** Of a batch, that what is left takes. */
        long batchBlocks() {
            return isZero() ? Math.min(1, blocksLeft) : blocksLeft;
        }

        EncodedStripe.Run take(int room) {
            int blocks = (int) Math.min(isZero() ? MAX_ZERO_BLOCKS : room, blocksLeft);
            MemorySegment bytes = isZero()
                    ? source
                    : source.asSlice(
                            blocksTaken * Stripe.BLOCK_BYTES, (long) blocks * Stripe.BLOCK_BYTES);
            EncodedStripe.Run run = new EncodedStripe.Run(block, blocks, bytes);
            block += blocks;
            blocksTaken += blocks;
            blocksLeft -= blocks;
            partsInFlight++;
            return run;
        }

        void partDone() {
            partsInFlight--;
            if (partsInFlight == 0 && blocksLeft == 0) {
                done.complete(null);
            }
        }
    }

    /** Writes, or parts of them, that make up one stripe. */
    static final class Batch {
        private final List<EncodedStripe.Run> runs = new ArrayList<>();
        private final List<Write> writes = new ArrayList<>();

        List<EncodedStripe.Run> runs() {
            return runs;
        }

        void acknowledge() {
            writes.forEach(Write::partDone);
        }

        void fail(AshlarException cause) {
            writes.forEach(write -> write.done.completeExceptionally(cause));
        }
    }

    /**
     * Adds a write; its source, empty for zeroes, must not change until it is done.
     *
     * @return done when the write is acknowledged
     */
    CompletableFuture<Void> add(long firstBlock, long blockCount, MemorySegment source) {
        Write write = new Write(firstBlock, blockCount, source);
        waiting.add(write);
        waitingBlocks += write.batchBlocks();
        last = write;
        return write.done;
    }

    /** Done when everything added so far is. */
    CompletableFuture<Void> drained() {
        return last == null ? CompletableFuture.completedFuture(null) : last.done.copy();
    }

    boolean isEmpty() {
        return waiting.isEmpty();
    }

    /** Whether a whole stripe's worth waits. */
    boolean hasFullBatch() {
        return waitingBlocks >= batchBlocks;
    }

    /** Takes as much as one stripe holds. */
    Batch take() {
        Batch batch = new Batch();
        int room = batchBlocks;
        while (!waiting.isEmpty() && room > 0) {
            Write write = waiting.peek();
            long before = write.batchBlocks();
            batch.runs.add(write.take(room));
            batch.writes.add(write);
            int taken = (int) (before - write.batchBlocks());
            room -= taken;
            waitingBlocks -= taken;
            if (write.blocksLeft > 0) {
                break;
            }
            waiting.remove();
        }
        return batch;
    }

    /** Fails everything that waits. */
    void fail(AshlarException cause) {
        List<Write> writes = List.copyOf(waiting);
        waiting.clear();
        waitingBlocks = 0;
        writes.forEach(write -> write.done.completeExceptionally(cause));
    }
}
