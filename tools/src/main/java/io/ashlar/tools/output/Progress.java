package io.ashlar.tools.output;

import java.util.concurrent.atomic.AtomicLong;

/** The progress of one long piece of work. May be told from any thread. */
public interface Progress extends AutoCloseable {

    /** So much of it is done now. */
    void reached(long doneBytes);

    /** This one, which also keeps what was reached for others to look at. */
    default Progress alsoTo(AtomicLong reached) {
        return new Progress() {
            @Override
            public void reached(long doneBytes) {
                reached.set(doneBytes);
                Progress.this.reached(doneBytes);
            }

            @Override
            public void close() {
                Progress.this.close();
            }
        };
    }

    @Override
    void close();
}
