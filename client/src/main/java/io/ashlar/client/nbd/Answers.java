package io.ashlar.client.nbd;

import io.ashlar.client.AshlarException;
import io.netty.buffer.ByteBuf;
import io.netty.channel.Channel;

import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

import java.nio.charset.StandardCharsets;
import java.util.Arrays;
import java.util.function.Consumer;

/** What a client is told, in the style that was agreed on. Lives on the channel's loop. */
final class Answers {
    private static final Logger LOG = LoggerFactory.getLogger(Answers.class);

    private static final int SHORT_REPLY_BYTES = 64;
    private static final long COMPLAINTS_APART_NANOS = 1_000_000_000L;

    private final Channel channel;
    private final String exportName;
    private final ReplyStyle style;
    private final Listener listener;
    private boolean flushScheduled;
    private long nextComplaintNanos = System.nanoTime();

    Answers(Channel channel, Negotiated negotiated, Listener listener) {
        this.channel = channel;
        this.exportName = negotiated.export().name();
        this.style = negotiated.style();
        this.listener = listener;
    }

    /** Hears what becomes of requests. */
    interface Listener {
        /** The last of a request's reply was handed to the channel. */
        void answered();

        /** It is with the client's kernel, or the connection is gone. */
        void taken(long heldBytes);

        /** All replies so far are on their way. */
        void flushed();
    }

    void done(NbdRequest done) {
        send(done.memoryBytes(), reply -> style.writeDone(reply, done));
    }

    /**
     * A request is over.
     *
     * @param failure null where it did not fail
     */
    void ended(NbdRequest ended, @Nullable Throwable failure) {
        if (failure == null) {
            done(ended);
        } else {
            refused(ended, ended.memoryBytes(), told(ended, failure));
        }
    }

    void refused(NbdRequest refused, long heldBytes, NbdRequest.Refusal refusal) {
        byte[] message = refusal.reason().getBytes(StandardCharsets.UTF_8);
        byte[] cut = Arrays.copyOf(message, Math.min(message.length, NbdFormat.MAX_STRING_BYTES));
        send(heldBytes, reply -> style.writeError(reply, refused, refusal.error(), cut));
    }

    /** A person has to learn of it too, but not of every one of many. */
    private NbdRequest.Refusal told(NbdRequest failed, Throwable failure) {
        AshlarException cause;
        try {
            cause = AshlarException.in(failure);
        } catch (RuntimeException | Error bug) {
            LOG.error("event=nbd_request_failed export={}", exportName, bug);
            return new NbdRequest.Refusal(NbdError.IO, "the server failed, see its log");
        }
        NbdError error = NbdError.of(cause);
        long now = System.nanoTime();
        if (now - nextComplaintNanos >= 0) {
            nextComplaintNanos = now + COMPLAINTS_APART_NANOS;
            LOG.warn(
                    "event=nbd_error export={} command={} offset={} length={} error={}"
                            + " reason=\"{}\"",
                    exportName,
                    failed.command(),
                    failed.offset(),
                    failed.length(),
                    error,
                    cause.getMessage());
        }
        return new NbdRequest.Refusal(error, cause.getMessage());
    }

    void send(long heldBytes, Consumer<ByteBuf> writer) {
        ByteBuf reply = channel.alloc().buffer(SHORT_REPLY_BYTES);
        writer.accept(reply);
        sendLast(heldBytes, reply);
    }

    /** More of the reply comes. */
    @SuppressWarnings("FutureReturnValueIgnored") // what comes behind it on the channel fails, too
    void sendPart(ByteBuf part) {
        channel.write(part);
    }

    /**
     * The last that is sent of a reply.
     *
     * @param heldBytes of memory that the request took
     */
    void sendLast(long heldBytes, ByteBuf reply) {
        listener.answered();
        var _ = channel.write(reply).addListener(sent -> listener.taken(heldBytes));
        if (!flushScheduled) {
            flushScheduled = true;
            channel.eventLoop().execute(this::flush);
        }
    }

    /** Once for all replies of a loop's iteration. */
    private void flush() {
        flushScheduled = false;
        channel.flush();
        listener.flushed();
    }

    boolean isFlushScheduled() {
        return flushScheduled;
    }
}
