package io.ashlar.client.stripe;

import io.ashlar.client.AshlarException;
import io.ashlar.client.cluster.Cluster;
import io.ashlar.client.transport.Buffer;

import java.lang.foreign.MemorySegment;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.concurrent.CompletableFuture;

/**
 * Reads pieces of a stripe's data cells from wherever their shards are: repair may have moved them
 * since their places were learnt. Where too few cells can be reached it goes on trying for a while,
 * as nodes come back and connections are made anew; what is gone is not waited for, nor a segment
 * that was freed meanwhile. Lives on the cluster's loop.
 */
public final class PieceReader {
    private static final long PAUSE_NANOS = 200_000_000L;

    private final Cluster cluster;
    private final StripeReader stripes;
    private final Placements placements;

    public PieceReader(Cluster cluster, StripeReader stripes, Placements placements) {
        this.cluster = cluster;
        this.stripes = stripes;
        this.placements = placements;
    }

    /**
     * Reads a range of one cell.
     *
     * @param crcs CRC32C that each piece must have
     * @return the pieces, owned by the caller
     */
    public CompletableFuture<Buffer> read(PieceRange range, int[] crcs) {
        long patienceNanos = cluster.config().readPatience().toNanos();
        return read(range, crcs, cluster.loop().nanoTime() + patienceNanos);
    }

    private CompletableFuture<Buffer> read(PieceRange range, int[] crcs, long untilNanos) {
        long beganNanos = cluster.loop().nanoTime();
        return stripes.read(range, crcs)
                .exceptionallyCompose(
                        failure -> elsewhere(range, crcs, AshlarException.in(failure)))
                .exceptionallyCompose(failure -> {
                    boolean mayComeBack = !placements.isFreed(range.stripe().segment())
                            && hasUnreachable(range, beganNanos)
                            && cluster.loop().nanoTime() - untilNanos < 0;
                    return mayComeBack
                            ? later(range, crcs, untilNanos)
                            : CompletableFuture.failedFuture(failure);
                });
    }

    private boolean hasUnreachable(PieceRange range, long sinceNanos) {
        StripeRef stripe = range.stripe();
        for (int i = 0; i < stripe.geometry().participants(); i++) {
            String node = stripe.shardOfParticipant(i).node();
            if (cluster.health().hasFailedSince(node, sinceNanos)) {
                return true;
            }
        }
        return false;
    }

    private CompletableFuture<Buffer> later(PieceRange range, int[] crcs, long untilNanos) {
        CompletableFuture<Void> paused = new CompletableFuture<>();
        cluster.loop().schedule(PAUSE_NANOS, () -> paused.complete(null));
        return paused.thenCompose(ignored -> read(range, crcs, untilNanos));
    }

    private CompletableFuture<Buffer> elsewhere(
            PieceRange range, int[] crcs, AshlarException cause) {
        return placements
                .refresh(range.stripe().segment())
                .exceptionally(nobodyTells -> false)
                .thenCompose(moved ->
                        moved ? stripes.read(range, crcs) : CompletableFuture.failedFuture(cause));
    }

    /**
     * Reads pieces that lie behind one another, over several cells where need be.
     *
     * @param firstPiece among the pieces of the stripe's data cells taken together
     * @param crcs CRC32C that each piece must have
     * @return the pieces, owned by the caller
     */
    public CompletableFuture<Buffer> read(StripeRef stripe, int firstPiece, int[] crcs) {
        int perCell = stripe.geometry().piecesPerCell();
        List<CompletableFuture<Buffer>> parts = new ArrayList<>();
        for (int done = 0; done < crcs.length; ) {
            int piece = firstPiece + done;
            int count = Math.min(crcs.length - done, perCell - piece % perCell);
            parts.add(read(
                    new PieceRange(stripe, piece / perCell, piece % perCell, count),
                    Arrays.copyOfRange(crcs, done, done + count)));
            done += count;
        }
        if (parts.size() == 1) {
            return parts.getFirst();
        }
        return CompletableFuture.allOf(parts.toArray(CompletableFuture[]::new))
                .handle((ignored, failure) -> failure)
                .thenCompose(failure -> failure == null
                        ? CompletableFuture.completedFuture(join(parts))
                        : release(parts, failure));
    }

    private static Buffer join(List<CompletableFuture<Buffer>> parts) {
        int sizeBytes = parts.stream().mapToInt(part -> part.join().sizeBytes()).sum();
        Buffer whole = Buffer.allocate(sizeBytes);
        int at = 0;
        for (CompletableFuture<Buffer> part : parts) {
            Buffer pieces = part.join();
            MemorySegment.copy(pieces.segment(), 0, whole.segment(), at, pieces.sizeBytes());
            at += pieces.sizeBytes();
            pieces.release();
        }
        return whole;
    }

    private static CompletableFuture<Buffer> release(
            List<CompletableFuture<Buffer>> parts, Throwable failure) {
        for (CompletableFuture<Buffer> part : parts) {
            if (!part.isCompletedExceptionally()) {
                part.join().release();
            }
        }
        return CompletableFuture.failedFuture(AshlarException.in(failure));
    }
}
