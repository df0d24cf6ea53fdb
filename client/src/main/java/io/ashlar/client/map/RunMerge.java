package io.ashlar.client.map;

import io.ashlar.client.AshlarException;
import io.ashlar.client.format.MapEntry;
import io.ashlar.client.transport.Loop;

import org.jspecify.annotations.Nullable;

import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.concurrent.CompletableFuture;

/**
 * Merges a frozen table and runs, or some runs, into one run. Of what several say of a block the
 * newest wins. Works in slices of about a page on the volume's loop, waits for pages of the inputs
 * and for appends of the output, and holds a bounded number of pages. One that is abandoned holds
 * nothing any more; what it appended is referred to by nothing.
 */
final class RunMerge {
    /** Inputs of a merge of neighbouring levels. */
    private static final int USUAL_INPUTS = 8;

    /** Pages in memory at most, as such a merge goes. */
    static final int MAX_BYTES = RunWriter.MAX_BYTES + USUAL_INPUTS * RunCursor.MAX_BYTES;

    /** Entries passed over in a slice at most, also where none of them is written. */
    private static final int SLICE_ENTRIES = 512;

    private final Loop loop;
    private final boolean dropZeroes;
    private final List<EntryCursor> inputs = new ArrayList<>();
    private final List<RunCursor> runCursors = new ArrayList<>();
    private final EntryCursor.Move[] moves;
    private final RunWriter writer;
    private final CompletableFuture<@Nullable Run> done = new CompletableFuture<>();

    /** Blocks before this one are written. */
    private long doneTo;

    private boolean scheduled;
    private boolean ending;
    private boolean finishing;
    private boolean closed;

    /**
     * Begins to merge.
     *
     * @param table newest, or none
     * @param runs newest first
     * @param dropZeroes nothing older is left for zeroes to hide
     */
    RunMerge(
            Loop loop,
            MapStore store,
            @Nullable MemoryTable table,
            List<Run> runs,
            boolean dropZeroes) {
        this.loop = loop;
        this.dropZeroes = dropZeroes;
        this.writer = new RunWriter(store, this::schedule);
        if (table != null) {
            inputs.add(table.cursor(0));
        }
        for (Run run : runs) {
            RunCursor cursor = new RunCursor(store, run, this::schedule);
            runCursors.add(cursor);
            inputs.add(cursor);
        }
        this.moves = new EntryCursor.Move[inputs.size()];
        Arrays.fill(moves, EntryCursor.Move.WAITING);
        schedule();
    }

    /** The merged run, or nothing where no entry is left. */
    CompletableFuture<@Nullable Run> done() {
        return done;
    }

    /** Stops; the future is never completed. */
    void abandon() {
        closed = true;
        runCursors.forEach(RunCursor::close);
    }

    long memoryBytes() {
        long inputBytes = inputs.stream().mapToLong(EntryCursor::memoryBytes).sum();
        return inputBytes + RunWriter.MAX_BYTES;
    }

    /** What the new run's directory takes so far. */
    long directoryBytes() {
        return writer.directoryBytes();
    }

    int pagesWritten() {
        return writer.pageCount();
    }

    void countPages(SegmentReferences.Counter counter) {
        writer.countPages(counter);
    }

    private void schedule() {
        if (!scheduled && !closed) {
            scheduled = true;
            loop.execute(() -> {
                scheduled = false;
                if (!closed) {
                    slice();
                }
            });
        }
    }

    private void slice() {
        AshlarException failure = writer.failure();
        if (failure != null) {
            fail(failure);
            return;
        }
        if (ending) {
            finishWhenIdle();
            return;
        }
        try {
            int pages = writer.pageCount();
            for (int i = 0; i < SLICE_ENTRIES && writer.pageCount() == pages; i++) {
                if (writer.isBlocked() || !arrive()) {
                    return;
                }
                if (!step()) {
                    ending = true;
                    writer.endPages();
                    break;
                }
            }
        } catch (AshlarException e) {
            fail(e);
            return;
        }
        schedule();
    }

    /** Whether every input is at its next entry or at its end. */
    private boolean arrive() throws AshlarException {
        for (int i = 0; i < moves.length; i++) {
            if (moves[i] == EntryCursor.Move.WAITING && !move(i)) {
                return false;
            }
        }
        return true;
    }

    /** Moves an input on to what lies behind the blocks that are written. */
    private boolean move(int input) throws AshlarException {
        EntryCursor cursor = inputs.get(input);
        EntryCursor.Move move = cursor.next();
        while (move == EntryCursor.Move.READY && cursor.entry().endBlock() <= doneTo) {
            move = cursor.next();
        }
        if (move == EntryCursor.Move.READY && cursor.entry().firstBlock < doneTo) {
            cursor.entry().trimTo(doneTo);
        }
        moves[input] = move;
        return move != EntryCursor.Move.WAITING;
    }

    /**
     * Writes the blocks of which the newest input that has the lowest one says what they are: up to
     * where a newer input has something to say. False where all inputs are at their end.
     */
    private boolean step() throws AshlarException {
        int lowest = -1;
        long first = Long.MAX_VALUE;
        for (int i = 0; i < moves.length; i++) {
            if (moves[i] == EntryCursor.Move.READY && inputs.get(i).entry().firstBlock < first) {
                first = inputs.get(i).entry().firstBlock;
                lowest = i;
            }
        }
        if (lowest < 0) {
            return false;
        }
        EntryCursor source = inputs.get(lowest);
        MapEntry entry = source.entry();
        long end = entry.endBlock();
        for (int i = 0; i < lowest; i++) {
            if (moves[i] == EntryCursor.Move.READY) {
                end = Math.min(end, inputs.get(i).entry().firstBlock);
            }
        }
        if (entry.kind != MapEntry.Kind.ZERO || !dropZeroes) {
            writer.add(source, lowest, end - first);
        }
        doneTo = end;
        for (int i = lowest; i < moves.length; i++) {
            if (moves[i] == EntryCursor.Move.READY) {
                skipDone(i);
            }
        }
        return true;
    }

    private void skipDone(int input) throws AshlarException {
        MapEntry entry = inputs.get(input).entry();
        if (entry.endBlock() <= doneTo) {
            var _ = move(input);
        } else if (entry.firstBlock < doneTo) {
            entry.trimTo(doneTo);
        }
    }

    private void finishWhenIdle() {
        if (finishing || !writer.isIdle()) {
            return;
        }
        finishing = true;
        var _ = writer.finish().whenComplete((run, failure) -> {
            if (closed) {
                return;
            }
            if (failure == null) {
                abandon();
                done.complete(run);
            } else {
                fail(AshlarException.in(failure));
            }
        });
    }

    private void fail(AshlarException cause) {
        abandon();
        done.completeExceptionally(cause);
    }
}
