package io.ashlar.client.transport;

import static java.nio.ByteOrder.LITTLE_ENDIAN;

import com.google.protobuf.CodedOutputStream;
import com.google.protobuf.MessageLite;

import io.ashlar.client.format.FrameFormat;
import io.netty.buffer.ByteBuf;
import io.netty.channel.Channel;

import org.jspecify.annotations.Nullable;

import java.io.IOException;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.util.List;
import java.util.zip.CRC32C;

/** Writes frames (see {@link FrameFormat}) to channels. */
final class Frames {
    static final ValueLayout.OfInt INT = ValueLayout.JAVA_INT_UNALIGNED.withOrder(LITTLE_ENDIAN);
    static final ValueLayout.OfLong LONG = ValueLayout.JAVA_LONG_UNALIGNED.withOrder(LITTLE_ENDIAN);

    private Frames() {}

    /** CRC32C of the frame's first bytes, less the CRC's own place. */
    static int crc(byte[] head, int lengthBytes) {
        CRC32C crc = new CRC32C();
        crc.update(head, 0, FrameFormat.CRC_AT);
        crc.update(head, FrameFormat.FIXED_BYTES, lengthBytes - FrameFormat.FIXED_BYTES);
        return (int) crc.getValue();
    }

    /** Queues one frame, unflushed; takes over the bulk buffers. Runs on the channel's loop. */
    @SuppressWarnings("FutureReturnValueIgnored") // a write that fails ends its connection
    static void write(
            Channel channel, int kind, long requestId, MessageLite message, List<Buffer> bulk) {
        String tooLong = tooLong(message, bulk);
        if (tooLong != null) {
            bulk.forEach(Buffer::release);
            throw new IllegalStateException(tooLong);
        }
        byte[] head =
                head(kind, requestId, message, message.getSerializedSize(), (int) bulkBytes(bulk));
        ByteBuf headBytes = channel.alloc().directBuffer(head.length);
        channel.write(headBytes.writeBytes(head), channel.voidPromise());
        for (Buffer buffer : bulk) {
            channel.write(buffer.toWrite(), channel.voidPromise());
        }
    }

    /** Why these do not fit a frame, or null where they do. */
    static @Nullable String tooLong(MessageLite message, List<Buffer> bulk) {
        int messageBytes = message.getSerializedSize();
        long bulkBytes = bulkBytes(bulk);
        boolean fits = messageBytes <= FrameFormat.MAX_HEADER_BYTES
                && bulkBytes <= FrameFormat.MAX_BULK_BYTES;
        return fits
                ? null
                : "a frame of " + messageBytes + " header and " + bulkBytes
                        + " bulk bytes: at most "
                        + FrameFormat.MAX_HEADER_BYTES + " and " + FrameFormat.MAX_BULK_BYTES
                        + " can be sent";
    }

    private static long bulkBytes(List<Buffer> bulk) {
        long bytes = 0;
        for (Buffer buffer : bulk) {
            bytes += buffer.sizeBytes();
        }
        return bytes;
    }

    private static byte[] head(
            int kind, long requestId, MessageLite message, int messageBytes, int bulkBytes) {
        byte[] head = new byte[FrameFormat.FIXED_BYTES + messageBytes];
        MemorySegment fixed = MemorySegment.ofArray(head);
        fixed.set(INT, FrameFormat.MAGIC_AT, FrameFormat.MAGIC);
        head[FrameFormat.VERSION_AT] = FrameFormat.VERSION;
        head[FrameFormat.KIND_AT] = (byte) kind;
        fixed.set(LONG, FrameFormat.REQUEST_ID_AT, requestId);
        fixed.set(INT, FrameFormat.HEADER_BYTES_AT, messageBytes);
        fixed.set(INT, FrameFormat.BULK_BYTES_AT, bulkBytes);
        try {
            message.writeTo(
                    CodedOutputStream.newInstance(head, FrameFormat.FIXED_BYTES, messageBytes));
        } catch (IOException e) {
            throw new IllegalStateException("a message longer than it said", e);
        }
        fixed.set(INT, FrameFormat.CRC_AT, crc(head, head.length));
        return head;
    }
}
