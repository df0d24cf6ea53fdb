package io.ashlar.node;

import io.ashlar.client.AshlarException;

import java.io.IOException;
import java.util.Set;

/**
 * The directory that a drive is served from: the one seam between a node and a file system, at
 * which tests and the simulator put drives that fail.
 */
public interface DriveDirectory extends AutoCloseable {

    /** What people call it. */
    String path();

    /** The names in it. */
    Set<String> list() throws IOException;

    /** Opens a file; a {@link java.nio.file.NoSuchFileException} where there is none. */
    DriveFile open(String name) throws IOException;

    /** An empty file of this name, in place of any that had it. */
    DriveFile create(String name) throws IOException;

    /** Gives a file another name, durably, in place of any that had it. */
    void rename(String from, String to) throws IOException;

    /** Removes a file, durably, if it exists. */
    void delete(String name) throws IOException;

    /** Keeps other processes out until closed; unavailable while one serves the directory. */
    void lock() throws AshlarException, IOException;

    @Override
    void close() throws IOException;
}
