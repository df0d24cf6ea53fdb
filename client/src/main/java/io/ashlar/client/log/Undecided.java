package io.ashlar.client.log;

/** What becomes of a takeover that cannot tell whether something was acknowledged. */
public enum Undecided {
    /** It fails, unavailable, and nothing is lost: what is missing may come back. */
    BLOCK,

    /**
     * An operator gives up, on record, what cannot be recovered now: it is lost, and reads of it
     * fail, also where it comes back later.
     */
    GIVE_UP
}
