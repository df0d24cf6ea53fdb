package io.ashlar.client;

import io.ashlar.client.log.Undecided;

/**
 * How a volume is opened.
 *
 * @param holder who opens it, told to others that want to
 * @param steal from a holder that lives: that one's writes fail from then on
 * @param undecided what becomes of writes of which cannot be told whether they were acknowledged
 */
public record OpenOptions(String holder, boolean steal, Undecided undecided) {

    /** Respecting others, losing nothing. */
    public OpenOptions(String holder) {
        this(holder, false, Undecided.BLOCK);
    }

    /** For this process. */
    public static OpenOptions forProcess(String purpose) {
        return new OpenOptions(purpose + ", process " + ProcessHandle.current().pid());
    }

    public OpenOptions stealing() {
        return new OpenOptions(holder, true, undecided);
    }

    /** Giving up, on record, what cannot be recovered now. */
    public OpenOptions givingUp() {
        return new OpenOptions(holder, steal, Undecided.GIVE_UP);
    }
}
