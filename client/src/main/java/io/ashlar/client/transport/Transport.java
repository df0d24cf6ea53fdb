package io.ashlar.client.transport;

import io.ashlar.client.AshlarException;
import io.ashlar.client.model.Address;
import io.ashlar.client.protocol.Request;
import io.ashlar.client.protocol.Response;

import java.util.List;
import java.util.concurrent.CompletableFuture;

/**
 * Requests and replies between processes: the one seam to the network, which the simulator
 * replaces. Every call is answered exactly once, by a reply, by a failure or by its timeout; an
 * answer that comes after its timeout is dropped. Nothing is promised about requests that were not
 * answered: they may be carried out, once or more, at any time. Calls of one loop to one address
 * travel on one connection and arrive in the order they were made, as long as it lives.
 */
public interface Transport extends AutoCloseable {

    /** A loop for calls to be made from and answered on. */
    Loop nextLoop();

    /**
     * Sends a request with its bulk bytes behind it. Takes over one ownership of each bulk buffer.
     * May be called on the loop only; the handler runs on it, later.
     */
    void call(
            Loop loop,
            Address to,
            Request request,
            List<Buffer> bulk,
            long timeoutNanos,
            ReplyHandler handler);

    /** Serves requests until the listener is closed; port 0 takes a free one. */
    Listener listen(Address address, Service service) throws AshlarException;

    @Override
    void close();

    /** The same as {@link #call} from any thread, as a future that completes on the loop. */
    default CompletableFuture<Answer> ask(
            Loop loop, Address to, Request request, List<Buffer> bulk, long timeoutNanos) {
        CompletableFuture<Answer> future = new CompletableFuture<>();
        loop.execute(() -> call(loop, to, request, bulk, timeoutNanos, new ReplyHandler() {
            @Override
            public void answered(Response response, Buffer bulk) {
                future.complete(new Answer(response, bulk));
            }

            @Override
            public void failed(AshlarException cause) {
                future.completeExceptionally(cause);
            }
        }));
        return future;
    }

    /** A reply; whoever gets it owns the bulk. */
    record Answer(Response response, Buffer bulk) {}

    /** Hears how a call ended, once. */
    interface ReplyHandler {
        /** Owns the bulk, which is empty where the response has none. */
        void answered(Response response, Buffer bulk);

        /** The other side refused (its error), did not answer in time or is gone (unavailable). */
        void failed(AshlarException cause);
    }

    /** Answers requests. Runs on the loop of the connection and must not block it. */
    interface Service {
        /** Owns the bulk. Calls the responder once, from any thread. */
        void handle(Request request, Buffer bulk, Responder responder);
    }

    /** Where the answer to one request goes. */
    interface Responder {
        /** Takes over one ownership of each bulk buffer. */
        void reply(Response response, List<Buffer> bulk);

        default void reply(Response response) {
            reply(response, List.of());
        }

        default void fail(AshlarException cause) {
            reply(Response.newBuilder().setFailure(cause.toFailure()).build());
        }
    }

    /** A port that is being served. */
    interface Listener extends AutoCloseable {
        Address address();

        @Override
        void close();
    }
}
