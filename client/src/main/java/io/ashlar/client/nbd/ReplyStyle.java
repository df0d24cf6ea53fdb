package io.ashlar.client.nbd;

import io.netty.buffer.ByteBuf;

/** How requests and replies look, as the client and the server have agreed. */
enum ReplyStyle {
    SIMPLE,
    STRUCTURED,
    EXTENDED;

    int requestBytes() {
        return this == EXTENDED ? NbdFormat.EXTENDED_REQUEST_BYTES : NbdFormat.REQUEST_BYTES;
    }

    /** Fails where nothing that the client sends can be understood any more. */
    NbdRequest read(ByteBuf bytes) throws MalformedException {
        int magic = bytes.readInt();
        int expected =
                this == EXTENDED ? NbdFormat.EXTENDED_REQUEST_MAGIC : NbdFormat.REQUEST_MAGIC;
        if (magic != expected) {
            throw new MalformedException(
                    "a request begins with %08x, expected %08x".formatted(magic, expected));
        }
        return new NbdRequest(
                bytes.readUnsignedShort(),
                bytes.readUnsignedShort(),
                bytes.readLong(),
                bytes.readLong(),
                this == EXTENDED ? bytes.readLong() : bytes.readUnsignedInt());
    }

    /** What lies before the data of a READ that is answered in one piece. */
    int dataHeaderBytes() {
        return switch (this) {
            case SIMPLE -> NbdFormat.SIMPLE_REPLY_BYTES;
            case STRUCTURED -> NbdFormat.STRUCTURED_REPLY_BYTES + Long.BYTES;
            case EXTENDED -> NbdFormat.EXTENDED_REPLY_BYTES + Long.BYTES;
        };
    }

    void writeDataHeader(
            ByteBuf reply, NbdRequest request, boolean last, long offset, int lengthBytes) {
        if (this == SIMPLE) {
            writeSimple(reply, request, 0);
        } else {
            writeChunk(reply, request, last, NbdFormat.CHUNK_OFFSET_DATA, Long.BYTES + lengthBytes);
            reply.writeLong(offset);
        }
    }

    void writeDone(ByteBuf reply, NbdRequest request) {
        boolean isRead = request.command() == NbdFormat.CMD_READ;
        if (this == SIMPLE || (this == STRUCTURED && !isRead)) {
            writeSimple(reply, request, 0);
        } else {
            writeChunk(reply, request, true, NbdFormat.CHUNK_NONE, 0);
        }
    }

    void writeError(ByteBuf reply, NbdRequest request, NbdError error, byte[] message) {
        if (this == SIMPLE) {
            writeSimple(reply, request, error.number());
            return;
        }
        int bytes = Integer.BYTES + Short.BYTES + message.length;
        writeChunk(reply, request, true, NbdFormat.CHUNK_ERROR, bytes);
        reply.writeInt(error.number()).writeShort(message.length).writeBytes(message);
    }

    private static void writeSimple(ByteBuf reply, NbdRequest request, int error) {
        reply.writeInt(NbdFormat.SIMPLE_REPLY_MAGIC).writeInt(error).writeLong(request.cookie());
    }

    void writeChunk(ByteBuf reply, NbdRequest request, boolean last, int type, int payloadBytes) {
        int flags = last ? NbdFormat.REPLY_FLAG_DONE : 0;
        switch (this) {
            case SIMPLE -> throw new IllegalStateException("a chunk was not agreed on");
            case STRUCTURED ->
                reply.writeInt(NbdFormat.STRUCTURED_REPLY_MAGIC)
                        .writeShort(flags)
                        .writeShort(type)
                        .writeLong(request.cookie())
                        .writeInt(payloadBytes);
            case EXTENDED ->
                reply.writeInt(NbdFormat.EXTENDED_REPLY_MAGIC)
                        .writeShort(flags)
                        .writeShort(type)
                        .writeLong(request.cookie())
                        .writeLong(request.offset())
                        .writeLong(payloadBytes);
        }
    }
}
