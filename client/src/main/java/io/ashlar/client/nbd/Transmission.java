package io.ashlar.client.nbd;

import io.netty.buffer.ByteBuf;
import io.netty.buffer.Unpooled;
import io.netty.channel.Channel;
import io.netty.channel.ChannelHandlerContext;
import io.netty.channel.ChannelInboundHandlerAdapter;
import io.netty.channel.ChannelOutboundBuffer;
import io.netty.util.concurrent.Future;

import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

import java.io.IOException;
import java.util.concurrent.TimeUnit;

/**
 * A connection in transmission: takes requests as they come, hands them to the export, and answers
 * each when it is done, in whatever order that is. It stops reading while too many requests are under
 * way, while their data take too much memory, here or in the whole server, or while the client does
 * not take its replies; so what a client can make the server keep is bounded. The data of a request
 * count from before they are received until the reply is with the client's kernel.
 *
 * <p>Lives on the channel's loop; the export may complete on any thread.
 */
final class Transmission extends ChannelInboundHandlerAdapter implements Answers.Listener {
    private static final Logger LOG = LoggerFactory.getLogger(Transmission.class);

    private static final int MAX_IN_FLIGHT = 1_024;

    /** More requests are taken only while less than this is kept for a connection. */
    private static final long MAX_KEPT_BYTES = NbdFormat.MAX_PAYLOAD_BYTES;

    /** Of a BLOCK_STATUS that names its contexts. */
    private static final int MAX_STATUS_PAYLOAD_BYTES = 8 + 4 * 64;

    private static final long LOOK_SECONDS = 5;

    /** A client that moves less than that between two looks is not earnest about it. */
    private static final long MIN_MOVED_BYTES = 64 << 10;

    private static final int MAX_LOOKS_WITHOUT_PROGRESS = 6;

    private final Channel channel;
    private final Negotiated negotiated;
    private final NbdExport export;
    private final ReplyStyle style;
    private final MemoryBudget budget;
    private final Inbox inbox = new Inbox();
    private final ByteBuf head;
    private final Answers answers;
    private final Commands commands;

    private State state = State.REQUEST;
    private @Nullable NbdRequest request;
    private @Nullable ByteBuf data;
    private int dataLeft;
    private long skipLeft;
    private int inFlight;
    private long keptBytes;
    private boolean shuttingDown;

    /**
     * Bytes that the client has sent of requests' data, refused ones among them, or that replies which
     * it took had kept; what it has taken of the next reply comes to that.
     */
    private long movedBytes;

    private long movedBytesSeen;
    private int looksWithoutProgress;
    private @Nullable Future<?> watch;

    private enum State {
        REQUEST,
        /** Of a request that waits for memory. */
        MEMORY,
        DATA,
        /** Data of a request that is refused. */
        SKIPPING,
        /** The client has said that nothing comes any more. */
        LEAVING,
        OVER
    }

    Transmission(Channel channel, Negotiated negotiated, MemoryBudget budget) {
        this.channel = channel;
        this.negotiated = negotiated;
        this.export = negotiated.export();
        this.style = negotiated.style();
        this.budget = budget;
        this.head = Unpooled.buffer(style.requestBytes());
        this.answers = new Answers(channel, negotiated, this);
        this.commands = new Commands(channel, negotiated, answers);
    }

    @Override
    public void channelRead(ChannelHandlerContext context, Object received) {
        inbox.add((ByteBuf) received);
        goOn();
    }

    @Override
    public void channelWritabilityChanged(ChannelHandlerContext context) {
        goOn();
    }

    // ---- requests

    private void goOn() {
        boolean more = true;
        while (more) {
            more = switch (state) {
                case REQUEST -> takesMore() && inbox.hasBytes() && receiveHead();
                case DATA -> inbox.hasBytes() && receiveData();
                case SKIPPING -> inbox.hasBytes() && skip();
                case MEMORY, LEAVING, OVER -> false;
            };
        }
        regulate();
    }

    private boolean takesMore() {
        return inFlight < MAX_IN_FLIGHT && keptBytes < MAX_KEPT_BYTES && channel.isWritable();
    }

