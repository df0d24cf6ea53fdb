package io.ashlar.tools.simulate;

import io.ashlar.client.AshlarException;
import io.ashlar.client.model.Address;
import io.ashlar.client.protocol.Request;
import io.ashlar.client.protocol.Response;
import io.ashlar.client.transport.Buffer;
import io.ashlar.client.transport.Transport;

import org.jspecify.annotations.Nullable;

import java.lang.foreign.MemorySegment;
import java.util.List;
import java.util.concurrent.CompletableFuture;

/** A client that asks, and lets the world run until it is answered. */
final class Checker {
    private static final long CALL_NANOS = 10 * WorldSettings.SECOND;
    private static final long WAIT_NANOS = 60 * WorldSettings.SECOND;

    private static final int ATTEMPTS = 5;

    private final World world;
    private final SimulatedClient client;
    private final Transport transport;

    Checker(World world) {
        this.world = world;
        this.client = world.newClient();
        this.transport = world.network().transportOf(client.process());
    }

    /** What the leading coordinator answers. */
    Response coordinator(Request request) {
        for (int attempt = 0; attempt < ATTEMPTS; attempt++) {
            CompletableFuture<Response> answer = client.client().callAsync(request);
            world.schedule().runUntil(answer::isDone, WAIT_NANOS);
            if (answer.isDone() && !answer.isCompletedExceptionally()) {
                return answer.join();
            }
        }
        throw new Violation("liveness", "no coordinator answers " + request.getBodyCase());
    }

    /** What a node answers, or null where it refuses; its bulk is a copy. */
    @Nullable
    Answer node(Address node, Request request) {
        Asked asked = ask(node, request);
        for (int attempt = 1; attempt < ATTEMPTS && asked.isToBeRepeated(); attempt++) {
            asked = ask(node, request);
        }
        return asked.answer;
    }

    private Asked ask(Address node, Request request) {
        Asked asked = new Asked();
        client.process()
                .execute(() -> transport.call(
                        client.process(), node, request, List.of(), CALL_NANOS, asked));
        world.schedule().runUntil(() -> asked.ended, WAIT_NANOS);
        return asked;
    }

    /** A reply. */
    record Answer(Response response, MemorySegment bulk) {}

    /** An answer that is awaited. */
    private static final class Asked implements Transport.ReplyHandler {
        private boolean ended;
        private @Nullable Answer answer;
        private @Nullable AshlarException cause;

        /** A node that was started anew has closed the connection that there was. */
        private boolean isToBeRepeated() {
            return cause instanceof AshlarException.Unavailable;
        }

        @Override
        public void answered(Response response, Buffer bulk) {
            ended = true;
            MemorySegment copy = MemorySegment.ofArray(new byte[bulk.sizeBytes()]);
            MemorySegment.copy(bulk.segment(), 0, copy, 0, bulk.sizeBytes());
            answer = new Answer(response, copy);
            bulk.release();
        }

        @Override
        public void failed(AshlarException refusal) {
            ended = true;
            cause = refusal;
        }
    }
}
