package io.ashlar.bench.load;

import io.ashlar.client.ClientConfig;
import io.ashlar.client.Volume;

import java.time.Duration;

/**
 * What load to put on a volume.
 *
 * @param readPercent how many of a hundred operations read
 * @param blockBytes of an operation, and what its offset is a multiple of; whole blocks of 4096
 * @param depth operations in flight
 * @param warmUp load that is not measured, before the one that is
 * @param seed of the offsets, and the name of the run in what it writes
 */
public record LoadOptions(
        Pattern pattern,
        Api api,
        int readPercent,
        int blockBytes,
        int depth,
        Duration warmUp,
        Duration measured,
        long seed) {
    public static final int MAX_BLOCK_BYTES = 16 << 20;
    public static final int MAX_DEPTH = 1024;
    public static final Duration MAX_DURATION = Duration.ofDays(1);

    /**
     * Checks itself.
     *
     * @throws IllegalArgumentException that names what is wrong as the command line does
     */
    public LoadOptions {
        require(
                blockBytes >= Volume.BLOCK_BYTES
                        && blockBytes % Volume.BLOCK_BYTES == 0
                        && blockBytes <= MAX_BLOCK_BYTES,
                "--block " + blockBytes + ": expected a multiple of 4096 up to " + MAX_BLOCK_BYTES);
        require(
                depth >= 1 && depth <= MAX_DEPTH,
                "--depth " + depth + ": expected 1 to " + MAX_DEPTH);
        long limit = ClientConfig.DEFAULT.maxWaitingBytes();
        require(
                (long) depth * blockBytes <= limit,
                "--depth " + depth + " times --block " + blockBytes + ": a client takes at most "
                        + limit + " bytes in flight");
        require(
                measured.isPositive() && measured.compareTo(MAX_DURATION) <= 0,
                "--seconds: expected more than 0, up to " + MAX_DURATION.toSeconds());
        require(
                !warmUp.isNegative() && warmUp.compareTo(MAX_DURATION) <= 0,
                "--warmup: expected 0 to " + MAX_DURATION.toSeconds());
        require(
                readPercent >= 0 && readPercent <= 100,
                "--mix " + readPercent + ": expected 0 to 100 percent of reads");
        require(
                pattern.isWriting() || readPercent == 100,
                "--mix needs a pattern that writes: seqwrite or randwrite");
    }

    private static void require(boolean holds, String otherwise) {
        if (!holds) {
            throw new IllegalArgumentException(otherwise);
        }
    }

    /** Whether it changes the volume. */
    public boolean isWriting() {
        return readPercent < 100;
    }
}