    private void regulate() {
        boolean reads = switch (state) {
            case REQUEST -> takesMore();
            case DATA, SKIPPING -> true;
            case MEMORY, LEAVING, OVER -> false;
        };
        channel.config().setAutoRead(reads);
    }

    private boolean receiveHead() {
        inbox.moveTo(head, style.requestBytes() - head.readableBytes());
        if (head.readableBytes() == style.requestBytes()) {
            try {
                NbdRequest next = style.read(head);
                head.clear();
                begin(next);
            } catch (MalformedException e) {
                end(e.reason());
            }
        }
        return true;
    }

    private void begin(NbdRequest next) {
        long payloadBytes = next.payloadBytes(style);
        boolean endless = style == ReplyStyle.EXTENDED
                && Long.compareUnsigned(payloadBytes, NbdFormat.MAX_PAYLOAD_BYTES) > 0;
        if (endless) {
            end("a request with " + Long.toUnsignedString(payloadBytes) + " bytes");
            return;
        }
        inFlight++;
        if (next.command() == NbdFormat.CMD_DISC) {
            leave();
            return;
        }
        NbdRequest.Refusal refusal = refusalOf(next, payloadBytes);
        if (refusal != null) {
            skipLeft = payloadBytes;
            state = payloadBytes > 0 ? State.SKIPPING : State.REQUEST;
            answers.refused(next, 0, refusal);
            return;
        }
        request = next;
        if (budget.take(this, next.memoryBytes(), () -> granted())) {
            enter(next);
        } else {
            state = State.MEMORY;
        }
    }

    private NbdRequest.@Nullable Refusal refusalOf(NbdRequest next, long payloadBytes) {
        if (shuttingDown) {
            return new NbdRequest.Refusal(NbdError.SHUTDOWN, "the server is shutting down");
        }
        boolean ofStatus = next.command() == NbdFormat.CMD_BLOCK_STATUS;
        return ofStatus && payloadBytes > MAX_STATUS_PAYLOAD_BYTES
                ? new NbdRequest.Refusal(NbdError.INVAL, "too many contexts are named")
                : next.refusal(negotiated);
    }

    private void granted() {
        channel.eventLoop().execute(() -> {
            NbdRequest waiting = request;
            if (state == State.MEMORY && waiting != null) {
                try {
                    enter(waiting);
                    goOn();
                } catch (RuntimeException | Error e) {
                    failed(e);
                }
            }
        });
    }

    /** The memory for it is there. */
    private void enter(NbdRequest next) {
        keptBytes += next.memoryBytes();
        int payloadBytes = (int) next.payloadBytes(style);
        if (payloadBytes == 0) {
            request = null;
            state = State.REQUEST;
            commands.carryOut(next);
            return;
        }
        if (next.command() == NbdFormat.CMD_WRITE) {
            int before = (int) (next.offset() % NbdExport.BLOCK_BYTES);
            int blocks = Math.ceilDiv(before + payloadBytes, NbdExport.BLOCK_BYTES);
            int sizeBytes = blocks * NbdExport.BLOCK_BYTES;
            data = channel.alloc().directBuffer(sizeBytes, sizeBytes).setIndex(before, before);
        } else {
            data = channel.alloc().directBuffer(payloadBytes, payloadBytes);
        }
        dataLeft = payloadBytes;
        state = State.DATA;
    }

    private boolean receiveData() {
        ByteBuf target = data;
        NbdRequest whole = request;
        if (target == null || whole == null) {
            throw new IllegalStateException("data of no request");
        }
        int before = target.readableBytes();
        inbox.moveTo(target, dataLeft);
        int received = target.readableBytes() - before;
        dataLeft -= received;
        movedBytes += received;
        if (dataLeft == 0) {
            data = null;
            request = null;
            state = State.REQUEST;
            if (whole.command() == NbdFormat.CMD_WRITE) {
                commands.write(whole, target);
            } else {
                commands.statusOfSome(whole, target);
            }
        }
        return true;
    }

