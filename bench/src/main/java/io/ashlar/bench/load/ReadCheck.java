package io.ashlar.bench.load;

import io.ashlar.client.Volume;

import java.lang.foreign.MemorySegment;
import java.util.List;
import java.util.concurrent.ConcurrentLinkedQueue;
import java.util.concurrent.atomic.LongAdder;

/**
 * Holds what was read to what was written. A block that this run wrote must be of a generation that
 * the volume may return; one with a stamp of an earlier run must be whole and in its place; zeroes
 * are right where this run wrote nothing; anything else there is somebody's data, of which nothing
 * is known. Safe for any thread.
 */
final class ReadCheck {
    private static final int BLOCK_BYTES = Volume.BLOCK_BYTES;
    private static final int MAX_PROBLEMS = 10;

    private final Generations generations;
    private final long seed;
    private final int blocksPerUnit;
    private final LongAdder verifiedBlocks = new LongAdder();
    private final LongAdder unwrittenBlocks = new LongAdder();
    private final LongAdder unknownBlocks = new LongAdder();
    private final LongAdder wrongBlocks = new LongAdder();
    private final ConcurrentLinkedQueue<String> problems = new ConcurrentLinkedQueue<>();

    ReadCheck(Generations generations, long seed, int blocksPerUnit) {
        this.generations = generations;
        this.seed = seed;
        this.blocksPerUnit = blocksPerUnit;
    }

    /**
     * What all checks found.
     *
     * @param verifiedBytes proved to be what was written
     * @param unwrittenBytes never written, and read as zeroes
     * @param unverifiableBytes written by something else than this program
     * @param wrongBytes not what they must be
     * @param problems the first of the wrong blocks, in words
     */
    record Outcome(
            long verifiedBytes,
            long unwrittenBytes,
            long unverifiableBytes,
            long wrongBytes,
            List<String> problems) {
        Outcome {
            problems = List.copyOf(problems);
        }
    }

    /** Checks a unit that was read; {@code atLeast} was acknowledged when the read began. */
    void check(int unit, int atLeast, MemorySegment bytes) {
        int atMost = generations.begun(unit);
        long firstBlock = (long) unit * blocksPerUnit;
        for (int i = 0; i < blocksPerUnit; i++) {
            checkBlock(firstBlock + i, atLeast, atMost, bytes, (long) i * BLOCK_BYTES);
        }
    }

    private void checkBlock(long block, int atLeast, int atMost, MemorySegment bytes, long at) {
        if (!StampFormat.hasMagic(bytes, at)) {
            checkUnstamped(block, atLeast, bytes, at);
        } else if (StampFormat.block(bytes, at) != block) {
            wrong(block, "holds the content of block " + StampFormat.block(bytes, at));
        } else if (!StampFormat.isWhole(bytes, at)) {
            wrong(block, "was changed since it was written");
        } else {
            checkGeneration(
                    block,
                    atLeast,
                    atMost,
                    StampFormat.seed(bytes, at),
                    StampFormat.generation(bytes, at));
        }
    }

    private void checkUnstamped(long block, int atLeast, MemorySegment bytes, long at) {
        boolean isZero = StampFormat.isZero(bytes, at);
        if (atLeast > 0) {
            wrong(
                    block,
                    isZero
                            ? "reads as zeroes, but was written " + atLeast + " times"
                            : "holds bytes that were never written to it");
        } else if (isZero) {
            unwrittenBlocks.increment();
        } else {
            unknownBlocks.increment();
        }
    }

    private void checkGeneration(
            long block, int atLeast, int atMost, long foundSeed, long generation) {
        if (foundSeed != seed) {
            if (atLeast > 0) {
                wrong(
                        block,
                        "holds what an earlier run wrote, this one wrote it " + atLeast + " times");
            } else {
                verifiedBlocks.increment();
            }
        } else if (generation < Math.max(atLeast, 1) || generation > atMost) {
            wrong(
                    block,
                    "holds generation " + generation + ", expected " + atLeast + " to " + atMost);
        } else {
            verifiedBlocks.increment();
        }
    }

    private void wrong(long block, String problem) {
        wrongBlocks.increment();
        if (problems.size() < MAX_PROBLEMS) {
            problems.add("block " + block + " " + problem);
        }
    }

    Outcome outcome() {
        return new Outcome(
                verifiedBlocks.sum() * BLOCK_BYTES,
                unwrittenBlocks.sum() * BLOCK_BYTES,
                unknownBlocks.sum() * BLOCK_BYTES,
                wrongBlocks.sum() * BLOCK_BYTES,
                problems.stream().limit(MAX_PROBLEMS).toList());
    }
}
