package io.ashlar.tools.output;

/** The progress of one long piece of work. May be told from any thread. */
public interface Progress extends AutoCloseable {

    /** So much of it is done now. */
    void reached(long doneBytes);

    @Override
    void close();
}
