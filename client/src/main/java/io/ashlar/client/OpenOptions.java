package io.ashlar.client;

/**
 * How a volume is opened.
 *
 * @param holder who opens it, told to others that want to
 * @param steal from a holder that lives: that one's writes fail from then on
 */
public record OpenOptions(String holder, boolean steal) {

    /** For this process, respecting others. */
    public static OpenOptions forProcess(String purpose) {
        return new OpenOptions(purpose + ", process " + ProcessHandle.current().pid(), false);
    }
}
