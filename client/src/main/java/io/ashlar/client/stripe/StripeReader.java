package io.ashlar.client.stripe;

import io.ashlar.client.AshlarException;
import io.ashlar.client.cluster.Cluster;
import io.ashlar.client.model.Stripe;
import io.ashlar.client.transport.Buffer;
import io.ashlar.client.transport.Loop;

import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

import java.util.ArrayDeque;
import java.util.Queue;
import java.util.concurrent.CompletableFuture;

/**
 * The read path. Pieces of a cell are asked of the node that holds it. Where that fails, or is later
 * than the node usually is, the same pieces of other cells are fetched and decoded; whichever comes
 * first is taken. The caller sees the data, and counters tell how it came. Lives on the cluster's
 * loop; whoever gets a buffer owns it.
 */
public final class StripeReader {
    private static final Logger LOG = LoggerFactory.getLogger(StripeReader.class);

    /** Reads of cells under way at a time. */
    private static final int MAX_IN_FLIGHT = 256;

    /** Of them, those that are asked of other nodes only because the first is late. */
    private static final int MAX_HEDGES = 4;

    private static final long HEDGE_AGAIN_NANOS = 10_000_000L;

    private final Cluster cluster;
    private final CellReader reader;
    private final Placements placements;
    private final Queue<Runnable> waiting = new ArrayDeque<>();
    private int inFlight;
    private int hedges;
    private long degradedReads;
    private long decodedBytes;
    private long contradictions;

    /**
     * @param epoch of the takeover that reads, so that its reads fence; 0 for all other readers
     */
    public StripeReader(Cluster cluster, DamageReports damage, Placements placements, long epoch) {
        this.cluster = cluster;
        this.placements = placements;
        this.reader = new CellReader(cluster, damage, placements, epoch);
    }

    /** Reads that had to be decoded. */
    public long degradedReads() {
        return degradedReads;
    }

    public long decodedBytes() {
        return decodedBytes;
    }

    /** Decodes whose outcome was not what the cells, or the map, tell of it. */
    public long contradictions() {
        return contradictions;
    }

    /**
     * Pieces of a data cell, each of the CRC expected of it. More than a bounded number of reads at
     * a time wait for their turn.
     */
    public CompletableFuture<Buffer> read(PieceRange range, int[] crcs) {
        CompletableFuture<Buffer> outcome = new CompletableFuture<>();
        waiting.add(() -> {
            var _ = readNow(range, crcs).whenComplete((buffer, failure) -> {
                inFlight--;
                startWaiting();
                if (failure == null) {
                    outcome.complete(buffer);
                } else {
                    outcome.completeExceptionally(failure);
                }
            });
        });
        startWaiting();
        return outcome;
    }

    private void startWaiting() {
        while (inFlight < MAX_IN_FLIGHT && !waiting.isEmpty()) {
            inFlight++;
            waiting.remove().run();
        }
    }

    private CompletableFuture<Buffer> readNow(PieceRange range, int[] crcs) {
        String node = range.stripe().shardOfParticipant(range.participant()).node();
        if (cluster.health().isSuspect(node, cluster.loop().nanoTime())) {
            placements.suspect(range.stripe().segment());
            return decodeChecked(range, crcs)
                    .exceptionallyCompose(failure -> AshlarException.in(failure)
                                    instanceof AshlarException.InsufficientShards
                            ? directly(range, crcs, failure)
                            : CompletableFuture.failedFuture(failure));
        }
        Race race = new Race();
        Loop.Timer hedge = cluster.loop()
                .schedule(cluster.health().hedgeNanos(node), () -> hedge(race, range, crcs));
        CompletableFuture<Buffer> direct = reader.read(range, crcs);
        race.enter(direct);
        var _ = direct.whenComplete((buffer, failure) -> {
            hedge.cancel();
            if (failure != null && !race.hasOther()) {
                LOG.debug(
                        "event=degraded-read range=\"{}\" cause=\"{}\"", range, failure.toString());
                race.enter(decodeChecked(range, crcs));
            }
            race.settle();
        });
        return race.outcome;
    }

