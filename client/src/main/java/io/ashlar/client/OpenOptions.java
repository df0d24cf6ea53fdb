package io.ashlar.client;

import io.ashlar.client.log.Undecided;

import java.util.Set;

/**
 * How a volume is opened.
 *
 * @param holder who opens it, told to others that want to
 * @param steal from a holder that lives: that one's writes fail from then on
 * @param undecided what becomes of writes of which cannot be told whether they were acknowledged
 * @param goneNodes that will never come back, as an operator says: what only they can tell of is lost
 */
public record OpenOptions(
        String holder, boolean steal, Undecided undecided, Set<String> goneNodes) {
    public OpenOptions {
        goneNodes = Set.copyOf(goneNodes);
    }

    /** Where any node may come back. */
    public OpenOptions(String holder, boolean steal, Undecided undecided) {
        this(holder, steal, undecided, Set.of());
    }

    /** Respecting others, losing nothing. */
    public OpenOptions(String holder) {
        this(holder, false, Undecided.BLOCK);
    }

    /** For this process. */
    public static OpenOptions forProcess(String purpose) {
        return new OpenOptions(purpose + ", process " + ProcessHandle.current().pid());
    }

    public OpenOptions stealing() {
        return new OpenOptions(holder, true, undecided, goneNodes);
    }

    /** Giving up, on record, what cannot be recovered now of the last writes. */
    public OpenOptions givingUp() {
        return new OpenOptions(holder, steal, Undecided.GIVE_UP, goneNodes);
    }

    /** And what was written before and only these nodes know of. */
    public OpenOptions withoutNodes(Set<String> gone) {
        return new OpenOptions(holder, steal, undecided, gone);
    }
}
