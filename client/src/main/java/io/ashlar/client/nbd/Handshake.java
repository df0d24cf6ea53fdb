package io.ashlar.client.nbd;

import io.netty.buffer.ByteBuf;
import io.netty.buffer.Unpooled;
import io.netty.channel.ChannelFutureListener;
import io.netty.channel.ChannelHandlerContext;
import io.netty.channel.ChannelInboundHandlerAdapter;
import io.netty.util.concurrent.Future;

import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.List;
import java.util.Set;
import java.util.concurrent.TimeUnit;
import java.util.function.Function;

/**
 * The negotiation of a connection: answers options until the client enters transmission, and hands
 * what comes behind over. Keeps no more than one option in memory, and reads nothing while the client
 * does not take its answers. Lives on the channel's loop.
 */
final class Handshake extends ChannelInboundHandlerAdapter {
    private static final Logger LOG = LoggerFactory.getLogger(Handshake.class);

    /** Longer option data are skipped; the option is answered with TOO_BIG. */
    private static final int MAX_OPTION_BYTES = 64 << 10;

    /** Nobody skips so much in earnest. */
    private static final int MAX_SKIPPED_BYTES = 32 << 20;

    /** A client that goes on for ever is not going to enter transmission. */
    private static final int MAX_OPTIONS = 1_000;

    private static final int MAX_QUERIES = 64;

    /** Who has not entered transmission by then keeps a place from others for nothing. */
    private static final long MAX_SECONDS = 60;

    private final Exports exports;
    private final Function<Negotiated, ChannelInboundHandlerAdapter> transmission;

    private State state = State.CLIENT_FLAGS;
    private ByteBuf needed = Unpooled.buffer(NbdFormat.CLIENT_FLAGS_BYTES);
    private int neededBytes = NbdFormat.CLIENT_FLAGS_BYTES;
    private final Inbox inbox = new Inbox();
    private boolean noZeroes;
    private int options;
    private int option;
    private long skipBytes;
    private ReplyStyle style = ReplyStyle.SIMPLE;
    private String contextsExport = "";
    private List<MetaContext> contexts = List.of();
    private @Nullable Future<?> limit;

    private enum State {
        CLIENT_FLAGS,
        OPTION_HEADER,
        OPTION_DATA,
        /** Of an option that is too long. */
        SKIPPING,
        OVER
    }

    /**
     * A negotiation.
     *
     * @param transmission makes what takes the connection over
     */
    Handshake(Exports exports, Function<Negotiated, ChannelInboundHandlerAdapter> transmission) {
        this.exports = exports;
        this.transmission = transmission;
    }

    @Override
    @SuppressWarnings("FutureReturnValueIgnored") // a failure closes the channel
    public void channelActive(ChannelHandlerContext context) {
        ByteBuf greeting = context.alloc().buffer();
        greeting.writeLong(NbdFormat.INIT_MAGIC)
                .writeLong(NbdFormat.OPTION_MAGIC)
                .writeShort(NbdFormat.FLAG_FIXED_NEWSTYLE | NbdFormat.FLAG_NO_ZEROES);
        context.writeAndFlush(greeting);
        limit = context.executor().schedule(() -> expire(context), MAX_SECONDS, TimeUnit.SECONDS);
    }

    @SuppressWarnings("FutureReturnValueIgnored") // nobody waits for the end of a close
    private void expire(ChannelHandlerContext context) {
        if (state == State.OVER) {
            context.close(); // it does not take what it is told last
        } else {
            end(context, "it has not chosen an export within " + MAX_SECONDS + " s");
        }
    }

    @Override
    public void channelRead(ChannelHandlerContext context, Object received) {
        inbox.add((ByteBuf) received);
        goOn(context);
    }

    @Override
    public void channelWritabilityChanged(ChannelHandlerContext context) {
        goOn(context);
    }

