package io.ashlar.client.nbd;

import io.netty.buffer.Unpooled;

import java.util.Arrays;

/**
 * What a coverage-guided fuzzer is to call: a conversation of any bytes. The first two bytes say where it
 * begins, whether the disk answers late, and in how large pieces the others arrive.
 */
public final class NbdFuzzTarget {
    private static final int SIZE = 1 << 20;

    private static final int HEAD_BYTES = 2;

    /** Of the first byte: the disk answers a piece's requests after the piece. */
    static final int LATE = 0x20;

    private static final int READ_ONLY = 0x40;

    private NbdFuzzTarget() {}

    /** Fails where a handler does, or memory is not given back. */
    public static void fuzzerTestOneInput(byte[] input) {
        if (input.length < HEAD_BYTES) {
            return;
        }
        MemoryDisk disk = new MemoryDisk("disk", SIZE, (input[0] & READ_ONLY) != 0);
        NbdConversation client = new NbdConversation(disk);
        begin(client, input[0]);
        boolean late = (input[0] & LATE) != 0;
        int pieceBytes = 1 + Byte.toUnsignedInt(input[1]) * 8;
        for (int at = HEAD_BYTES; at < input.length && client.isOpen(); at += pieceBytes) {
            if (late) {
                disk.hold();
            }
            int end = Math.min(input.length, at + pieceBytes);
            client.send(Unpooled.copiedBuffer(Arrays.copyOfRange(input, at, end)));
            disk.release();
            client.replies().clear();
        }
        client.close();
        disk.release();
        client.settleClosed();
        if (!client.budget.take(client, NbdConversation.MEMORY_BYTES, () -> {})) {
            throw new AssertionError("memory that nobody gave back");
        }
    }

    private static void begin(NbdConversation client, byte how) {
        switch (how & 7) {
            case 0 -> {}
            case 1 -> client.greet();
            case 2 -> client.enter("disk", ReplyStyle.SIMPLE);
            case 3, 4 -> client.enter("disk", ReplyStyle.STRUCTURED, "base:allocation");
            default -> client.enter("disk", ReplyStyle.EXTENDED, "base:allocation");
        }
    }
}
