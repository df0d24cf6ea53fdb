package io.ashlar.client.stripe;

import io.ashlar.client.AshlarException;
import io.ashlar.client.cluster.Cluster;
import io.ashlar.client.cluster.NodeHealth;
import io.ashlar.client.model.Stripe;
import io.ashlar.client.transport.Buffer;
import io.ashlar.client.transport.Loop;

import org.jspecify.annotations.Nullable;

import java.lang.foreign.MemorySegment;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.List;
import java.util.Queue;
import java.util.concurrent.CompletableFuture;

/**
 * Brings back pieces of one cell from the same pieces of d other cells. Asks as many others as it
 * needs; one that fails or is late is replaced by the next. Only cells of the very same stripe, CRC
 * vector included, are combined (INV-1), and what was decoded is held to the vector before anybody
 * sees it (INV-3).
 */
final class CellDecode {
    private final Cluster cluster;
    private final CellReader reader;
    private final PieceRange wanted;
    private final CompletableFuture<CellPart> outcome = new CompletableFuture<>();

    private final Queue<Integer> untried = new ArrayDeque<>();
    private final List<CellPart> parts = new ArrayList<>();
    private final List<String> failures = new ArrayList<>();
    private int asked;
    private Loop.@Nullable Timer hedge;

    private CellDecode(Cluster cluster, CellReader reader, PieceRange wanted) {
        this.cluster = cluster;
        this.reader = reader;
        this.wanted = wanted;
    }

    /** The decoded pieces; the part's header bytes are 0. */
    static CompletableFuture<CellPart> start(
            Cluster cluster, CellReader reader, PieceRange wanted) {
        CellDecode decode = new CellDecode(cluster, reader, wanted);
        decode.order();
        decode.askMore();
        return decode.outcome;
    }

    /** Nodes that failed just now come last. */
    private void order() {
        long now = cluster.loop().nanoTime();
        NodeHealth health = cluster.health();
        List<Integer> others = new ArrayList<>();
        for (int i = 0; i < wanted.stripe().geometry().participants(); i++) {
            if (i != wanted.participant()) {
                others.add(i);
            }
        }
        others.sort(Comparator.comparing(other -> health.isSuspect(nodeOf(other), now)));
        untried.addAll(others);
    }

    private String nodeOf(int participant) {
        return wanted.stripe().shardOfParticipant(participant).node();
    }

    private int needed() {
        return wanted.stripe().geometry().d();
    }

    /** As many requests under way as parts are still needed. */
    private void askMore() {
        while (!outcome.isDone() && asked + mostAlike() < needed()) {
            if (!askNext()) {
                giveUpIfNobodyIsLeft();
                return;
            }
        }
        armHedge();
    }

    private boolean askNext() {
        Integer participant = untried.poll();
        if (participant == null) {
            return false;
        }
        asked++;
        var _ = reader.readWithHeader(wanted.of(participant)).whenComplete((part, failure) -> {
            asked--;
            if (failure != null) {
                failed(participant, failure);
            } else {
                arrived(part);
            }
        });
        return true;
    }

    private void armHedge() {
        if (hedge == null && !outcome.isDone() && !untried.isEmpty()) {
            long nanos = cluster.health().hedgeNanos(nodeOf(untried.peek()));
            hedge = cluster.loop().schedule(nanos, () -> {
                hedge = null;
                if (!outcome.isDone() && askNext()) {
                    armHedge();
                }
            });
        }
    }

    private void failed(int participant, Throwable failure) {
        failures.add(nodeOf(participant) + ": " + AshlarException.in(failure).getMessage());
        askMore();
    }

    private void arrived(CellPart part) {
        if (outcome.isDone()) {
            part.release();
            return;
        }
        parts.add(part);
        List<CellPart> alike = alike(part);
        if (alike.size() >= needed()) {
            decode(alike);
        } else {
            askMore();
        }
    }

    private List<CellPart> alike(CellPart one) {
        return parts.stream().filter(part -> part.stripe().sameAs(one.stripe())).toList();
    }

    private int mostAlike() {
        return parts.stream().mapToInt(part -> alike(part).size()).max().orElse(0);
    }

    private void decode(List<CellPart> alike) {
        Stripe stripe = alike.getFirst().stripe();
        Buffer target = Buffer.allocate(wanted.lengthBytes());
        @Nullable
        MemorySegment[] cells = new @Nullable MemorySegment[stripe.geometry().participants()];
        long present = 0;
        for (CellPart part : alike) {
            cells[part.participant()] = part.pieces();
            present |= 1L << part.participant();
        }
        cells[wanted.participant()] = target.segment();
        wanted.stripe()
                .segment()
                .code()
                .shortened(needed())
                .reconstruct(cells, present, 1L << wanted.participant(), 0, wanted.lengthBytes());
        if (PieceCheck.holds(target.segment(), stripe, wanted.participant(), wanted.firstPiece())) {
            end();
            outcome.complete(new CellPart(wanted.participant(), stripe, 0, target));
        } else {
            target.release();
            end();
            outcome.completeExceptionally(new AshlarException.Corrupt(
                    "decoding " + wanted + " gave bytes that the CRC vector does not allow"));
        }
    }

    private void giveUpIfNobodyIsLeft() {
        if (asked == 0 && !outcome.isDone()) {
            AshlarException cause = new AshlarException.InsufficientShards("too few cells of "
                    + wanted.stripe() + ": " + mostAlike() + " of the " + needed()
                    + " needed besides that on " + nodeOf(wanted.participant()) + " ("
                    + String.join("; ", failures) + "); bring nodes back or run ashlar repair");
            end();
            outcome.completeExceptionally(cause);
        }
    }

    private void end() {
        parts.forEach(CellPart::release);
        parts.clear();
        if (hedge != null) {
            hedge.cancel();
            hedge = null;
        }
    }
}