    /**
     * From the node that is suspected, after all, as the others are too few; that they are is told
     * where it fails too, whatever that one says.
     */
    private CompletableFuture<Buffer> directly(PieceRange range, int[] crcs, Throwable tooFew) {
        return reader.read(range, crcs)
                .exceptionallyCompose(failure -> CompletableFuture.failedFuture(
                        AshlarException.in(failure) instanceof AshlarException.Fenced
                                ? failure
                                : tooFew));
    }

    /** Only a few at a time: where all nodes are late, asking more of them makes all later. */
    private void hedge(Race race, PieceRange range, int[] crcs) {
        if (race.outcome.isDone() || race.hasOther()) {
            return;
        }
        if (hedges == MAX_HEDGES) {
            cluster.loop().schedule(HEDGE_AGAIN_NANOS, () -> hedge(race, range, crcs));
            return;
        }
        hedges++;
        CompletableFuture<Buffer> decoded = decodeChecked(range, crcs);
        race.enter(decoded);
        var _ = decoded.whenComplete((buffer, failure) -> hedges--);
    }

    private CompletableFuture<Buffer> decodeChecked(PieceRange range, int[] crcs) {
        degradedReads++;
        return decode(range).thenCompose(part -> {
            decodedBytes += range.lengthBytes();
            if (PieceCheck.holds(part.pieces(), crcs)) {
                return CompletableFuture.completedFuture(part.buffer());
            }
            part.release();
            contradictions++;
            return CompletableFuture.failedFuture(new AshlarException.Corrupt(
                    "decoding " + range + " gave blocks that the map's CRCs do not allow"));
        });
    }

    private CompletableFuture<CellPart> decode(PieceRange range) {
        return CellDecode.start(cluster, reader, range).whenComplete((part, failure) -> {
            boolean contradicted = failure != null
                    && AshlarException.in(failure) instanceof AshlarException.Corrupt;
            contradictions += contradicted ? 1 : 0;
        });
    }

    /** A whole cell brought back from others, with the stripe that they all agree on. */
    public CompletableFuture<Decoded> rebuildCell(StripeRef stripe, int participant) {
        return decode(PieceRange.cell(stripe, participant))
                .thenApply(part -> new Decoded(part.stripe(), part.buffer()));
    }

    /** A cell that was brought back. */
    public record Decoded(Stripe stripe, Buffer cell) {}

    /** A whole cell and the header of its record, as its node holds them: never decoded. */
    public CompletableFuture<Held> heldCell(StripeRef stripe, int participant) {
        return reader.readWithHeader(PieceRange.cell(stripe, participant))
                .thenApply(part -> new Held(part.stripe(), part.headerBytes(), part.buffer()));
    }

    /** A record as a node holds it: header, then cell. */
    public record Held(Stripe stripe, int headerBytes, Buffer record) {}

    /** The first of several attempts to succeed wins; all have to fail for a failure. */
    private static final class Race {
        final CompletableFuture<Buffer> outcome = new CompletableFuture<>();
        private int entered;
        private int failed;
        private @Nullable AshlarException last;

        boolean hasOther() {
            return entered > 1;
        }

        void enter(CompletableFuture<Buffer> attempt) {
            if (outcome.isDone()) {
                var _ = attempt.thenAccept(Buffer::release);
                return;
            }
            entered++;
            var _ = attempt.whenComplete((buffer, failure) -> {
                if (failure == null) {
                    if (!outcome.complete(buffer)) {
                        buffer.release();
                    }
                } else {
                    failed++;
                    last = AshlarException.in(failure);
                    settle();
                }
            });
        }

        /** Fails once nobody is left in it. */
        void settle() {
            if (failed == entered && entered > 1 && last != null) {
                outcome.completeExceptionally(last);
            }
        }
    }
}
