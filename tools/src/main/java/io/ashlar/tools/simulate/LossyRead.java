package io.ashlar.tools.simulate;

import io.ashlar.client.AshlarException;
import io.ashlar.client.OpenOptions;
import io.ashlar.client.Volume;
import io.ashlar.client.VolumeStats;
import io.ashlar.client.log.Undecided;

import org.jspecify.annotations.Nullable;

import java.nio.ByteBuffer;
import java.util.concurrent.CompletableFuture;

/** Reads a volume of which something is lost, block by block. */
final class LossyRead {
    private static final int ATTEMPTS = 60;
    private static final long WAIT_NANOS = 60 * WorldSettings.SECOND;
    private static final String INVARIANT = "exactly what is lost is reported";

    private final World world;
    private final VolumeUse use;
    private final SimulatedClient client;
    private final OpenOptions options;
    private final boolean mapHit;
    private @Nullable Volume volume;

    /** What is read of a block that cannot be read. */
    static final long UNREADABLE = -1;

    /**
     * A reader.
     *
     * @param undecided what becomes of a tail that cannot be decided
     * @param mapHit whether stripes of the map are lost: anything may fail then
     */
    LossyRead(World world, VolumeUse use, Undecided undecided, boolean mapHit) {
        this.world = world;
        this.use = use;
        this.client = world.newClient();
        this.options = new OpenOptions(client.name(), true, undecided);
        this.mapHit = mapHit;
    }

    /** What is known of a block's bytes. */
    enum Fate {
        THERE,
        UNSURE,
        LOST
    }

    /** Something that the client is asked for. */
    private interface Question<T> {
        CompletableFuture<T> ask();
    }

    /** Asks, and lets the world run until it is answered. */
    private <T> CompletableFuture<T> ask(Question<T> question) {
        CompletableFuture<T> answer = begin(question);
        if (!world.schedule().runUntil(answer::isDone, WAIT_NANOS)) {
            throw new Violation("liveness", "volume " + use.name() + " does not answer");
        }
        return answer;
    }

    private <T> CompletableFuture<T> begin(Question<T> question) {
        CompletableFuture<T> answer = new CompletableFuture<>();
        client.process().execute(() -> {
            var _ = question.ask().whenComplete((value, failure) -> {
                if (failure == null) {
                    answer.complete(value);
                } else {
                    answer.completeExceptionally(failure);
                }
            });
        });
        return answer;
    }

    private static @Nullable AshlarException failureOf(CompletableFuture<?> answer) {
        return answer.isCompletedExceptionally() ? AshlarException.in(answer.exceptionNow()) : null;
    }

    /** False where it cannot be opened, as its map is hit. */
    boolean open() {
        AshlarException last = null;
        for (int attempt = 0; attempt < ATTEMPTS; attempt++) {
            CompletableFuture<Volume> answer =
                    ask(() -> client.client().openAsync(use.name(), options));
            last = failureOf(answer);
            if (last == null) {
                volume = answer.join();
                return true;
            }
            world.note(client.name() + " cannot open " + use.name() + ": " + last.getMessage());
            requireLoss("volume " + use.name(), last);
            world.schedule().runFor(WorldSettings.SECOND);
        }
        if (!mapHit) {
            throw new Violation(INVARIANT, "volume " + use.name() + " cannot be opened: " + last);
        }
        client.process().kill();
        return false;
    }

    private static void requireLoss(String what, AshlarException cause) {
        boolean tells = cause instanceof AshlarException.Unavailable
                || cause instanceof AshlarException.Corrupt
                || cause instanceof AshlarException.InsufficientShards;
        if (!tells) {
            throw new Violation(INVARIANT, what + " failed with " + cause);
        }
    }

    /** The stamps of all blocks. */
    long[] readAll() {
        long[] stamps = new long[use.blockCount()];
        for (int block = 0; block < stamps.length; block++) {
            stamps[block] = read(block);
        }
        return stamps;
    }

    /** Writes a block; false where that failed, or has not come about yet. */
    boolean write(int block, long stamp) {
        ByteBuffer bytes = Content.fill(use.number(), block, 1, stamp);
        CompletableFuture<Void> answer =
                begin(() -> opened().writeAsync((long) block * Content.BLOCK_BYTES, bytes));
        return world.schedule().runUntil(answer::isDone, WAIT_NANOS) && failureOf(answer) == null;
    }

    /** Blocks that the map says are lost; 0 where it cannot be read now. */
    long lostBlocks() {
        CompletableFuture<VolumeStats> stats = ask(() -> opened().statsAsync());
        return failureOf(stats) == null ? stats.join().lostBlocks() : 0;
    }

    private Volume opened() {
        Volume open = volume;
        if (open == null) {
            throw new IllegalStateException("the volume is not open");
        }
        return open;
    }

    private long read(int block) {
        Volume open = opened();
        ByteBuffer bytes = ByteBuffer.allocate(Content.BLOCK_BYTES);
        AshlarException failure =
                failureOf(ask(() -> open.readAsync((long) block * Content.BLOCK_BYTES, bytes)));
        if (failure != null) {
            requireLoss(nameOf(block), failure);
            world.note(nameOf(block) + " cannot be read: " + failure.getMessage());
            return UNREADABLE;
        }
        return Content.stampOf(use.number(), block, bytes, 0);
    }

    private String nameOf(int block) {
        return "block " + block + " of volume " + use.name();
    }

    /**
     * Reads a block; true where that succeeds.
     *
     * @param expected the stamp that it holds
     * @param fate of its bytes, as the drives are
     */
    boolean demand(int block, long expected, Fate fate) {
        long stamp = read(block);
        String what = nameOf(block);
        if (stamp == UNREADABLE) {
            if (fate == Fate.THERE && !mapHit) {
                throw new Violation(INVARIANT, what + " is there and fails");
            }
            return false;
        }
        if (stamp != expected) {
            throw new Violation(
                    "INV-8", what + " reads as write " + stamp + " and holds " + expected);
        }
        if (fate == Fate.LOST) {
            throw new Violation(INVARIANT, what + " is lost and yet reads well");
        }
        return true;
    }

    /** Without closing it. */
    void leave() {
        client.process().kill();
    }

    void close() {
        Volume open = volume;
        if (open != null) {
            AshlarException failure = failureOf(ask(open::closeAsync));
            if (failure != null && !mapHit) {
                throw new Violation(
                        INVARIANT, "volume " + use.name() + " is not closed: " + failure);
            }
        }
        client.process().kill();
    }
}
