package io.ashlar.bench.load;

import io.ashlar.client.AshlarException;
import io.ashlar.client.Volume;

import java.lang.foreign.MemorySegment;
import java.nio.ByteBuffer;
import java.util.OptionalLong;

/** Finds out whether a volume holds what a load did not write, by its beginning and by samples. */
public final class ForeignData {
    private static final int BEGINNING_BYTES = 1 << 20;
    private static final int SAMPLE_COUNT = 64;

    private ForeignData() {}

    /** The byte offset of the first such block found. */
    public static OptionalLong find(Volume volume) throws AshlarException {
        int beginning = (int) Math.min(BEGINNING_BYTES, volume.sizeBytes());
        OptionalLong found = findIn(volume, 0, beginning);
        long blockCount = volume.sizeBytes() / Volume.BLOCK_BYTES;
        for (int i = 1; i < SAMPLE_COUNT && found.isEmpty(); i++) {
            long block = blockCount * i / SAMPLE_COUNT;
            found = findIn(volume, block * Volume.BLOCK_BYTES, Volume.BLOCK_BYTES);
        }
        return found;
    }

    private static OptionalLong findIn(Volume volume, long offset, int lengthBytes)
            throws AshlarException {
        ByteBuffer target = ByteBuffer.allocateDirect(lengthBytes);
        volume.read(offset, target);
        MemorySegment bytes = MemorySegment.ofBuffer(target.clear());
        for (int at = 0; at < lengthBytes; at += Volume.BLOCK_BYTES) {
            if (!StampFormat.hasMagic(bytes, at) && !StampFormat.isZero(bytes, at)) {
                return OptionalLong.of(offset + at);
            }
        }
        return OptionalLong.empty();
    }
}
