package io.ashlar.bench.load;

import static java.nio.ByteOrder.LITTLE_ENDIAN;

import io.ashlar.client.Volume;

import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;

/**
 * What a load writes into a block, so that whoever reads the block can tell whether it is the right
 * one, whole and recent. Little-endian.
 *
 * <pre>
 * offset  size  field
 *      0     8  magic "ashstamp"
 *      8     8  block: its number within the volume
 *     16     8  seed of the run that wrote it
 *     24     8  generation: how many times that run had written it, from 1
 *     32  4064  filler: long i of the block is mix(block, seed, generation) + i * GOLDEN
 * </pre>
 *
 * There is no checksum: the filler follows from the fields, so any changed bit contradicts the
 * rest, and it does not compress.
 */
final class StampFormat {
    static final long MAGIC = 0x706D617473687361L;
    static final int BLOCK_AT = 8;
    static final int SEED_AT = 16;
    static final int GENERATION_AT = 24;
    static final int FILLER_AT = 32;

    private static final int BLOCK_BYTES = Volume.BLOCK_BYTES;
    private static final long GOLDEN = 0x9E3779B97F4A7C15L;
    private static final ValueLayout.OfLong LONG =
            ValueLayout.JAVA_LONG_UNALIGNED.withOrder(LITTLE_ENDIAN);

    private StampFormat() {}

    /** Writes a block's stamp at this offset of the target. */
    static void write(MemorySegment target, long offset, long block, long seed, long generation) {
        target.set(LONG, offset, MAGIC);
        target.set(LONG, offset + BLOCK_AT, block);
        target.set(LONG, offset + SEED_AT, seed);
        target.set(LONG, offset + GENERATION_AT, generation);
        long base = mix(block, seed, generation);
        for (int at = FILLER_AT; at < BLOCK_BYTES; at += Long.BYTES) {
            target.set(LONG, offset + at, base + (at / Long.BYTES) * GOLDEN);
        }
    }

    /** Whether the bytes were meant to be a stamp. */
    static boolean hasMagic(MemorySegment bytes, long offset) {
        return bytes.get(LONG, offset) == MAGIC;
    }

    static long block(MemorySegment bytes, long offset) {
        return bytes.get(LONG, offset + BLOCK_AT);
    }

    static long seed(MemorySegment bytes, long offset) {
        return bytes.get(LONG, offset + SEED_AT);
    }

    static long generation(MemorySegment bytes, long offset) {
        return bytes.get(LONG, offset + GENERATION_AT);
    }

    /** Whether the filler is the one that the fields ask for. */
    static boolean isWhole(MemorySegment bytes, long offset) {
        long base = mix(block(bytes, offset), seed(bytes, offset), generation(bytes, offset));
        long difference = 0;
        for (int at = FILLER_AT; at < BLOCK_BYTES; at += Long.BYTES) {
            difference |= bytes.get(LONG, offset + at) ^ (base + (at / Long.BYTES) * GOLDEN);
        }
        return difference == 0;
    }

    static boolean isZero(MemorySegment bytes, long offset) {
        long any = 0;
        for (int at = 0; at < BLOCK_BYTES; at += Long.BYTES) {
            any |= bytes.get(LONG, offset + at);
        }
        return any == 0;
    }

    /** Changes in half its bits with any bit of its arguments. */
    private static long mix(long block, long seed, long generation) {
        return scramble(scramble(scramble(seed) + block) + generation);
    }

    /** The finalizer of SplitMix64. */
    private static long scramble(long value) {
        long mixed = value + GOLDEN;
        mixed = (mixed ^ (mixed >>> 30)) * 0xBF58476D1CE4E5B9L;
        mixed = (mixed ^ (mixed >>> 27)) * 0x94D049BB133111EBL;
        return mixed ^ (mixed >>> 31);
    }
}
