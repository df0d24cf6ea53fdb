package io.ashlar.client.nbd;

import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Deque;
import java.util.Iterator;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import java.util.function.Supplier;

/**
 * Which writes of a disk may be under way together. A write of whole blocks may beside any other such
 * one: the volume orders them. One that begins or ends within a block first reads what is around it,
 * so from before that read until it is done nobody else may write there, or what they wrote would
 * come back as it was. Such a write waits for all that it overlaps, and what overlaps it waits for
 * it, in the order they came, so nobody waits for ever. Writes wait also while too many bytes are
 * under way. Safe for use by many threads; what is started, is started outside of any lock.
 */
final class WriteOrder {
    private final long maxBytes;
    private final List<Write> running = new ArrayList<>();
    private final Deque<Write> waiting = new ArrayDeque<>();
    private long runningBytes;
    private long waitingBytes;
    private int aloneRunning;

    /**
     * @param maxBytes under way at most; a single write always may
     */
    WriteOrder(long maxBytes) {
        this.maxBytes = maxBytes;
    }

    /**
     * A write to be done.
     *
     * @param sizeBytes that it keeps in memory
     * @param alone where it lies, as it reads before it writes
     */
    private record Write(
            long from,
            long to,
            long sizeBytes,
            boolean alone,
            Supplier<CompletableFuture<Void>> action,
            CompletableFuture<Void> done) {

        boolean excludes(Write other) {
            return (alone || other.alone) && from < other.to && other.from < to;
        }
    }

    /** Starts the action as soon as it may; done when it is. */
    CompletableFuture<Void> submit(
            long from,
            long to,
            long sizeBytes,
            boolean alone,
            Supplier<CompletableFuture<Void>> action) {
        Write write = new Write(from, to, sizeBytes, alone, action, new CompletableFuture<>());
        synchronized (this) {
            boolean passes = waitingBytes + runningBytes + sizeBytes <= maxBytes
                    && waiting.stream().noneMatch(write::excludes);
            if (!mayStart(write) || !(waiting.isEmpty() || passes)) {
                waiting.add(write);
                waitingBytes += sizeBytes;
                return write.done;
            }
            enter(write);
        }
        start(write);
        return write.done;
    }

    private boolean mayStart(Write write) {
        boolean free =
                (!write.alone && aloneRunning == 0) || running.stream().noneMatch(write::excludes);
        return free && hasRoom(write);
    }

    private boolean hasRoom(Write write) {
        return running.isEmpty() || runningBytes + write.sizeBytes <= maxBytes;
    }

    private void enter(Write write) {
        running.add(write);
        runningBytes += write.sizeBytes;
        aloneRunning += write.alone ? 1 : 0;
    }

    /** One after the other, however many may start because one has ended at once. */
    private void start(Write first) {
        Deque<Write> starting = new ArrayDeque<>(List.of(first));
        while (!starting.isEmpty()) {
            Write write = starting.remove();
            CompletableFuture<Void> outcome = outcomeOf(write);
            if (outcome.isDone()) {
                starting.addAll(leave(write));
                end(write, outcome);
            } else {
                var _ = outcome.whenComplete((ignored, failure) -> {
                    List<Write> next = leave(write);
                    end(write, outcome);
                    next.forEach(this::start);
                });
            }
        }
    }

    private static CompletableFuture<Void> outcomeOf(Write write) {
        try {
            return write.action.get();
        } catch (RuntimeException | Error e) {
            return CompletableFuture.failedFuture(e);
        }
    }

    private static void end(Write write, CompletableFuture<Void> outcome) {
        if (outcome.isCompletedExceptionally()) {
            write.done.completeExceptionally(outcome.exceptionNow());
        } else {
            write.done.complete(null);
        }
    }

    /** Those that may start now. */
    private synchronized List<Write> leave(Write write) {
        running.remove(write);
        runningBytes -= write.sizeBytes;
        aloneRunning -= write.alone ? 1 : 0;
        if (waiting.isEmpty()) {
            return List.of();
        }
        List<Write> next = new ArrayList<>();
        List<Write> passed = new ArrayList<>();
        for (Iterator<Write> all = waiting.iterator(); all.hasNext(); ) {
            Write one = all.next();
            if (!hasRoom(one)) {
                break;
            }
            if (mayStart(one) && passed.stream().noneMatch(one::excludes)) {
                all.remove();
                waitingBytes -= one.sizeBytes;
                enter(one);
                next.add(one);
            } else {
                passed.add(one);
            }
        }
        return next;
    }
}
