package io.ashlar.client.model;

import io.ashlar.client.AshlarException;

/** How large a volume is: whole blocks, at least one, at most 1 PiB. */
public record VolumeSize(long bytes) {
    /** Far above what one volume is used for, far below what any arithmetic here overflows at. */
    public static final long MAX_BYTES = 1L << 50;

    private static final int BLOCK_BYTES = Stripe.PIECE_BYTES;

    public static VolumeSize of(long bytes) throws AshlarException.Invalid {
        if (bytes <= 0 || bytes % BLOCK_BYTES != 0) {
            throw new AshlarException.Invalid("a volume of " + bytes
                    + " bytes: expected a multiple of " + BLOCK_BYTES + " above 0");
        }
        if (bytes > MAX_BYTES) {
            throw new AshlarException.Invalid(
                    "a volume of " + bytes + " bytes: expected at most " + MAX_BYTES + " (1024T)");
        }
        return new VolumeSize(bytes);
    }
}
