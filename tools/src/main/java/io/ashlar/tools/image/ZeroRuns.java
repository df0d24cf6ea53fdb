package io.ashlar.tools.image;

import java.io.IOException;
import java.lang.foreign.MemorySegment;
import java.nio.ByteBuffer;

/**
 * Splits bytes into runs that hold data and runs that are all zeros. Runs begin and end at blocks;
 * a run of zeros too short to be worth an entry of its own counts as data.
 */
final class ZeroRuns {
    private static final int BLOCK_BYTES = 4096;
    private static final int MIN_ZERO_BYTES = 16 * BLOCK_BYTES;
    private static final MemorySegment ZEROS = MemorySegment.ofArray(new byte[BLOCK_BYTES]);

    private ZeroRuns() {}

    /** Hears of one run: from where to where, and whether it is zeros. */
    interface Visitor {
        void run(int from, int to, boolean isZero) throws IOException;
    }

    /** Visits the runs of the buffer's first bytes in order. */
    static void visit(ByteBuffer bytes, int lengthBytes, Visitor visitor) throws IOException {
        MemorySegment memory = MemorySegment.ofBuffer(bytes.duplicate().clear());
        int dataFrom = 0;
        int at = 0;
        while (at < lengthBytes) {
            int zeroTo = at;
            while (zeroTo < lengthBytes
                    && isZero(memory, zeroTo, Math.min(zeroTo + BLOCK_BYTES, lengthBytes))) {
                zeroTo = Math.min(zeroTo + BLOCK_BYTES, lengthBytes);
            }
            boolean wholly = at == 0 && zeroTo == lengthBytes;
            if (wholly || zeroTo - at >= MIN_ZERO_BYTES) {
                if (dataFrom < at) {
                    visitor.run(dataFrom, at, false);
                }
                visitor.run(at, zeroTo, true);
                dataFrom = zeroTo;
            }
            at = Math.min(
                    Math.max(zeroTo, at) + (zeroTo == lengthBytes ? 0 : BLOCK_BYTES), lengthBytes);
        }
        if (dataFrom < lengthBytes) {
            visitor.run(dataFrom, lengthBytes, false);
        }
    }

    private static boolean isZero(MemorySegment memory, int from, int to) {
        return MemorySegment.mismatch(memory, from, to, ZEROS, 0, to - from) < 0;
    }
}
