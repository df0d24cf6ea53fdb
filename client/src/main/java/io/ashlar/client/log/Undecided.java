package io.ashlar.client.log;

/** What becomes of a takeover that cannot tell whether something was acknowledged. */
public enum Undecided {
    /** It fails, unavailable, and nothing is lost: what is missing may come back. */
    BLOCK,

    /**
     * An operator gives up, on record, what cannot be recovered now, also where it comes back later:
     * what any record tells of is lost, and reads of it fail. So is what the former writer goes on
     * to acknowledge where it still runs and reaches all nodes of a segment of which none answers
     * here: it has to be stopped first.
     */
    GIVE_UP
}
