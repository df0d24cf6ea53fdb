package io.ashlar.tools.cluster;

import java.util.Optional;
import java.util.function.BooleanSupplier;

/**
 * Whether a piece of work stands still because no coordinator answers. Looked at now and then; says
 * so once when it begins, and once when it is over. A coordinator that is away while the work gets on
 * is nobody's concern, and is not even asked.
 */
final class Stall {
    private long lastDoneBytes = -1;
    private boolean waiting;

    /**
     * Looks again.
     *
     * @param doneBytes how far the work is now
     * @return whether it waits, where that has changed
     */
    Optional<Boolean> look(long doneBytes, BooleanSupplier coordinatorAnswers) {
        boolean stands = doneBytes == lastDoneBytes;
        lastDoneBytes = doneBytes;
        boolean waits = stands && !coordinatorAnswers.getAsBoolean();
        if (waits == waiting) {
            return Optional.empty();
        }
        waiting = waits;
        return Optional.of(waits);
    }
}
