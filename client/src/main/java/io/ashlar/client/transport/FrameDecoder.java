package io.ashlar.client.transport;

import com.google.protobuf.InvalidProtocolBufferException;
import com.google.protobuf.MessageLite;
import com.google.protobuf.Parser;

import io.ashlar.client.AshlarException;
import io.ashlar.client.format.FrameFormat;
import io.netty.buffer.ByteBuf;
import io.netty.channel.ChannelHandlerContext;
import io.netty.channel.ChannelInboundHandlerAdapter;
import io.netty.util.ReferenceCountUtil;

import org.jspecify.annotations.Nullable;

import java.lang.foreign.MemorySegment;

/**
 * Cuts what a connection receives into frames. Bulk bytes are copied once, into a buffer of their
 * own. Whatever is not a whole, right frame of this version ends the connection. The header's length
 * is believed up to its bound, since its CRC comes with it; the bulk's only once the CRC holds, so
 * garbage cannot make it allocate a bulk.
 */
final class FrameDecoder<M extends MessageLite> extends ChannelInboundHandlerAdapter {
    private static final int INITIAL_HEADER_BYTES = 256;

    private final int kind;
    private final Parser<M> parser;
    private final FrameListener<M> listener;

    /** The fixed part and the protobuf header, as far as they have come. */
    private byte[] head = new byte[INITIAL_HEADER_BYTES];

    private int headFilled;
    private int headNeeded = FrameFormat.FIXED_BYTES;
    private boolean lengthsKnown;

    private @Nullable M message;
    private @Nullable Buffer bulk;
    private int bulkFilled;
    private boolean broken;

    FrameDecoder(int kind, Parser<M> parser, FrameListener<M> listener) {
        this.kind = kind;
        this.parser = parser;
        this.listener = listener;
    }

    /** Hears of whole frames and of what is none. */
    interface FrameListener<M> {
        /** Owns the bulk. */
        void frame(ChannelHandlerContext context, long requestId, M message, Buffer bulk);

        /** The bytes are not a frame; nothing more is decoded. */
        void broken(ChannelHandlerContext context, AshlarException cause);
    }

    @Override
    public void channelRead(ChannelHandlerContext context, Object received) {
        ByteBuf bytes = (ByteBuf) received;
        try {
            while (bytes.isReadable() && !broken) {
                if (message == null) {
                    fillHead(bytes);
                } else {
                    fillBulk(bytes);
                }
                deliver(context);
            }
        } catch (AshlarException e) {
            broken = true;
            dropFrame();
            listener.broken(context, e);
        } finally {
            ReferenceCountUtil.release(bytes);
        }
    }

    private void fillHead(ByteBuf bytes) throws AshlarException {
        int count = Math.min(bytes.readableBytes(), headNeeded - headFilled);
        bytes.readBytes(head, headFilled, count);
        headFilled += count;
        if (headFilled == headNeeded && !lengthsKnown) {
            readLengths();
        }
        if (headFilled == headNeeded && lengthsKnown) {
            readMessage();
        }
    }

    private void readLengths() throws AshlarException {
        MemorySegment fixed = MemorySegment.ofArray(head);
        int magic = fixed.get(Frames.INT, FrameFormat.MAGIC_AT);
        if (magic != FrameFormat.MAGIC) {
            throw new AshlarException.Incompatible(
                    "not an Ashlar frame: it begins with %08x".formatted(magic));
        }
        int version = head[FrameFormat.VERSION_AT];
        int found = head[FrameFormat.KIND_AT];
        if (version != FrameFormat.VERSION || found != kind) {
            throw new AshlarException.Incompatible("a frame of version " + version + " and kind "
                    + found + ", expected version " + FrameFormat.VERSION + " and kind " + kind);
        }
        int headerBytes = fixed.get(Frames.INT, FrameFormat.HEADER_BYTES_AT);
        int bulkBytes = fixed.get(Frames.INT, FrameFormat.BULK_BYTES_AT);
        if (headerBytes < 0
                || headerBytes > FrameFormat.MAX_HEADER_BYTES
                || bulkBytes < 0
                || bulkBytes > FrameFormat.MAX_BULK_BYTES) {
            throw new AshlarException.Invalid("a frame of " + headerBytes + " header and "
                    + bulkBytes + " bulk bytes: at most " + FrameFormat.MAX_HEADER_BYTES + " and "
                    + FrameFormat.MAX_BULK_BYTES + " are taken");
        }
        headNeeded = FrameFormat.FIXED_BYTES + headerBytes;
        growHead();
        lengthsKnown = true;
    }

    private void growHead() {
        if (head.length < headNeeded) {
            byte[] larger = new byte[headNeeded];
            System.arraycopy(head, 0, larger, 0, headFilled);
            head = larger;
        }
    }

    private void readMessage() throws AshlarException {
        MemorySegment bytes = MemorySegment.ofArray(head);
        int expected = bytes.get(Frames.INT, FrameFormat.CRC_AT);
        int found = Frames.crc(head, headNeeded);
        if (expected != found) {
            throw new AshlarException.Corrupt(
                    "a frame's header has CRC %08x, expected %08x".formatted(found, expected));
        }
        try {
            message = parser.parseFrom(
                    head, FrameFormat.FIXED_BYTES, headNeeded - FrameFormat.FIXED_BYTES);
        } catch (InvalidProtocolBufferException e) {
            throw new AshlarException.Incompatible(
                    "a frame's header is no message: " + e.getMessage());
        }
        bulk = Buffer.allocate(bytes.get(Frames.INT, FrameFormat.BULK_BYTES_AT));
        bulkFilled = 0;
    }

    private void fillBulk(ByteBuf bytes) {
        Buffer target = wholeBulk();
        int count = Math.min(bytes.readableBytes(), target.sizeBytes() - bulkFilled);
        target.bytes().setBytes(bulkFilled, bytes, bytes.readerIndex(), count);
        bytes.skipBytes(count);
        bulkFilled += count;
    }

    private void deliver(ChannelHandlerContext context) {
        M whole = message;
        if (whole == null || bulkFilled < wholeBulk().sizeBytes()) {
            return;
        }
        Buffer wholeBulk = wholeBulk();
        long requestId = MemorySegment.ofArray(head).get(Frames.LONG, FrameFormat.REQUEST_ID_AT);
        message = null;
        bulk = null;
        headFilled = 0;
        headNeeded = FrameFormat.FIXED_BYTES;
        lengthsKnown = false;
        listener.frame(context, requestId, whole, wholeBulk);
    }

    private Buffer wholeBulk() {
        Buffer present = bulk;
        if (present == null) {
            throw new IllegalStateException("a frame's message without its bulk");
        }
        return present;
    }

    private void dropFrame() {
        if (bulk != null) {
            bulk.release();
            bulk = null;
        }
        message = null;
    }

    @Override
    public void handlerRemoved(ChannelHandlerContext context) {
        broken = true;
        dropFrame();
    }
}