    private void goOn(ChannelHandlerContext context) {
        while (state != State.OVER && context.channel().isWritable() && inbox.hasBytes()) {
            if (state == State.SKIPPING) {
                skipBytes -= inbox.skip(skipBytes);
                if (skipBytes == 0) {
                    refuse(context, NbdFormat.REP_ERR_TOO_BIG, "the option's data are too long");
                    expect(State.OPTION_HEADER, NbdFormat.OPTION_HEADER_BYTES);
                }
            } else {
                inbox.moveTo(needed, neededBytes - needed.readableBytes());
            }
            if (state != State.SKIPPING && needed.readableBytes() == neededBytes) {
                received(context);
            }
        }
        context.flush();
        if (state != State.OVER) {
            context.channel().config().setAutoRead(context.channel().isWritable());
        }
    }

    private void expect(State next, int bytes) {
        state = next;
        neededBytes = bytes;
        needed = Unpooled.buffer(bytes);
    }

    private void received(ChannelHandlerContext context) {
        switch (state) {
            case CLIENT_FLAGS -> clientFlags(context, needed.readInt());
            case OPTION_HEADER -> optionHeader(context);
            case OPTION_DATA -> {
                byte[] data = new byte[neededBytes];
                needed.readBytes(data);
                expect(State.OPTION_HEADER, NbdFormat.OPTION_HEADER_BYTES);
                option(context, data);
            }
            case SKIPPING, OVER -> throw new IllegalStateException("nothing is expected");
        }
    }

    private void clientFlags(ChannelHandlerContext context, int flags) {
        int known = NbdFormat.FLAG_FIXED_NEWSTYLE | NbdFormat.FLAG_NO_ZEROES;
        if ((flags & ~known) != 0) {
            end(context, "it sets unknown flags, " + Integer.toHexString(flags));
            return;
        }
        noZeroes = (flags & NbdFormat.FLAG_NO_ZEROES) != 0;
        expect(State.OPTION_HEADER, NbdFormat.OPTION_HEADER_BYTES);
    }

    private void optionHeader(ChannelHandlerContext context) {
        long magic = needed.readLong();
        option = needed.readInt();
        long length = needed.readUnsignedInt();
        options++;
        if (magic != NbdFormat.OPTION_MAGIC) {
            end(context, "its option begins with " + Long.toHexString(magic));
        } else if (options > MAX_OPTIONS) {
            end(context, "it sent " + options + " options");
        } else if (length > MAX_SKIPPED_BYTES) {
            end(context, "it sends an option of " + length + " bytes");
        } else if (length > MAX_OPTION_BYTES && option == NbdFormat.OPT_EXPORT_NAME) {
            end(context, "it asks for an export whose name has " + length + " bytes");
        } else if (length > MAX_OPTION_BYTES) {
            if (option == NbdFormat.OPT_SET_META_CONTEXT) {
                contexts = List.of();
            }
            state = State.SKIPPING;
            skipBytes = length;
        } else if (length == 0) {
            expect(State.OPTION_HEADER, NbdFormat.OPTION_HEADER_BYTES);
            option(context, new byte[0]);
        } else {
            expect(State.OPTION_DATA, (int) length);
        }
    }

    private void option(ChannelHandlerContext context, byte[] data) {
        OptionReader reader = new OptionReader(data);
        if (option == NbdFormat.OPT_ABORT) {
            abort(context);
            return;
        }
        try {
            switch (option) {
                case NbdFormat.OPT_EXPORT_NAME -> exportName(context, reader);
                case NbdFormat.OPT_LIST -> list(context, reader);
                case NbdFormat.OPT_INFO, NbdFormat.OPT_GO -> info(context, reader);
                case NbdFormat.OPT_STRUCTURED_REPLY -> structuredReplies(context, reader);
                case NbdFormat.OPT_EXTENDED_HEADERS -> extendedHeaders(context, reader);
                case NbdFormat.OPT_LIST_META_CONTEXT -> metaContexts(context, reader, false);
                case NbdFormat.OPT_SET_META_CONTEXT -> metaContexts(context, reader, true);
                default ->
                    refuse(
                            context,
                            NbdFormat.REP_ERR_UNSUP,
                            "option " + Integer.toUnsignedString(option) + " is not known here");
            }
        } catch (MalformedException e) {
            if (option == NbdFormat.OPT_EXPORT_NAME) {
                end(context, e.reason());
            } else {
                refuse(context, NbdFormat.REP_ERR_INVALID, e.reason());
            }
        }
    }

