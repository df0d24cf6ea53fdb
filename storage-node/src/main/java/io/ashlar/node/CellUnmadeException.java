package io.ashlar.node;

import io.ashlar.client.AshlarException;

import java.io.Serial;
import java.util.List;

/** A stripe's cell, or a stripe's header, that what the other shards hold does not make. */
final class CellUnmadeException extends Exception {
    @Serial
    private static final long serialVersionUID = 1;

    private final boolean answered;

    /**
     * Says why.
     *
     * @param answered whether everybody who may hold what is needed said that he does not
     */
    CellUnmadeException(String message, boolean answered) {
        super(message);
        this.answered = answered;
    }

    static CellUnmadeException of(String what, List<String> reasons, boolean answered) {
        return new CellUnmadeException(what + ": " + String.join("; ", reasons), answered);
    }

    boolean answered() {
        return answered;
    }

    /** Whether a shard that was asked for a cell said by this that it does not have it. */
    static boolean denies(AshlarException failure) {
        return failure instanceof AshlarException.Corrupt
                || failure instanceof AshlarException.NotFound;
    }
}
