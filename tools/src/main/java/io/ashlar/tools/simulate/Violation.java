package io.ashlar.tools.simulate;

/** Something that must never be, was. It ends the run. */
final class Violation extends RuntimeException {
    private static final long serialVersionUID = 1;

    private final String invariant;

    /**
     * A violation.
     *
     * @param invariant the name of what should have held, as DESIGN calls it
     */
    Violation(String invariant, String what) {
        super(what);
        this.invariant = invariant;
    }

    Violation(String invariant, String what, Throwable cause) {
        super(what, cause);
        this.invariant = invariant;
    }

    String invariant() {
        return invariant;
    }
}
