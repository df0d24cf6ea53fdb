package io.ashlar.client.nbd;

import static org.assertj.core.api.Assertions.assertThat;

import io.netty.buffer.ByteBuf;
import io.netty.buffer.Unpooled;
import io.netty.channel.Channel;
import io.netty.channel.ChannelHandlerContext;
import io.netty.channel.ChannelInitializer;
import io.netty.channel.ChannelOutboundHandlerAdapter;
import io.netty.channel.ChannelPromise;
import io.netty.channel.embedded.EmbeddedChannel;
import io.netty.util.ReferenceCountUtil;

import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.TimeUnit;

/** A client, byte by byte, of the server's handlers. */
final class NbdConversation implements AutoCloseable {
    static final long MEMORY_BYTES = 80L << 20;

    final MemoryBudget budget;
    private final EmbeddedChannel channel;
    private final ByteBuf replies = Unpooled.buffer();
    private long cookie = 0x1000;

    NbdConversation(MemoryBudget budget, NbdExport... exports) {
        this.budget = budget;
        this.channel = new EmbeddedChannel(new ChannelInitializer<>() {
            @Override
            protected void initChannel(Channel made) {
                made.pipeline()
                        .addLast(new Handshake(
                                new Exports(List.of(exports)),
                                negotiated -> new Transmission(made, negotiated, budget)));
            }
        });
    }

    NbdConversation(NbdExport... exports) {
        this(new MemoryBudget(MEMORY_BYTES), exports);
    }

    /** A reply to an option. */
    @SuppressWarnings("ArrayRecordComponent") // never compared
    record OptionReply(int option, int type, byte[] data) {
        String text() {
            return new String(data, StandardCharsets.UTF_8);
        }

        ByteBuf bytes() {
            return Unpooled.wrappedBuffer(data);
        }
    }

    /**
     * A reply to a request, or a chunk of one.
     *
     * @param type of the chunk; -1 for a simple reply
     */
    @SuppressWarnings("ArrayRecordComponent") // never compared
    record Reply(boolean last, int type, long cookie, int error, byte[] data) {
        ByteBuf bytes() {
            return Unpooled.wrappedBuffer(data);
        }

        boolean isDone() {
            return error == 0 && last;
        }
    }

    boolean isOpen() {
        channel.runPendingTasks();
        return channel.isActive();
    }

    void send(ByteBuf bytes) {
        if (channel.isActive()) {
            channel.writeInbound(bytes);
            settle();
        } else {
            bytes.release();
        }
    }

    void settle() {
        channel.runPendingTasks();
        for (ByteBuf out = channel.readOutbound(); out != null; out = channel.readOutbound()) {
            replies.writeBytes(out);
            out.release();
        }
        channel.checkException();
    }

    /** What the server has sent and nobody has looked at. */
    ByteBuf replies() {
        settle();
        return replies;
    }

    void pass(long seconds) {
        channel.advanceTimeBy(seconds, TimeUnit.SECONDS);
        channel.runScheduledPendingTasks();
        settle();
    }

    /** What is written from now on is on its way for ever. */
    void stopTaking() {
        channel.pipeline().addFirst(new ChannelOutboundHandlerAdapter() {
            @Override
            public void write(ChannelHandlerContext context, Object bytes, ChannelPromise sent) {
                ReferenceCountUtil.release(bytes);
            }
        });
    }

    boolean reads() {
        return channel.config().isAutoRead();
    }

    NbdConversation greet() {
        settle();
        assertThat(replies.readLong()).isEqualTo(NbdFormat.INIT_MAGIC);
        assertThat(replies.readLong()).isEqualTo(NbdFormat.OPTION_MAGIC);
        assertThat(replies.readUnsignedShort())
                .isEqualTo(NbdFormat.FLAG_FIXED_NEWSTYLE | NbdFormat.FLAG_NO_ZEROES);
        send(Unpooled.buffer().writeInt(NbdFormat.FLAG_FIXED_NEWSTYLE | NbdFormat.FLAG_NO_ZEROES));
        return this;
    }

    static ByteBuf option(int option, ByteBuf data) {
        return Unpooled.buffer()
                .writeLong(NbdFormat.OPTION_MAGIC)
                .writeInt(option)
                .writeInt(data.readableBytes())
                .writeBytes(data);
    }

    List<OptionReply> ask(int option, ByteBuf data) {
        send(option(option, data));
        List<OptionReply> all = new ArrayList<>();
        while (replies.isReadable()) {
            assertThat(replies.readLong()).isEqualTo(NbdFormat.OPTION_REPLY_MAGIC);
            int repliedTo = replies.readInt();
            int type = replies.readInt();
            byte[] content = new byte[replies.readInt()];
            replies.readBytes(content);
            all.add(new OptionReply(repliedTo, type, content));
        }
        return all;
    }

