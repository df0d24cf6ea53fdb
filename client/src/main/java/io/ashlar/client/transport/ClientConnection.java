package io.ashlar.client.transport;

import io.ashlar.client.AshlarException;
import io.ashlar.client.format.FrameFormat;
import io.ashlar.client.model.Address;
import io.ashlar.client.protocol.Request;
import io.ashlar.client.protocol.Response;
import io.netty.bootstrap.Bootstrap;
import io.netty.channel.Channel;
import io.netty.channel.ChannelFuture;
import io.netty.channel.ChannelHandlerContext;
import io.netty.channel.ChannelInboundHandlerAdapter;
import io.netty.channel.ChannelInitializer;

import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

import java.io.IOException;
import java.util.ArrayDeque;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Queue;

/**
 * The calls of one loop to one address. Lives on its loop. The connection is made by the first call
 * and ends with the first error; calls made meanwhile wait in order. Once ended it stays so, and
 * the transport makes a new one for the next call. So it does once a call has timed out and nothing
 * at all was heard since it was sent: the peer may be gone without a word, or be restarted, which no
 * error tells. The calls before still wait on the doubtful connection, as they may just be slow.
 */
final class ClientConnection implements FrameDecoder.FrameListener<Response> {
    private static final Logger LOG = LoggerFactory.getLogger(ClientConnection.class);
    /** More calls than this waiting on one connection are answered unavailable. */
    static final int MAX_PENDING_CALLS = 65_536;

    private final Loop loop;
    private final Address address;
    private final Map<Long, PendingCall> pending = new HashMap<>();
    private final Queue<Runnable> beforeConnected = new ArrayDeque<>();
    private @Nullable Channel channel;
    private @Nullable AshlarException ended;
    private long lastRequestId;
    private long signsOfLife;
    private boolean doubtful;
    private boolean flushScheduled;

    ClientConnection(Loop loop, Address address) {
        this.loop = loop;
        this.address = address;
    }

    private record PendingCall(
            Transport.ReplyHandler handler, Loop.Timer timeout, long signsOfLifeBefore) {}

    /** Notes that bytes came, be they only a part of a frame. */
    private final class Listening extends ChannelInboundHandlerAdapter {
        @Override
        public void channelRead(ChannelHandlerContext context, Object bytes) {
            signsOfLife++;
            context.fireChannelRead(bytes);
        }
    }

    /** Of a connection that lost its place in what arrives, as memory was short or a handler failed. */
    private final class Ending extends ChannelInboundHandlerAdapter {
        @Override
        public void exceptionCaught(ChannelHandlerContext context, Throwable cause) {
            if (!(cause instanceof IOException)) {
                LOG.error("event=connection-failed peer={}", address, cause);
            }
            end(new AshlarException.Unavailable(
                    "the connection to " + address + " failed: " + cause, cause));
        }
    }

    void connect(Bootstrap bootstrap) {
        bootstrap
                .handler(new ChannelInitializer<>() {
                    @Override
                    protected void initChannel(Channel made) {
                        made.pipeline()
                                .addLast(new Listening())
                                .addLast(new FrameDecoder<>(
                                        FrameFormat.RESPONSE,
                                        Response.parser(),
                                        ClientConnection.this))
                                .addLast(new Ending());
                    }
                })
                .connect(address.host(), address.port())
                .addListener(future -> connected((ChannelFuture) future));
    }

    private void connected(ChannelFuture future) {
        Throwable cause = future.cause();
        if (cause != null) {
            end(new AshlarException.Unavailable("cannot connect to " + address, cause));
            return;
        }
        Channel made = future.channel();
        made.closeFuture()
                .addListener(closed ->
                        end(new AshlarException.Unavailable(address + " closed the connection")));
        if (ended != null) {
            close(made);
            return;
        }
        channel = made;
        while (!beforeConnected.isEmpty()) {
            beforeConnected.remove().run();
        }
    }

    boolean takesCalls() {
        return ended == null && !doubtful;
    }

    void call(
            Request request, List<Buffer> bulk, long timeoutNanos, Transport.ReplyHandler handler) {
        AshlarException cause = refusal(request, bulk);
        if (cause != null) {
            bulk.forEach(Buffer::release);
            loop.execute(() -> handler.failed(cause));
            return;
        }
        long requestId = ++lastRequestId;
        Loop.Timer timeout = loop.schedule(timeoutNanos, () -> timedOut(requestId, timeoutNanos));
        pending.put(requestId, new PendingCall(handler, timeout, signsOfLife));
        if (channel == null) {
            beforeConnected.add(() -> send(requestId, request, bulk));
        } else {
            send(requestId, request, bulk);
        }
    }

    private @Nullable AshlarException refusal(Request request, List<Buffer> bulk) {
        if (ended != null) {
            return ended;
        }
        if (pending.size() >= MAX_PENDING_CALLS) {
            return new AshlarException.Unavailable(
                    pending.size() + " calls to " + address + " are unanswered already");
        }
        String tooLong = Frames.tooLong(request, bulk);
        return tooLong == null
                ? null
                : new AshlarException.Invalid(
                        "the request " + request.getBodyCase() + " would be " + tooLong);
    }

    /** A call that timed out while the connection was being made is not sent any more. */
    private void send(long requestId, Request request, List<Buffer> bulk) {
        Channel open = channel;
        if (open == null || !pending.containsKey(requestId)) {
            bulk.forEach(Buffer::release);
            return;
        }
        Frames.write(open, FrameFormat.REQUEST, requestId, request, bulk);
        if (!flushScheduled) {
            flushScheduled = true;
            loop.execute(this::flush);
        }
    }

    /** Once for all frames of a loop's iteration. */
    private void flush() {
        flushScheduled = false;
        if (channel != null) {
            channel.flush();
        }
    }

    private void timedOut(long requestId, long timeoutNanos) {
        PendingCall call = pending.remove(requestId);
        if (call == null) {
            return;
        }
        doubtful |= channel != null && call.signsOfLifeBefore == signsOfLife;
        call.handler.failed(new AshlarException.Unavailable(
                address + " did not answer within " + timeoutNanos / 1_000_000 + " ms"));
        endIfUseless();
    }

    private void endIfUseless() {
        if (doubtful && pending.isEmpty()) {
            end(new AshlarException.Unavailable(address + " did not answer"));
        }
    }

    @Override
    public void frame(
            ChannelHandlerContext context, long requestId, Response response, Buffer bulk) {
        PendingCall call = pending.remove(requestId);
        if (call == null) {
            bulk.release();
            return;
        }
        call.timeout.cancel();
        if (response.hasFailure()) {
            bulk.release();
            call.handler.failed(AshlarException.of(response.getFailure()));
        } else {
            call.handler.answered(response, bulk);
        }
        endIfUseless();
    }

    @Override
    public void broken(ChannelHandlerContext context, AshlarException cause) {
        end(new AshlarException.Unavailable(address + " answered nonsense", cause));
    }

    /** Fails what is pending, later and in order, so that no handler runs inside a call. */
    void end(AshlarException cause) {
        if (ended != null) {
            return;
        }
        ended = cause;
        if (channel != null) {
            close(channel);
        }
        while (!beforeConnected.isEmpty()) {
            beforeConnected.remove().run();
        }
        List<PendingCall> calls = List.copyOf(pending.values());
        pending.clear();
        for (PendingCall call : calls) {
            call.timeout.cancel();
            call.handler.failed(cause);
        }
    }

    /** Nobody waits for the end of a close. */
    @SuppressWarnings("FutureReturnValueIgnored")
    private static void close(Channel channel) {
        channel.close();
    }
}
