package io.ashlar.tools.simulate;

import java.nio.ByteBuffer;
import java.nio.ByteOrder;

/**
 * What blocks are filled with: bytes that tell the volume, the block and the write that they came
 * from, so that nothing else can pass for them.
 */
final class Content {
    static final int BLOCK_BYTES = 4096;
    private static final long MIX = 0x9E3779B97F4A7C15L;

    private Content() {}

    /** The bytes of a write; a stamp is never 0. */
    static ByteBuffer fill(int volume, int firstBlock, int blockCount, long stamp) {
        ByteBuffer bytes =
                ByteBuffer.allocate(blockCount * BLOCK_BYTES).order(ByteOrder.LITTLE_ENDIAN);
        for (int block = firstBlock; block < firstBlock + blockCount; block++) {
            bytes.putLong(stamp);
            long seed = seed(volume, block, stamp);
            for (int i = 1; i < BLOCK_BYTES / Long.BYTES; i++) {
                bytes.putLong(seed + i * MIX);
            }
        }
        return bytes.flip();
    }

    private static long seed(int volume, int block, long stamp) {
        long mixed = (((stamp * MIX) ^ block) * MIX) ^ volume;
        return mixed ^ (mixed >>> 29);
    }

    /** The stamp of a block that was read; 0 for zeroes. */
    static long stampOf(int volume, int block, ByteBuffer bytes, int at) {
        ByteBuffer little = bytes.duplicate().order(ByteOrder.LITTLE_ENDIAN);
        long stamp = little.getLong(at);
        long seed = seed(volume, block, stamp);
        for (int i = 1; i < BLOCK_BYTES / Long.BYTES; i++) {
            long expected = stamp == 0 ? 0 : seed + i * MIX;
            if (little.getLong(at + i * Long.BYTES) != expected) {
                throw new Violation(
                        "INV-8",
                        "block " + block + " of volume v" + volume
                                + " is torn or foreign: its stamp is " + stamp + ", its word "
                                + i + " is not that write's");
            }
        }
        return stamp;
    }
}
