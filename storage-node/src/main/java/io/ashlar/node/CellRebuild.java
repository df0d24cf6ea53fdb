package io.ashlar.node;

import io.ashlar.client.AshlarException;
import io.ashlar.client.format.CellFormat;
import io.ashlar.client.model.Policy;
import io.ashlar.client.model.Stripe;
import io.ashlar.client.transport.Buffer;
import io.ashlar.client.transport.Transport;
import io.ashlar.ec.Crc32c;
import io.ashlar.ec.ReedSolomon;

import org.jspecify.annotations.Nullable;

import java.lang.foreign.MemorySegment;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.BitSet;
import java.util.Comparator;
import java.util.List;
import java.util.Queue;
import java.util.concurrent.CompletableFuture;
import java.util.function.BiConsumer;

/**
 * Makes one record of one stripe out of other shards' cells: a copy where another placement of the
 * very shard still has it, else a decode of d cells that agree in every particular (INV-1), checked
 * against the vector (INV-3). Where so few cells are enough that another generation could be
 * decoded too, or where the shard holds one itself, all participants are asked, and only the
 * generation that prevails is made. Lives on the node's loop.
 */
final class CellRebuild {
    private final Stripe stripe;
    private final int participant;
    private final List<PeerShard> left;
    private final @Nullable Buffer[] cells;
    private final List<String> reasons = new ArrayList<>();
    private final CompletableFuture<Buffer> record = new CompletableFuture<>();
    private final Generations generations = new Generations();
    private boolean answered = true;
    private boolean contradicted;
    private boolean askAll;

    /** Participants whose cell is there. */
    private final BitSet present = new BitSet();

    /** Participants whose cell is asked for. */
    private final BitSet asked = new BitSet();

    private long bytesRead;

    private CellRebuild(Stripe stripe, int participant, List<PeerShard> peers) {
        this.stripe = stripe;
        this.participant = participant;
        this.cells = new Buffer[stripe.geometry().participants()];
        this.left = new ArrayList<>(peers.stream()
                .filter(peer -> stripe.participantOfShard(peer.index()) >= 0)
                .sorted(Comparator.comparing(PeerShard::silent))
                .toList());
    }

    /**
     * The record of this shard's cell, owned by the caller; fails with {@link CellUnmadeException}.
     *
     * @param shard index of the shard to be made, which takes part in the stripe
     * @param peers the other places of the segment's shards, former ones last: a shard that has
     *     several is asked in one after the other, until its cell is there or, where it is to be
     *     found out which generation prevails, in all
     * @param rival what the shard holds in that place: whole, but another stripe
     */
    static CellRebuild start(
            Stripe stripe, int shard, List<PeerShard> peers, @Nullable Stripe rival) {
        int participant = stripe.participantOfShard(shard);
        List<PeerShard> twins =
                peers.stream().filter(peer -> peer.index() == shard).toList();
        List<PeerShard> others =
                peers.stream().filter(peer -> peer.index() != shard).toList();
        var rebuild = new CellRebuild(stripe, participant, others);
        Stripe.Geometry geometry = stripe.geometry();
        rebuild.askAll = rival != null || geometry.d() < geometry.policy().m();
        if (rival != null) {
            rebuild.generations.add(participant, rival);
        }
        if (geometry.cellBytes() == 0 && rival == null) {
            rebuild.finish();
        } else {
            rebuild.copy(rival == null ? new ArrayDeque<>(twins) : new ArrayDeque<>());
        }
        return rebuild;
    }

    CompletableFuture<Buffer> record() {
        return record;
    }

    long bytesRead() {
        return bytesRead;
    }

    /** Whether cells that agree decode to something else than they say. */
    boolean contradicted() {
        return contradicted;
    }

    /** From one of these, else by a decode. A silent one holds nothing up, but proves nothing. */
    private void copy(Queue<PeerShard> twins) {
        PeerShard twin = twins.poll();
        if (twin == null) {
            gather();
        } else if (twin.silent()) {
            answered = false;
            reasons.add(twin + " did not answer a moment ago");
            copy(twins);
        } else {
            whenAnswered(twin, (answer, failure) -> {
                Buffer bulk = failure != null ? null : checked(answer, participant);
                if (bulk != null) {
                    record.complete(bulk);
                } else {
                    note(twin, failure);
                    copy(twins);
                }
            });
        }
    }

    private void note(PeerShard peer, @Nullable Throwable failure) {
        if (failure == null) {
            reasons.add(peer + ": sent another cell than that of this stripe");
            return;
        }
        AshlarException cause = AshlarException.in(failure);
        answered &= CellUnmadeException.denies(cause);
        reasons.add(peer + ": " + cause.getMessage());
    }