    private void abort(ChannelHandlerContext context) {
        reply(context, NbdFormat.REP_ACK, Unpooled.EMPTY_BUFFER);
        state = State.OVER;
        inbox.close();
        context.channel().config().setAutoRead(false);
        context.writeAndFlush(Unpooled.EMPTY_BUFFER).addListener(ChannelFutureListener.CLOSE);
    }

    /** Cannot be refused but by the end of the connection. */
    private void exportName(ChannelHandlerContext context, OptionReader reader)
            throws MalformedException {
        String name = reader.rest();
        NbdExport export = exports.find(name);
        if (export == null || style == ReplyStyle.EXTENDED) {
            end(context, "it asks for an export \"" + name + "\" that it cannot have");
            return;
        }
        ByteBuf answer = context.alloc().buffer();
        answer.writeLong(export.sizeBytes()).writeShort(flags(export));
        if (!noZeroes) {
            answer.writeZero(NbdFormat.EXPORT_NAME_ZEROES);
        }
        write(context, answer);
        enter(context, export);
    }

    private void list(ChannelHandlerContext context, OptionReader reader)
            throws MalformedException {
        reader.requireEnd();
        for (NbdExport export : exports.all()) {
            byte[] name = bytes(export.name());
            reply(
                    context,
                    NbdFormat.REP_SERVER,
                    Unpooled.buffer().writeInt(name.length).writeBytes(name));
        }
        acknowledge(context);
    }

    private void info(ChannelHandlerContext context, OptionReader reader)
            throws MalformedException {
        String name = reader.string();
        int count = reader.u16();
        Set<Integer> wanted = new HashSet<>();
        for (int i = 0; i < count; i++) {
            wanted.add(reader.u16());
        }
        reader.requireEnd();
        NbdExport export = exports.find(name);
        if (export == null) {
            refuseUnknown(context, name);
            return;
        }
        reply(
                context,
                NbdFormat.REP_INFO,
                Unpooled.buffer()
                        .writeShort(NbdFormat.INFO_EXPORT)
                        .writeLong(export.sizeBytes())
                        .writeShort(flags(export)));
        if (wanted.contains(NbdFormat.INFO_NAME)) {
            reply(
                    context,
                    NbdFormat.REP_INFO,
                    Unpooled.buffer()
                            .writeShort(NbdFormat.INFO_NAME)
                            .writeBytes(bytes(export.name())));
        }
        if (wanted.contains(NbdFormat.INFO_DESCRIPTION)) {
            reply(
                    context,
                    NbdFormat.REP_INFO,
                    Unpooled.buffer()
                            .writeShort(NbdFormat.INFO_DESCRIPTION)
                            .writeBytes(bytes("Ashlar volume " + export.name())));
        }
        reply(
                context,
                NbdFormat.REP_INFO,
                Unpooled.buffer()
                        .writeShort(NbdFormat.INFO_BLOCK_SIZE)
                        .writeInt(1)
                        .writeInt(NbdExport.BLOCK_BYTES)
                        .writeInt(NbdFormat.MAX_PAYLOAD_BYTES));
        acknowledge(context);
        if (option == NbdFormat.OPT_GO) {
            enter(context, export);
        }
    }

    private void structuredReplies(ChannelHandlerContext context, OptionReader reader)
            throws MalformedException {
        reader.requireEnd();
        if (style == ReplyStyle.EXTENDED) {
            refuse(
                    context,
                    NbdFormat.REP_ERR_EXT_HEADER_REQD,
                    "extended headers are agreed on already");
            return;
        }
        style = ReplyStyle.STRUCTURED;
        acknowledge(context);
    }

    private void extendedHeaders(ChannelHandlerContext context, OptionReader reader)
            throws MalformedException {
        reader.requireEnd();
        style = ReplyStyle.EXTENDED;
        acknowledge(context);
    }

