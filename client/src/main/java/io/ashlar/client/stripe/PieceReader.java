package io.ashlar.client.stripe;

import io.ashlar.client.AshlarException;
import io.ashlar.client.cluster.Cluster;
import io.ashlar.client.log.LogSegment;
import io.ashlar.client.transport.Buffer;

import java.lang.foreign.MemorySegment;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.concurrent.CompletableFuture;

/**
 * Reads pieces of a stripe's data cells from wherever their shards are: repair may have moved them
 * since their places were learnt. Where too few cells can be reached, or nobody tells where
 * they are, it goes on trying for a while, as nodes come back and connections are made anew; what is
 * gone is not waited for, nor a segment that was freed meanwhile: who did not free it himself does not
 * have the volume any more. Lives on the cluster's loop.
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
        return new Attempt(range, crcs, cluster.loop().nanoTime() + patienceNanos).run();
    }

    /** To read a range, from where its shards are taken to be. */
    private final class Attempt {
        private final PieceRange range;
        private final int[] crcs;
        private final long untilNanos;
        private final long beganNanos = cluster.loop().nanoTime();
        private final LogSegment segment;
        private final List<LogSegment.Shard> places;

        Attempt(PieceRange range, int[] crcs, long untilNanos) {
            this.range = range;
            this.crcs = crcs;
            this.untilNanos = untilNanos;
            this.segment = range.stripe().segment();
            this.places = segment.shards();
        }

        CompletableFuture<Buffer> run() {
            return stripes.read(range, crcs)
                    .exceptionallyCompose(failure -> placements
                            .refresh(segment)
                            .exceptionally(nobodyTells -> null)
                            .thenCompose(told -> missed(AshlarException.in(failure))));
        }

        /** Nothing is gone by an answer from before it was missed: it may have moved since. */
        private CompletableFuture<Buffer> missed(AshlarException cause) {
            if (wasElsewhere() || hasUnreachable()) {
                return again(cause, true);
            }
            return placements
                    .refresh(segment, beganNanos)
                    .handle((told, nobodyTells) -> nobodyTells != null)
                    .thenCompose(mayComeBack -> again(cause, mayComeBack));
        }

        /** At the new places, or later, or not at all. */
        private CompletableFuture<Buffer> again(AshlarException cause, boolean mayComeBack) {
            if (wasElsewhere()) {
                return new Attempt(range, crcs, untilNanos).run();
            }
            if (placements.isFreed(segment)) {
                return CompletableFuture.failedFuture(new AshlarException.Fenced(
                        segment + " was given back: whoever still refers to it does not have the"
                                + " volume any more; open it again"));
            }
            boolean waits = mayComeBack && cluster.loop().nanoTime() - untilNanos < 0;
            return waits ? later() : CompletableFuture.failedFuture(cause);
        }

        private boolean wasElsewhere() {
            return !places.equals(segment.shards());
        }

        private boolean hasUnreachable() {
            StripeRef stripe = range.stripe();
            for (int i = 0; i < stripe.geometry().participants(); i++) {
                String node = stripe.shardOfParticipant(i).node();
                if (cluster.health().hasFailedSince(node, beganNanos)) {
                    return true;
                }
            }
            return false;
        }

        private CompletableFuture<Buffer> later() {
            CompletableFuture<Void> paused = new CompletableFuture<>();
            cluster.loop().schedule(PAUSE_NANOS, () -> paused.complete(null));
            return paused.thenCompose(ignored -> new Attempt(range, crcs, untilNanos).run());
        }
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
