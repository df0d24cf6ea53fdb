package io.ashlar.node;

import java.io.IOException;
import java.lang.foreign.MemorySegment;

/**
 * An open file of a drive. Any thread may read while another writes; what a read sees of a write
 * that is going on is not said. Nothing is durable before {@link #sync()} has returned.
 */
public interface DriveFile extends AutoCloseable {

    /** Fills the target from this place on; an {@link java.io.EOFException} where the file ends. */
    void read(long at, MemorySegment target) throws IOException;

    /**
     * Writes all of the source at this place; a {@link DriveFullException} where there is no room.
     */
    void write(long at, MemorySegment source) throws IOException;

    /** Makes durable all that was written before the call. */
    void sync() throws IOException;

    long sizeBytes() throws IOException;

    /** Makes the file so long, without taking space for what was not written. */
    void resize(long sizeBytes) throws IOException;

    /** Whether the name it was opened by still leads to this very file. */
    boolean stillNamed() throws IOException;

    @Override
    void close() throws IOException;
}
