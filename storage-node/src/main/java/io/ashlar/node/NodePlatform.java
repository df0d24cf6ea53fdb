package io.ashlar.node;

import java.io.IOException;
import java.util.concurrent.Executor;
import java.util.random.RandomGenerator;

/** What a node takes from its surroundings, which the simulator replaces. */
public interface NodePlatform extends AutoCloseable {

    /** The drive directory of this path. */
    DriveDirectory directory(String path) throws IOException;

    /** Runs what changes one drive, one task after another, in order. */
    Executor driveThread(String path);

    /** Runs what reads from one drive, so many tasks at once. */
    Executor readers(String path, int threads);

    /** Where new identities come from. */
    RandomGenerator random();

    /** Ends the threads once they have done what they were given. */
    @Override
    void close();
}
