package io.ashlar.tools.demo;

import io.ashlar.client.AshlarException;
import io.ashlar.client.Volume;

import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.channels.FileChannel;
import java.util.ArrayList;
import java.util.List;
import java.util.Random;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionException;

/** Reads pieces of a volume here and there and compares each with the image. */
final class ReadSample {
    private static final int READS = 64;
    private static final int READ_BYTES = 64 * 1024;
    private static final long SEED = 7;

    private ReadSample() {}

    record Outcome(int reads, int right, int unavailable, int wrong) {}

    /** Asks for all of them at once: those that cannot be read wait together for nodes to return. */
    static Outcome read(Volume volume, FileChannel expected) throws IOException {
        Random random = new Random(SEED);
        List<Piece> pieces = new ArrayList<>();
        for (int i = 0; i < READS; i++) {
            long offset = random.nextLong(volume.sizeBytes() / READ_BYTES) * READ_BYTES;
            ByteBuffer target = ByteBuffer.allocateDirect(READ_BYTES);
            pieces.add(new Piece(offset, target, volume.readAsync(offset, target)));
        }
        ByteBuffer wanted = ByteBuffer.allocateDirect(READ_BYTES);
        int right = 0;
        int unavailable = 0;
        int wrong = 0;
        for (Piece piece : pieces) {
            if (!piece.isAvailable()) {
                unavailable++;
                continue;
            }
            wanted.clear();
            while (wanted.hasRemaining()
                    && expected.read(wanted, piece.offset + wanted.position()) >= 0) {
                // A file gives less than asked for.
            }
            if (piece.target.clear().equals(wanted.clear())) {
                right++;
            } else {
                wrong++;
            }
        }
        return new Outcome(READS, right, unavailable, wrong);
    }

    /** A read under way. */
    private record Piece(long offset, ByteBuffer target, CompletableFuture<Void> read) {
        boolean isAvailable() throws AshlarException {
            try {
                read.join();
                return true;
            } catch (CompletionException e) {
                AshlarException cause = AshlarException.in(e);
                if (cause instanceof AshlarException.Unavailable
                        || cause instanceof AshlarException.InsufficientShards) {
                    return false;
                }
                throw cause;
            }
        }
    }
}