    private boolean skip() {
        long skipped = inbox.skip(skipLeft);
        skipLeft -= skipped;
        movedBytes += skipped;
        if (skipLeft == 0) {
            state = State.REQUEST;
        }
        return channel.isActive();
    }

    // ---- replies

    @Override
    public void answered() {
        inFlight--;
    }

    @Override
    public void taken(long heldBytes) {
        keptBytes -= heldBytes;
        movedBytes += heldBytes;
        if (heldBytes > 0) {
            budget.giveBack(heldBytes);
            goOn();
        }
    }

    @Override
    public void flushed() {
        closeIfLeft();
        goOn();
    }

    // ---- the end

    /** Whatever is asked for from now on is refused, and the connection ends with what is under way. */
    void shutDown() {
        shuttingDown = true;
        closeIfLeft();
    }

    private void leave() {
        inFlight--;
        state = State.LEAVING;
        closeIfLeft();
    }

    @SuppressWarnings("FutureReturnValueIgnored") // nobody waits for the end of a close
    private void closeIfLeft() {
        if ((state == State.LEAVING || shuttingDown)
                && inFlight == 0
                && !answers.isFlushScheduled()) {
            channel.writeAndFlush(channel.alloc().buffer(0))
                    .addListener(ignored -> channel.close());
        }
    }

    @SuppressWarnings("FutureReturnValueIgnored") // nobody waits for the end of a close
    private void end(String reason) {
        LOG.warn(
                "event=nbd_refused export={} peer={} reason=\"{}\"",
                export.name(),
                channel.remoteAddress(),
                reason);
        state = State.OVER;
        channel.close();
    }

    @Override
    public void handlerAdded(ChannelHandlerContext context) {
        watch = channel.eventLoop()
                .scheduleAtFixedRate(
                        () -> endIfStalled(), LOOK_SECONDS, LOOK_SECONDS, TimeUnit.SECONDS);
    }

    /**
     * Who sends half of a request, or does not take replies, or does so drop by drop, keeps memory
     * for as long as it likes, but not while others wait for it.
     */
    private void endIfStalled() {
        ChannelOutboundBuffer replies = channel.unsafe().outboundBuffer();
        boolean owes = state == State.DATA || (replies != null && !replies.isEmpty());
        long moved = movedBytes + (replies == null ? 0 : replies.currentProgress());
        boolean moves = Math.abs(moved - movedBytesSeen) >= MIN_MOVED_BYTES;
        movedBytesSeen = moved;
        if (moves || keptBytes == 0 || !owes || !budget.isShort()) {
            looksWithoutProgress = 0;
        } else if (++looksWithoutProgress == MAX_LOOKS_WITHOUT_PROGRESS) {
            end("it keeps memory that others wait for");
        }
    }

    @Override
    public void exceptionCaught(ChannelHandlerContext context, Throwable cause) {
        failed(cause);
    }

    @SuppressWarnings("FutureReturnValueIgnored") // nobody waits for the end of a close
    private void failed(Throwable cause) {
        if (cause instanceof IOException) {
            LOG.debug("event=nbd_connection_lost reason=\"{}\"", cause.toString());
        } else {
            LOG.error("event=nbd_connection_failed export={}", export.name(), cause);
        }
        channel.close();
    }

    @Override
    public void channelInactive(ChannelHandlerContext context) {
        LOG.info("event=nbd_disconnected export={}", export.name());
        state = State.OVER;
        inbox.close();
        dropUnfinished();
    }

    /** Of a request that was received in part, or waits for memory. */
    private void dropUnfinished() {
        NbdRequest begun = request;
        if (begun == null) {
            return;
        }
        request = null;
        inFlight--;
        if (data != null) {
            data.release();
            data = null;
        }
        if (!budget.forget(this)) {
            budget.giveBack(begun.memoryBytes());
        }
    }

    @Override
    public void handlerRemoved(ChannelHandlerContext context) {
        inbox.close();
        head.release();
        if (watch != null) {
            watch.cancel(false);
        }
    }
}
