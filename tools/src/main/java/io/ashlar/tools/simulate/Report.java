package io.ashlar.tools.simulate;

import org.jspecify.annotations.Nullable;

import java.util.List;
import java.util.Map;

/**
 * What came of a seed.
 *
 * @param invariant what was violated, or empty
 * @param virtualNanos how long it took by its own time
 * @param cpuNanos that our processor spent on it
 * @param faults that were injected, by kind
 * @param messagesLost on the network, each with its connection
 * @param leaders that there were
 * @param kernel that coded
 * @param lostStripes destroyed beyond what can be survived
 * @param unreadableBlocks of all volumes, for that reason, or while too few nodes are up
 * @param lostWrites acknowledged, and given up by an operator
 * @param digest of the whole trace
 * @param lastLines of the trace
 */
public record Report(
        long seed,
        String invariant,
        String what,
        long operations,
        long virtualNanos,
        long cpuNanos,
        Map<FaultKind, Integer> faults,
        long messagesLost,
        long leaders,
        String kernel,
        long lostStripes,
        long unreadableBlocks,
        long lostWrites,
        String digest,
        List<String> lastLines,
        @Nullable Throwable cause) {

    public boolean holds() {
        return invariant.isEmpty();
    }
}
