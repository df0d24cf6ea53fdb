package io.ashlar.node;

import io.ashlar.client.AshlarException;
import io.ashlar.client.model.Address;
import io.ashlar.client.model.Stripe;
import io.ashlar.client.protocol.Placement;
import io.ashlar.client.protocol.ReadCell;
import io.ashlar.client.protocol.ReadHeaders;
import io.ashlar.client.protocol.Request;
import io.ashlar.client.protocol.ShardRef;
import io.ashlar.client.transport.Loop;
import io.ashlar.client.transport.Transport;

import org.jspecify.annotations.Nullable;

import java.time.Duration;
import java.util.List;
import java.util.concurrent.CompletableFuture;

/** Another node's shard, as a rebuild reads it. Lives on the node's loop. */
final class PeerShard {
    private static final long CALL_NANOS = Duration.ofSeconds(10).toNanos();

    /** A node that did not answer is not asked again for so long: stripes need not wait for it. */
    private static final long SILENCE_NANOS = Duration.ofSeconds(30).toNanos();

    private final Transport transport;
    private final Loop loop;
    private final Placement placement;
    private boolean silent;
    private long askAgainAt;

    PeerShard(Transport transport, Loop loop, Placement placement) {
        this.transport = transport;
        this.loop = loop;
        this.placement = placement;
    }

    int index() {
        return placement.getShard().getIndex();
    }

    ShardRef ref() {
        return placement.getShard();
    }

    /** Whether its node did not answer the last time: others are asked first. */
    boolean silent() {
        return silent;
    }

    /** Its records' headers from here on. */
    CompletableFuture<Transport.Answer> headers(long from, int maxBytes) {
        ReadHeaders headers = ReadHeaders.newBuilder()
                .setShard(ref())
                .setFromOffset(from)
                .setMaxBytes(maxBytes)
                .build();
        return ask(Request.newBuilder().setReadHeaders(headers).build());
    }

    /** Its cell of a stripe, header first. */
    CompletableFuture<Transport.Answer> cell(Stripe stripe) {
        ReadCell read = ReadCell.newBuilder()
                .setShard(ref())
                .setOffset(stripe.identity().offset())
                .setPieceCount(stripe.geometry().piecesPerCell())
                .setHeader(true)
                .build();
        return ask(Request.newBuilder().setReadCell(read).build());
    }

    private CompletableFuture<Transport.Answer> ask(Request request) {
        Address address;
        try {
            address = Address.parse(placement.getAddress());
        } catch (AshlarException.Invalid e) {
            silent = true;
            return CompletableFuture.failedFuture(new AshlarException.Unavailable(
                    "node " + placement.getNode() + " has no known address"));
        }
        if (silent && loop.nanoTime() - askAgainAt < 0) {
            return CompletableFuture.failedFuture(new AshlarException.Unavailable(
                    "node " + placement.getNode() + " did not answer a moment ago"));
        }
        return transport
                .ask(loop, address, request, List.of(), CALL_NANOS)
                .whenComplete((_, failure) -> note(failure));
    }

    private void note(@Nullable Throwable failure) {
        boolean unavailable = false;
        boolean answered = true;
        if (failure != null
                && AshlarException.in(failure) instanceof AshlarException.Unavailable cause) {
            unavailable = true;
            answered = cause.isAnswered();
        }
        silent = unavailable;
        askAgainAt = loop.nanoTime() + (answered ? 0 : SILENCE_NANOS);
    }

    @Override
    public String toString() {
        return "shard " + index() + " on node " + placement.getNode();
    }
}
