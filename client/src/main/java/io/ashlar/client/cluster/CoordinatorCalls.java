package io.ashlar.client.cluster;

import io.ashlar.client.AshlarException;
import io.ashlar.client.model.Address;
import io.ashlar.client.protocol.Request;
import io.ashlar.client.protocol.Response;
import io.ashlar.client.transport.Buffer;
import io.ashlar.client.transport.Loop;
import io.ashlar.client.transport.Transport;

import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import java.util.function.Supplier;

/**
 * Calls to whichever coordinator leads. A call that nobody answered, or that a follower answered,
 * goes to the next address until its time is over; so commands carry request ids. Every other
 * answer is final. Lives on a loop.
 */
public final class CoordinatorCalls {
    private static final Logger LOG = LoggerFactory.getLogger(CoordinatorCalls.class);
    private static final long ATTEMPT_NANOS = 3_000_000_000L;
    private static final long PAUSE_NANOS = 100_000_000L;
    private static final int MAX_ADDRESSES = 16;

    private final Transport transport;
    private final Loop loop;
    private final List<Address> addresses;
    private int leader;

    public CoordinatorCalls(Transport transport, Loop loop, List<Address> addresses) {
        if (addresses.isEmpty()) {
            throw new IllegalArgumentException("no coordinator's address");
        }
        this.transport = transport;
        this.loop = loop;
        this.addresses = new ArrayList<>(addresses);
    }

    /** Makes the call; the future completes on the loop. May be called from any thread. */
    public CompletableFuture<Response> call(Request request, long timeoutNanos) {
        return call(() -> request, timeoutNanos);
    }

    /**
     * Makes a call that tells what is so right now: its request is made anew, on the loop, for each
     * attempt.
     */
    public CompletableFuture<Response> call(Supplier<Request> request, long timeoutNanos) {
        CompletableFuture<Response> outcome = new CompletableFuture<>();
        loop.execute(() -> attempt(request, loop.nanoTime() + timeoutNanos, outcome));
        return outcome;
    }

    private void attempt(
            Supplier<Request> request, long deadline, CompletableFuture<Response> outcome) {
        long left = Math.max(1, deadline - loop.nanoTime());
        Address asked = addresses.get(leader % addresses.size());
        transport.call(
                loop,
                asked,
                request.get(),
                List.of(),
                Math.min(left, ATTEMPT_NANOS),
                new Transport.ReplyHandler() {
                    @Override
                    public void answered(Response response, Buffer bulk) {
                        bulk.release();
                        outcome.complete(response);
                    }

                    @Override
                    public void failed(AshlarException cause) {
                        retry(request, deadline, outcome, asked, cause);
                    }
                });
    }

    private void retry(
            Supplier<Request> request,
            long deadline,
            CompletableFuture<Response> outcome,
            Address asked,
            AshlarException cause) {
        boolean elsewhere = cause instanceof AshlarException.Unavailable unavailable
                && (!unavailable.isAnswered() || unavailable.isNotLeader());
        if (!elsewhere) {
            outcome.completeExceptionally(cause);
            return;
        }
        if (loop.nanoTime() + PAUSE_NANOS >= deadline) {
            outcome.completeExceptionally(new AshlarException.Unavailable(
                    "no coordinator answers at " + addresses + "; the last one asked: "
                            + cause.getMessage(),
                    cause));
            return;
        }
        turnFrom(asked, ((AshlarException.Unavailable) cause).leader());
        loop.schedule(PAUSE_NANOS, () -> attempt(request, deadline, outcome));
    }

    /** Another call may have turned already. */
    private void turnFrom(Address asked, String hint) {
        if (!addresses.get(leader % addresses.size()).equals(asked)) {
            return;
        }
        leader = (leader + 1) % addresses.size();
        if (!hint.isEmpty()) {
            try {
                Address named = Address.parse(hint);
                if (!addresses.contains(named) && addresses.size() < MAX_ADDRESSES) {
                    addresses.add(named);
                }
                leader = Math.max(0, addresses.indexOf(named));
            } catch (AshlarException.Invalid e) {
                LOG.warn("event=bad-leader-hint from={} reason=\"{}\"", asked, e.getMessage());
            }
        }
    }
}
