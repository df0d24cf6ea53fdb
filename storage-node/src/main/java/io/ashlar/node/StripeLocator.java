package io.ashlar.node;

import io.ashlar.client.AshlarException;
import io.ashlar.client.format.CellFormat;
import io.ashlar.client.model.Policy;
import io.ashlar.client.model.SegmentId;
import io.ashlar.client.model.Stripe;
import io.ashlar.client.transport.Buffer;
import io.ashlar.client.transport.Transport;

import org.jspecify.annotations.Nullable;

import java.lang.foreign.MemorySegment;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionStage;

/**
 * Finds the stripes of a sealed segment, one behind another, in the headers that its shards hold.
 * No shard has a cell of every short stripe, so what one does not tell the next one does. Holds the
 * headers of a few dozen stripes at a time. Lives on the node's loop.
 */
final class StripeLocator {
    private static final int BYTES_PER_CALL = 256 * 1024;

    private final SegmentId segment;
    private final Policy policy;
    private final List<PeerShard> peers;
    private final TreeMap<Long, Stripe> known = new TreeMap<>();
    private long headerBytesRead;

    StripeLocator(SegmentId segment, Policy policy, List<PeerShard> peers) {
        this.segment = segment;
        this.policy = policy;
        this.peers = peers;
    }

    /** The stripe that begins here, where its header has come already; forgets those before. */
    @Nullable
    Stripe known(long offset) {
        known.headMap(offset).clear();
        return known.get(offset);
    }

    /** The first stripe behind this offset whose header has come; null: none has. */
    @Nullable
    Stripe nextKnown(long offset) {
        Map.Entry<Long, Stripe> next = known.higherEntry(offset);
        return next == null ? null : next.getValue();
    }

    long headerBytesRead() {
        return headerBytesRead;
    }

    /**
     * Asks shard after shard until {@link #known} tells of this offset; where none does, fails with
     * {@link CellUnmadeException}, and knows the first stripe behind it that any of them tells of.
     */
    CompletableFuture<Void> locate(long offset) {
        List<PeerShard> inOrder = new ArrayList<>(peers);
        inOrder.sort((one, other) -> Boolean.compare(one.silent(), other.silent()));
        return ask(inOrder, 0, offset, new Refusals()).toCompletableFuture();
    }

    /** Why no shard has told yet. */
    private static final class Refusals {
        private final List<String> reasons = new ArrayList<>();
        private boolean answered = true;
    }

    private CompletionStage<Void> ask(
            List<PeerShard> inOrder, int next, long offset, Refusals refusals) {
        if (known.containsKey(offset)) {
            return CompletableFuture.completedStage(null);
        }
        if (next == inOrder.size()) {
            return CompletableFuture.failedStage(CellUnmadeException.of(
                    "no shard of segment " + segment + " tells of the stripe at " + offset,
                    refusals.reasons,
                    refusals.answered));
        }
        PeerShard peer = inOrder.get(next);
        return peer.headers(offset, BYTES_PER_CALL)
                .handle((answer, failure) -> {
                    if (failure != null) {
                        AshlarException cause = AshlarException.in(failure);
                        refusals.answered &= CellUnmadeException.denies(cause);
                        refusals.reasons.add(peer + ": " + cause.getMessage());
                    } else {
                        take(answer);
                        refusals.reasons.add(peer + " has no cell there");
                    }
                    return next + 1;
                })
                .thenCompose(following -> ask(inOrder, following, offset, refusals));
    }

    private void take(Transport.Answer answer) {
        Buffer bulk = answer.bulk();
        try {
            headerBytesRead += bulk.sizeBytes();
            long at = 0;
            while (at < bulk.sizeBytes()) {
                MemorySegment rest = bulk.segment().asSlice(at);
                CellFormat.Cell cell = CellFormat.read(rest);
                if (cell == null) {
                    return; // damaged on the way: what comes behind it cannot be told apart
                }
                Stripe stripe = cell.stripe();
                if (stripe.identity().segment().equals(segment)
                        && stripe.geometry().policy().equals(policy)) {
                    known.putIfAbsent(stripe.identity().offset(), stripe);
                }
                at += stripe.geometry().headerBytes();
            }
        } finally {
            bulk.release();
        }
    }
}
