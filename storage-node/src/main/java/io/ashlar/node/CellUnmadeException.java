package io.ashlar.node;

import io.ashlar.client.AshlarException;
import io.ashlar.client.model.Stripe;

import org.jspecify.annotations.Nullable;

import java.io.Serial;
import java.util.List;

/** A stripe's cell, or a stripe's header, that what the other shards hold does not make. */
final class CellUnmadeException extends Exception {
    @Serial
    private static final long serialVersionUID = 1;

    private final boolean answered;
    private final transient @Nullable Stripe prevailing;

    /**
     * Says why.
     *
     * @param answered whether everybody who may hold what is needed said that he does not
     */
    CellUnmadeException(String message, boolean answered) {
        this(message, answered, null);
    }

    private CellUnmadeException(String message, boolean answered, @Nullable Stripe prevailing) {
        super(message);
        this.answered = answered;
        this.prevailing = prevailing;
    }

    static CellUnmadeException of(String what, List<String> reasons, boolean answered) {
        return new CellUnmadeException(what + ": " + String.join("; ", reasons), answered);
    }

    /** The same, where the cells that are there are of this stripe, a different one. */
    CellUnmadeException insteadOf(@Nullable Stripe other) {
        return new CellUnmadeException(String.valueOf(getMessage()), answered, other);
    }

    /** The stripe that was found in place of the one that was wanted, if one prevails. */
    @Nullable
    Stripe prevailing() {
        return prevailing;
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