    OptionReply askOne(int option, ByteBuf data) {
        List<OptionReply> all = ask(option, data);
        assertThat(all).hasSize(1);
        return all.getFirst();
    }

    static ByteBuf string(String text) {
        byte[] bytes = text.getBytes(StandardCharsets.UTF_8);
        return Unpooled.buffer().writeInt(bytes.length).writeBytes(bytes);
    }

    static ByteBuf go(String name, int... wanted) {
        ByteBuf data = string(name).writeShort(wanted.length);
        for (int one : wanted) {
            data.writeShort(one);
        }
        return data;
    }

    static ByteBuf queries(String name, String... queries) {
        ByteBuf data = string(name).writeInt(queries.length);
        for (String query : queries) {
            data.writeBytes(string(query));
        }
        return data;
    }

    /** Enters transmission. */
    NbdConversation enter(String name, ReplyStyle style, String... contexts) {
        greet();
        switch (style) {
            case SIMPLE -> {}
            case STRUCTURED -> acknowledged(NbdFormat.OPT_STRUCTURED_REPLY, Unpooled.EMPTY_BUFFER);
            case EXTENDED -> acknowledged(NbdFormat.OPT_EXTENDED_HEADERS, Unpooled.EMPTY_BUFFER);
        }
        if (contexts.length > 0) {
            acknowledged(NbdFormat.OPT_SET_META_CONTEXT, queries(name, contexts));
        }
        acknowledged(NbdFormat.OPT_GO, go(name));
        return this;
    }

    private void acknowledged(int option, ByteBuf data) {
        assertThat(ask(option, data).getLast().type()).isEqualTo(NbdFormat.REP_ACK);
    }

    static ByteBuf request(int flags, int command, long cookie, long offset, long length) {
        return Unpooled.buffer()
                .writeInt(NbdFormat.REQUEST_MAGIC)
                .writeShort(flags)
                .writeShort(command)
                .writeLong(cookie)
                .writeLong(offset)
                .writeInt((int) length);
    }

    static ByteBuf extendedRequest(int flags, int command, long cookie, long offset, long length) {
        return Unpooled.buffer()
                .writeInt(NbdFormat.EXTENDED_REQUEST_MAGIC)
                .writeShort(flags)
                .writeShort(command)
                .writeLong(cookie)
                .writeLong(offset)
                .writeLong(length);
    }

    long nextCookie() {
        return ++cookie;
    }

    /** A simple reply, with so many bytes of data where it is none of an error. */
    Reply simpleReply(int dataBytes) {
        settle();
        assertThat(replies.readInt()).isEqualTo(NbdFormat.SIMPLE_REPLY_MAGIC);
        int error = replies.readInt();
        long of = replies.readLong();
        byte[] data = new byte[error == 0 ? dataBytes : 0];
        replies.readBytes(data);
        return new Reply(true, -1, of, error, data);
    }

    /** Simple or a chunk, as structured replies have it. */
    Reply structuredReply() {
        settle();
        if (replies.getInt(replies.readerIndex()) == NbdFormat.SIMPLE_REPLY_MAGIC) {
            return simpleReply(0);
        }
        assertThat(replies.readInt()).isEqualTo(NbdFormat.STRUCTURED_REPLY_MAGIC);
        int flags = replies.readUnsignedShort();
        int type = replies.readUnsignedShort();
        long of = replies.readLong();
        return chunk(flags, type, of, replies.readInt());
    }

    Reply extendedReply(long offset) {
        settle();
        assertThat(replies.readInt()).isEqualTo(NbdFormat.EXTENDED_REPLY_MAGIC);
        int flags = replies.readUnsignedShort();
        int type = replies.readUnsignedShort();
        long of = replies.readLong();
        assertThat(replies.readLong()).isEqualTo(offset);
        return chunk(flags, type, of, (int) replies.readLong());
    }

    private Reply chunk(int flags, int type, long of, int payloadBytes) {
        byte[] data = new byte[payloadBytes];
        replies.readBytes(data);
        int error = type == NbdFormat.CHUNK_ERROR ? Unpooled.wrappedBuffer(data).readInt() : 0;
        return new Reply((flags & NbdFormat.REPLY_FLAG_DONE) != 0, type, of, error, data);
    }

    /** Requests that ended after the connection did. */
    void settleClosed() {
        channel.runPendingTasks();
        channel.releaseOutbound();
        channel.checkException();
    }

    @Override
    public void close() {
        channel.finishAndReleaseAll();
    }
}
