package io.ashlar.tools.simulate;

import org.jspecify.annotations.Nullable;

import java.util.List;

/**
 * What came of a seed.
 *
 * @param invariant what was violated, or empty
 * @param virtualNanos how long it took by its own time
 * @param realNanos and by ours
 * @param digest of the whole trace
 * @param lastLines of the trace
 */
public record Report(
        long seed,
        String invariant,
        String what,
        long operations,
        long virtualNanos,
        long realNanos,
        String digest,
        List<String> lastLines,
        @Nullable Throwable cause) {

    public boolean holds() {
        return invariant.isEmpty();
    }
}
