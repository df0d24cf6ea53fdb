package io.ashlar.coordinator.metadata;

import org.jspecify.annotations.Nullable;

import java.util.SortedMap;

/**
 * Where the metadata lies: RocksDB in a coordinator, memory in a simulation. One thread writes.
 * What a store has lost after a crash is a tail of whole batches; the log holds them still.
 */
public interface MetadataStore extends KeyValues, AutoCloseable {

    /** Writes all or nothing; a null value deletes its key. */
    void write(SortedMap<byte[], byte @Nullable []> batch);

    /** Puts everything written so far on the drive. */
    void sync();

    /** Removes everything, before a snapshot is loaded. */
    void clear();

    @Override
    void close();
}