    /** Asks for as many cells as are missing; ends when there are d, or cannot be. */
    private void gather() {
        if (record.isDone()) {
            return;
        }
        int d = stripe.geometry().d();
        if (present.cardinality() >= d && !askAll) {
            finish();
            return;
        }
        PeerShard next = next();
        while (next != null && (askAll || present.cardinality() + asked.cardinality() < d)) {
            ask(next);
            next = next();
        }
        if (!asked.isEmpty() || record.isDone()) {
            return;
        }
        Stripe prevailing = generations.prevailing();
        if (present.cardinality() >= d && prevailing != null && prevailing.sameAs(stripe)) {
            finish();
        } else {
            releaseCells();
            record.completeExceptionally(CellUnmadeException.of(
                            stripe + " cannot be decoded, " + present.cardinality() + " of " + d
                                    + " cells are there",
                            reasons,
                            answered)
                    .insteadOf(
                            prevailing == null || prevailing.sameAs(stripe) ? null : prevailing));
        }
    }

    /** Somebody whose cell, or vote, is needed and not being asked for; null: nobody now. */
    private @Nullable PeerShard next() {
        for (PeerShard peer : left) {
            int theirs = stripe.participantOfShard(peer.index());
            if ((askAll || !present.get(theirs)) && !asked.get(theirs)) {
                return peer;
            }
        }
        return null;
    }

    private void ask(PeerShard peer) {
        int theirs = stripe.participantOfShard(peer.index());
        left.remove(peer);
        asked.set(theirs);
        whenAnswered(peer, (answer, failure) -> {
            asked.clear(theirs);
            Buffer bulk = failure != null ? null : checked(answer, theirs);
            if (bulk != null && present.get(theirs)) {
                bulk.release();
            } else if (bulk != null) {
                cells[theirs] = bulk;
                present.set(theirs);
            } else {
                note(peer, failure);
            }
            gather();
        });
    }

    /** A bug in what is done with the answer ends the rebuild instead of hanging it. */
    private void whenAnswered(
            PeerShard peer, BiConsumer<Transport.Answer, @Nullable Throwable> then) {
        CompletableFuture<Boolean> _ = peer.cell(stripe)
                .handle((answer, failure) -> {
                    then.accept(answer, failure);
                    return true;
                })
                .exceptionally(record::completeExceptionally);
    }

    /** The answer's bulk where it is, in every particular, this participant's record; else null. */
    private @Nullable Buffer checked(Transport.Answer answer, int theirs) {
        Buffer bulk = answer.bulk();
        bytesRead += bulk.sizeBytes();
        Stripe.Geometry geometry = stripe.geometry();
        boolean whole = bulk.sizeBytes() == geometry.recordBytes();
        CellFormat.Cell cell = bulk.sizeBytes() > 0 ? CellFormat.read(bulk.segment()) : null;
        if (cell != null) {
            generations.add(theirs, cell.stripe());
        }
        if (whole
                && cell != null
                && cell.stripe().sameAs(stripe)
                && geometry.participantIn(cell.role()) == theirs
                && holds(bulk.segment().asSlice(geometry.headerBytes()), theirs)) {
            return bulk;
        }
        bulk.release();
        return null;
    }

    private boolean holds(MemorySegment cell, int theirs) {
        for (int piece = 0; piece < stripe.geometry().piecesPerCell(); piece++) {
            long at = (long) piece * Stripe.PIECE_BYTES;
            if (Crc32c.of(cell, at, Stripe.PIECE_BYTES) != stripe.pieceCrc(theirs, piece)) {
                return false;
            }
        }
        return true;
    }

    private void finish() {
        Stripe.Geometry geometry = stripe.geometry();
        Buffer made = Buffer.allocate(geometry.recordBytes());
        MemorySegment cell = made.segment().asSlice(geometry.headerBytes(), geometry.cellBytes());
        if (geometry.cellBytes() > 0) {
            decode(cell);
        }
        releaseCells();
        if (!holds(cell, participant)) {
            made.release();
            contradicted = true;
            record.completeExceptionally(new CellUnmadeException(
                    stripe + " decodes to other bytes than its vector tells", answered));
            return;
        }
        CellFormat.write(stripe, geometry.roleOf(participant), made.segment());
        record.complete(made);
    }

    private void decode(MemorySegment wanted) {
        Stripe.Geometry geometry = stripe.geometry();
        @Nullable MemorySegment[] inputs = new MemorySegment[cells.length];
        long presentSet = 0;
        for (int i = 0; i < cells.length; i++) {
            Buffer bulk = cells[i];
            if (bulk != null) {
                inputs[i] = bulk.segment().asSlice(geometry.headerBytes(), geometry.cellBytes());
                presentSet |= 1L << i;
            }
        }
        inputs[participant] = wanted;
        Policy policy = geometry.policy();
        ReedSolomon.of(policy.k(), policy.m())
                .shortened(geometry.d())
                .reconstruct(inputs, presentSet, 1L << participant, 0, geometry.cellBytes());
    }

    private void releaseCells() {
        for (int i = 0; i < cells.length; i++) {
            Buffer bulk = cells[i];
            if (bulk != null) {
                bulk.release();
                cells[i] = null;
            }
        }
    }
}
