package io.ashlar.coordinator;

import io.ashlar.coordinator.metadata.MetadataStore;

import org.jspecify.annotations.Nullable;

import java.util.SortedMap;

/** Counts the entries that are read from a store. */
final class CountingStore implements MetadataStore {
    private final MetadataStore store;
    private long reads;

    CountingStore(MetadataStore store) {
        this.store = store;
    }

    long reads() {
        return reads;
    }

    @Override
    public byte @Nullable [] get(byte[] key) {
        reads++;
        return store.get(key);
    }

    @Override
    public void scan(byte[] prefix, byte[] from, Visitor visitor) {
        store.scan(prefix, from, (key, value) -> {
            reads++;
            return visitor.visit(key, value);
        });
    }

    @Override
    public void write(SortedMap<byte[], byte @Nullable []> batch) {
        store.write(batch);
    }

    @Override
    public void sync() {
        store.sync();
    }

    @Override
    public void clear() {
        store.clear();
    }

    @Override
    public void close() {
        store.close();
    }
}
