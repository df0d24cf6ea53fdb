package io.ashlar.client.transport;

import io.ashlar.client.AshlarException;
import io.ashlar.client.format.FrameFormat;
import io.ashlar.client.protocol.Request;
import io.ashlar.client.protocol.Response;
import io.netty.channel.Channel;
import io.netty.channel.ChannelHandlerContext;
import io.netty.channel.ChannelInboundHandlerAdapter;
import io.netty.channel.EventLoop;

import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

import java.util.List;

/**
 * One caller of a service. Lives on its channel's loop. Reading stops while the caller does not
 * take its answers, or while too many of its requests are in the service's hands.
 */
final class ServerConnection extends ChannelInboundHandlerAdapter
        implements FrameDecoder.FrameListener<Request> {
    private static final Logger LOG = LoggerFactory.getLogger(ServerConnection.class);

    /** Requests of one connection that a service works on at a time. */
    static final int MAX_IN_SERVICE = 1024;

    private final Channel channel;
    private final Transport.Service service;
    private int inService;
    private boolean flushScheduled;

    ServerConnection(Channel channel, Transport.Service service) {
        this.channel = channel;
        this.service = service;
    }

    @Override
    public void frame(ChannelHandlerContext context, long requestId, Request request, Buffer bulk) {
        inService++;
        regulate();
        ResponderOf responder = new ResponderOf(requestId, request.getBodyCase());
        try {
            service.handle(request, bulk, responder);
        } catch (RuntimeException e) {
            LOG.error("event=request-failed peer={} request={}", peer(), request.getBodyCase(), e);
            responder.fail(new AshlarException.Unavailable(
                    "the server failed on " + request.getBodyCase() + ", see its log: " + e));
        }
    }

    private final class ResponderOf implements Transport.Responder {
        private final long requestId;
        private final Request.BodyCase request;

        ResponderOf(long requestId, Request.BodyCase request) {
            this.requestId = requestId;
            this.request = request;
        }

        @Override
        public void reply(Response response, List<Buffer> bulk) {
            EventLoop loop = channel.eventLoop();
            if (loop.inEventLoop()) {
                send(requestId, request, response, bulk);
            } else {
                loop.execute(() -> send(requestId, request, response, bulk));
            }
        }
    }

    private void send(
            long requestId, Request.BodyCase request, Response response, List<Buffer> bulk) {
        inService--;
        String tooLong = Frames.tooLong(response, bulk);
        if (!channel.isActive() || tooLong != null) {
            bulk.forEach(Buffer::release);
        }
        if (channel.isActive()) {
            if (tooLong == null) {
                write(requestId, response, bulk);
            } else {
                write(requestId, refusal(request, tooLong), List.of());
            }
        }
    }

    private Response refusal(Request.BodyCase request, String tooLong) {
        LOG.warn(
                "event=answer-too-long peer={} request={} reason=\"{}\"", peer(), request, tooLong);
        AshlarException cause = new AshlarException.Invalid(
                "the answer to " + request + " would be " + tooLong + "; ask for less at a time");
        return Response.newBuilder().setFailure(cause.toFailure()).build();
    }

    private void write(long requestId, Response response, List<Buffer> bulk) {
        Frames.write(channel, FrameFormat.RESPONSE, requestId, response, bulk);
        regulate();
        if (!flushScheduled) {
            flushScheduled = true;
            channel.eventLoop().execute(this::flush);
        }
    }

    /** Once for all answers of a loop's iteration. */
    private void flush() {
        flushScheduled = false;
        channel.flush();
        regulate();
    }

    private void regulate() {
        channel.config().setAutoRead(inService < MAX_IN_SERVICE && channel.isWritable());
    }

    @Override
    public void channelWritabilityChanged(ChannelHandlerContext context) {
        regulate();
    }

    @Override
    @SuppressWarnings("FutureReturnValueIgnored") // nobody waits for the end of a close
    public void broken(ChannelHandlerContext context, AshlarException cause) {
        LOG.warn("event=connection-refused peer={} reason=\"{}\"", peer(), cause.getMessage());
        context.close();
    }

    @Override
    @SuppressWarnings("FutureReturnValueIgnored") // nobody waits for the end of a close
    public void exceptionCaught(ChannelHandlerContext context, Throwable cause) {
        LOG.debug("event=connection-lost peer={} reason=\"{}\"", peer(), cause.toString());
        context.close();
    }

    private Object peer() {
        return channel.remoteAddress();
    }
}
