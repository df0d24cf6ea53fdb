package io.ashlar.client.stripe;

import io.ashlar.client.AshlarException;
import io.ashlar.client.transport.Buffer;
import io.ashlar.ec.ReedSolomon;

import org.jspecify.annotations.Nullable;

import java.lang.foreign.MemorySegment;
import java.util.concurrent.CompletableFuture;

/** What deliberate defects do in the place of what a reader does. */
public final class WrongStripe {
    private WrongStripe() {}

    /** What cannot be read from its node is not read at all. */
    public static CompletableFuture<Buffer> neverDecode(
            StripeReader reader, PieceRange range, int[] crcs) {
        return CompletableFuture.failedFuture(
                new AshlarException.InsufficientShards("nobody decodes " + range));
    }

    /** Where one cell is lacking it is taken for zeros. */
    public static void reconstructFromFewer(
            ReedSolomon code,
            @Nullable MemorySegment[] cells,
            long present,
            long wanted,
            long offsetBytes,
            long lengthBytes) {
        long all = present;
        for (int i = 0; i < cells.length && Long.bitCount(all) < code.dataCount(); i++) {
            if (((present | wanted) & (1L << i)) == 0) {
                cells[i] = MemorySegment.ofArray(new byte[Math.toIntExact(lengthBytes)]);
                all |= 1L << i;
            }
        }
        code.reconstruct(cells, all, wanted, offsetBytes, lengthBytes);
    }
}
