package io.ashlar.client.transport;

import static org.assertj.core.api.Assertions.assertThat;

import io.ashlar.client.AshlarException;
import io.ashlar.client.format.FrameFormat;
import io.ashlar.client.protocol.AppendCell;
import io.ashlar.client.protocol.Request;
import io.netty.buffer.ByteBuf;
import io.netty.buffer.Unpooled;
import io.netty.channel.ChannelHandlerContext;
import io.netty.channel.embedded.EmbeddedChannel;

import org.apache.commons.codec.digest.PureJavaCrc32C;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.Test;

import java.io.ByteArrayOutputStream;
import java.io.InputStream;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;
import java.util.Arrays;
import java.util.List;

/** Holds the frame's table to the code that writes and reads it, and both to what once was written. */
class FrameFormatTest {
    private static final long REQUEST_ID = 0x0102030405060708L;
    private static final Request REQUEST = Request.newBuilder()
            .setAppendCell(AppendCell.newBuilder().setOffset(4096).setEpoch(7).setRecovery(true))
            .build();
    private static final byte[] HEADER = REQUEST.toByteArray();
    private static final byte[] BULK = "bulk bytes".getBytes(StandardCharsets.US_ASCII);

    @Test
    void aFrameReadsBackAsWritten() {
        Received received = receive(frame());
        assertThat(received.broken).isNull();
        assertThat(received.requestId).isEqualTo(REQUEST_ID);
        assertThat(received.message).isEqualTo(REQUEST);
        assertThat(received.bulk).isEqualTo(BULK);
    }

    @Test
    void fieldsStandWhereTheTableSays() {
        byte[] frame = frame();
        ByteBuffer bytes = ByteBuffer.wrap(frame).order(ByteOrder.LITTLE_ENDIAN);
        assertThat(new String(frame, 0, 4, StandardCharsets.US_ASCII)).isEqualTo("ASHF");
        assertThat(bytes.get(4)).isEqualTo((byte) 1);
        assertThat(bytes.get(5)).isEqualTo((byte) 1);
        assertThat(bytes.getShort(6)).isZero();
        assertThat(bytes.getLong(8)).isEqualTo(REQUEST_ID);
        assertThat(bytes.getInt(16)).isEqualTo(HEADER.length);
        assertThat(bytes.getInt(20)).isEqualTo(BULK.length);
        assertThat(bytes.getInt(24)).isEqualTo(crc(frame));
        assertThat(Arrays.copyOfRange(frame, 28, 28 + HEADER.length)).isEqualTo(HEADER);
        assertThat(Arrays.copyOfRange(frame, 28 + HEADER.length, frame.length)).isEqualTo(BULK);
        assertThat(write(FrameFormat.RESPONSE)[5]).isEqualTo((byte) 2);
    }

    /** A longer header may be announced: then the CRC tells once as much has come. */
    @Test
    void anyFlippedBitBeforeTheBulkIsNoticed() {
        byte[] frame = frame();
        byte[] filler = new byte[FrameFormat.MAX_HEADER_BYTES];
        for (int bit = 0; bit < (28 + HEADER.length) * 8; bit++) {
            byte[] flipped = frame.clone();
            flipped[bit / 8] ^= (byte) (1 << (bit % 8));
            Received received = receive(flipped, filler);
            assertThat(received.broken).as("bit %d", bit).isNotNull();
            assertThat(received.message).as("bit %d", bit).isNull();
        }
    }

    /** The bulk carries checksums of its own. */
    @Test
    void noFlippedBitOfTheBulkIsNoticed() {
        byte[] frame = frame();
        for (int bit = (28 + HEADER.length) * 8; bit < frame.length * 8; bit++) {
            byte[] flipped = frame.clone();
            flipped[bit / 8] ^= (byte) (1 << (bit % 8));
            Received received = receive(flipped);
            assertThat(received.broken).as("bit %d", bit).isNull();
            assertThat(received.bulk).as("bit %d", bit).isNotEqualTo(BULK);
        }
    }

    @Test
    void readsTheGoldenFileOfVersion1() throws Exception {
        try (InputStream golden = FrameFormatTest.class.getResourceAsStream("/frame-v1.bin")) {
            assertThat(golden).as("frame-v1.bin among the test resources").isNotNull();
            byte[] bytes = golden.readAllBytes();
            assertThat(bytes).isEqualTo(frame());
            assertThat(receive(bytes).message).isEqualTo(REQUEST);
        }
    }

    private static byte[] frame() {
        return write(FrameFormat.REQUEST);
    }

    private static byte[] write(int kind) {
        EmbeddedChannel channel = new EmbeddedChannel();
        Buffer bulk = Buffer.allocate(BULK.length);
        MemorySegment.copy(BULK, 0, bulk.segment(), ValueLayout.JAVA_BYTE, 0, BULK.length);
        Frames.write(channel, kind, REQUEST_ID, REQUEST, List.of(bulk));
        channel.flush();
        ByteArrayOutputStream bytes = new ByteArrayOutputStream();
        for (ByteBuf part = channel.readOutbound(); part != null; part = channel.readOutbound()) {
            byte[] some = new byte[part.readableBytes()];
            part.readBytes(some);
            bytes.writeBytes(some);
            part.release();
        }
        channel.finishAndReleaseAll();
        return bytes.toByteArray();
    }

    private static Received receive(byte[]... parts) {
        Received received = new Received();
        EmbeddedChannel channel = new EmbeddedChannel(
                new FrameDecoder<>(FrameFormat.REQUEST, Request.parser(), received));
        for (int i = 0; i < parts.length && received.broken == null; i++) {
            channel.writeInbound(Unpooled.wrappedBuffer(parts[i]));
        }
        channel.finishAndReleaseAll();
        return received;
    }

    private static final class Received implements FrameDecoder.FrameListener<Request> {
        private long requestId;
        private @Nullable Request message;
        private byte[] bulk = new byte[0];
        private @Nullable AshlarException broken;

        @Override
        public void frame(ChannelHandlerContext context, long id, Request request, Buffer bytes) {
            requestId = id;
            message = request;
            bulk = bytes.segment().toArray(ValueLayout.JAVA_BYTE);
            bytes.release();
        }

        @Override
        public void broken(ChannelHandlerContext context, AshlarException cause) {
            broken = cause;
        }
    }

    /** Of what the table says that the CRC covers. */
    private static int crc(byte[] frame) {
        PureJavaCrc32C crc = new PureJavaCrc32C();
        crc.update(frame, 0, 24);
        crc.update(frame, 28, HEADER.length);
        return (int) crc.getValue();
    }
}
