package io.ashlar.bench.load;

import io.ashlar.client.AshlarException;
import io.ashlar.client.Volume;

import org.jspecify.annotations.Nullable;

import java.lang.foreign.MemorySegment;
import java.nio.ByteBuffer;
import java.util.SplittableRandom;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.Executor;
import java.util.concurrent.atomic.AtomicInteger;

/**
 * One operation in flight at a time, the next begun when the last is done: a load of depth n has n
 * lanes. A lane is used by one thread after another; the futures order what they do.
 */
final class Lane {
    /**
     * So many operations in a row may complete without leaving the client's thread (reads of blocks
     * that were never written need no node) before it is given back: it also renews leases.
     */
    private static final int MAX_IMMEDIATE = 32;

    private static final int SUBMITTED = 0;
    private static final int ANSWERED = 1;
    private static final int LEFT = 2;

    private final Volume volume;
    private final Course course;
    private final Generations generations;
    private final ReadCheck check;
    private final long seed;
    private final SplittableRandom random;
    private final ByteBuffer buffer;
    private final MemorySegment bytes;
    private final AtomicInteger handover = new AtomicInteger();
    private final CompletableFuture<Void> ended = new CompletableFuture<>();

    private Course.Operation operation = new Course.Operation(0, 0);
    private int acknowledgedBefore;
    private long beganNanos;

    Lane(
            Volume volume,
            Course course,
            Generations generations,
            ReadCheck check,
            SplittableRandom random,
            long seed,
            int blockBytes) {
        this.volume = volume;
        this.course = course;
        this.generations = generations;
        this.check = check;
        this.random = random;
        this.seed = seed;
        this.buffer = ByteBuffer.allocateDirect(blockBytes);
        this.bytes = MemorySegment.ofBuffer(buffer);
    }

    /** Completes when the lane does nothing more, with what failed if something did. */
    CompletableFuture<Void> ended() {
        return ended;
    }

    /** Operates in the calling thread until the course is over. */
    void runBlocking() {
        try {
            while (!course.isOver(System.nanoTime())) {
                begin();
                if (operation.isWrite()) {
                    volume.write(offset(), buffer);
                } else {
                    volume.read(offset(), buffer);
                }
                finish();
            }
            ended.complete(null);
        } catch (AshlarException | RuntimeException failure) {
            fail(failure);
        }
    }

    /** Operates until the course is over, on the client's thread; returns at once. */
    void start(Executor elsewhere) {
        elsewhere.execute(() -> pump(elsewhere));
    }

    private void pump(Executor elsewhere) {
        try {
            for (int i = 0; i < MAX_IMMEDIATE; i++) {
                if (course.isOver(System.nanoTime())) {
                    ended.complete(null);
                    return;
                }
                if (!submit(elsewhere)) {
                    return;
                }
            }
            start(elsewhere);
        } catch (RuntimeException bug) {
            fail(bug);
        }
    }

    /**
     * Begins an operation; whether it is done and the caller goes on. Of the caller and the answer,
     * whoever comes second goes on: so the stack never deepens.
     */
    private boolean submit(Executor elsewhere) {
        begin();
        handover.set(SUBMITTED);
        CompletableFuture<Void> answer = operation.isWrite()
                ? volume.writeAsync(offset(), buffer)
                : volume.readAsync(offset(), buffer);
        var _ = answer.whenComplete((ignored, failure) -> {
            if (!handover.compareAndSet(SUBMITTED, ANSWERED)) {
                goOn(failure, elsewhere);
            }
        });
        if (handover.compareAndSet(SUBMITTED, LEFT)) {
            return false;
        }
        return finish(answer.isCompletedExceptionally() ? answer.exceptionNow() : null);
    }

    private void goOn(@Nullable Throwable failure, Executor elsewhere) {
        try {
            if (finish(failure)) {
                pump(elsewhere);
            }
        } catch (RuntimeException bug) {
            fail(bug);
        }
    }

    private void begin() {
        operation = course.next(random);
        acknowledgedBefore = generations.acknowledged(operation.unit());
        if (operation.isWrite()) {
            stamp();
        }
        beganNanos = System.nanoTime();
    }

    private void stamp() {
        long firstBlock = offset() / Volume.BLOCK_BYTES;
        for (int at = 0; at < buffer.capacity(); at += Volume.BLOCK_BYTES) {
            long block = firstBlock + at / Volume.BLOCK_BYTES;
            StampFormat.write(bytes, at, block, seed, operation.generation());
        }
    }

    private long offset() {
        return (long) operation.unit() * buffer.capacity();
    }

    /** Whether the operation succeeded. */
    private boolean finish(@Nullable Throwable failure) {
        if (failure != null) {
            fail(failure);
            return false;
        }
        finish();
        return true;
    }

    private void finish() {
        long endedNanos = System.nanoTime();
        if (operation.isWrite()) {
            generations.acknowledge(operation.unit());
        } else {
            check.check(operation.unit(), acknowledgedBefore, bytes);
        }
        course.done(operation, beganNanos, endedNanos);
    }

    private void fail(Throwable failure) {
        course.stop();
        ended.completeExceptionally(failure);
    }
}
