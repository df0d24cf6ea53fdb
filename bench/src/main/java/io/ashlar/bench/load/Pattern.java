package io.ashlar.bench.load;

import java.util.Arrays;

/** Where a load goes, and whether it reads or writes there. */
public enum Pattern {
    SEQWRITE(true, true),
    SEQREAD(true, false),
    RANDWRITE(false, true),
    RANDREAD(false, false);

    private static final int SEQUENTIAL_BLOCK_BYTES = 1 << 20;
    private static final int RANDOM_BLOCK_BYTES = 4096;

    private final boolean sequential;
    private final boolean writing;

    Pattern(boolean sequential, boolean writing) {
        this.sequential = sequential;
        this.writing = writing;
    }

    /**
     * The pattern of that name.
     *
     * @throws IllegalArgumentException when there is none
     */
    public static Pattern of(String name) {
        return Arrays.stream(values())
                .filter(pattern -> pattern.toString().equals(name))
                .findFirst()
                .orElseThrow(() -> new IllegalArgumentException("no pattern \"" + name
                        + "\": expected seqwrite, seqread, randwrite or randread"));
    }

    public boolean isSequential() {
        return sequential;
    }

    public boolean isWriting() {
        return writing;
    }

    /** What is usual for it. */
    public int defaultBlockBytes() {
        return sequential ? SEQUENTIAL_BLOCK_BYTES : RANDOM_BLOCK_BYTES;
    }

    @Override
    public String toString() {
        return (sequential ? "seq" : "rand") + (writing ? "write" : "read");
    }
}
