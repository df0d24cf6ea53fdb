package io.ashlar.tools.demo;

import io.ashlar.client.AshlarException;
import io.ashlar.client.Volume;

import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.channels.FileChannel;
import java.util.Random;

/** Reads pieces of a volume here and there and compares each with the image. */
final class ReadSample {
    private static final int READS = 64;
    private static final int READ_BYTES = 64 * 1024;
    private static final long SEED = 7;

    private ReadSample() {}

    record Outcome(int reads, int right, int unavailable, int wrong) {}

    static Outcome read(Volume volume, FileChannel expected) throws IOException {
        Random random = new Random(SEED);
        ByteBuffer read = ByteBuffer.allocateDirect(READ_BYTES);
        ByteBuffer wanted = ByteBuffer.allocateDirect(READ_BYTES);
        int right = 0;
        int unavailable = 0;
        int wrong = 0;
        for (int i = 0; i < READS; i++) {
            long offset = random.nextLong(volume.sizeBytes() / READ_BYTES) * READ_BYTES;
            wanted.clear();
            while (wanted.hasRemaining()
                    && expected.read(wanted, offset + wanted.position()) >= 0) {
                // A file gives less than asked for.
            }
            try {
                volume.read(offset, read.clear());
                if (read.clear().equals(wanted.clear())) {
                    right++;
                } else {
                    wrong++;
                }
            } catch (AshlarException.Unavailable | AshlarException.InsufficientShards e) {
                unavailable++;
            }
        }
        return new Outcome(READS, right, unavailable, wrong);
    }
}