    private void metaContexts(ChannelHandlerContext context, OptionReader reader, boolean set)
            throws MalformedException {
        if (set) {
            contexts = List.of();
        }
        String name = reader.string();
        long count = reader.u32();
        if (count > MAX_QUERIES) {
            refuse(context, NbdFormat.REP_ERR_TOO_BIG, count + " queries are too many");
            return;
        }
        List<String> queries = new ArrayList<>();
        for (int i = 0; i < count; i++) {
            String query = reader.string();
            if (query.indexOf(':') < 1) {
                throw new MalformedException("the query \"" + query + "\" names no namespace");
            }
            queries.add(query);
        }
        reader.requireEnd();
        if (style == ReplyStyle.SIMPLE) {
            throw new MalformedException("structured replies have to be agreed on first");
        }
        if (exports.find(name) == null) {
            refuseUnknown(context, name);
            return;
        }
        List<MetaContext> found = new ArrayList<>();
        for (MetaContext one : MetaContext.values()) {
            boolean all = queries.isEmpty() || queries.stream().anyMatch(one::isIn);
            if (queries.contains(one.contextName()) || (!set && all)) {
                found.add(one);
            }
        }
        for (MetaContext one : found) {
            reply(
                    context,
                    NbdFormat.REP_META_CONTEXT,
                    Unpooled.buffer()
                            .writeInt(set ? one.id() : 0)
                            .writeBytes(bytes(one.contextName())));
        }
        acknowledge(context);
        if (set) {
            contexts = found;
            contextsExport = name;
        }
    }

    private boolean hasContexts(NbdExport export) {
        NbdExport theirs = exports.find(contextsExport);
        return !contexts.isEmpty() && theirs != null && theirs.name().equals(export.name());
    }

    private int flags(NbdExport export) {
        return Negotiated.transmissionFlags(export, style, hasContexts(export));
    }

    private void enter(ChannelHandlerContext context, NbdExport export) {
        state = State.OVER;
        context.flush();
        LOG.info(
                "event=nbd_connected export={} peer={} replies={}",
                export.name(),
                context.channel().remoteAddress(),
                style);
        Negotiated negotiated =
                new Negotiated(export, style, hasContexts(export) ? contexts : List.of());
        ByteBuf rest = inbox.takeAll(context.alloc());
        context.pipeline().replace(this, "transmission", transmission.apply(negotiated));
        context.channel().pipeline().fireChannelRead(rest);
    }

    private void refuseUnknown(ChannelHandlerContext context, String name) {
        refuse(context, NbdFormat.REP_ERR_UNKNOWN, "there is no export \"" + name + "\"");
    }

    private void acknowledge(ChannelHandlerContext context) {
        reply(context, NbdFormat.REP_ACK, Unpooled.EMPTY_BUFFER);
    }

    private void refuse(ChannelHandlerContext context, int type, String reason) {
        byte[] message = bytes(reason);
        int length = Math.min(message.length, NbdFormat.MAX_STRING_BYTES);
        reply(context, type, Unpooled.wrappedBuffer(message, 0, length));
    }

    private void reply(ChannelHandlerContext context, int type, ByteBuf data) {
        ByteBuf reply = context.alloc().buffer();
        reply.writeLong(NbdFormat.OPTION_REPLY_MAGIC)
                .writeInt(option)
                .writeInt(type)
                .writeInt(data.readableBytes())
                .writeBytes(data);
        write(context, reply);
    }

    @SuppressWarnings("FutureReturnValueIgnored") // a failure closes the channel
    private static void write(ChannelHandlerContext context, ByteBuf bytes) {
        context.write(bytes);
    }

    private static byte[] bytes(String text) {
        return text.getBytes(StandardCharsets.UTF_8);
    }

    @SuppressWarnings("FutureReturnValueIgnored") // nobody waits for the end of a close
    private void end(ChannelHandlerContext context, String reason) {
        LOG.warn(
                "event=nbd_refused peer={} reason=\"{}\"",
                context.channel().remoteAddress(),
                reason);
        state = State.OVER;
        context.close();
    }

    @Override
    @SuppressWarnings("FutureReturnValueIgnored") // nobody waits for the end of a close
    public void exceptionCaught(ChannelHandlerContext context, Throwable cause) {
        LOG.debug("event=nbd_connection_lost reason=\"{}\"", cause.toString());
        context.close();
    }

    @Override
    public void handlerRemoved(ChannelHandlerContext context) {
        inbox.close();
        if (limit != null) {
            limit.cancel(false);
        }
    }
}
