package io.ashlar.coordinator.metadata;

import org.jspecify.annotations.Nullable;

import java.util.Arrays;
import java.util.Map;
import java.util.SortedMap;
import java.util.TreeMap;

/** A store that lives as long as the object: for tests and the simulator. One thread uses it. */
public final class MemoryMetadataStore implements MetadataStore {
    private final TreeMap<byte[], byte[]> entries = new TreeMap<>(Arrays::compareUnsigned);

    @Override
    public byte @Nullable [] get(byte[] key) {
        return entries.get(key);
    }

    @Override
    public void scan(byte[] prefix, byte[] from, Visitor visitor) {
        for (Map.Entry<byte[], byte[]> entry : entries.tailMap(from).entrySet()) {
            if (!KeyFormat.startsWith(entry.getKey(), prefix)
                    || !visitor.visit(entry.getKey(), entry.getValue())) {
                return;
            }
        }
    }

    @Override
    public void write(SortedMap<byte[], byte @Nullable []> batch) {
        batch.forEach((key, value) -> {
            if (value == null) {
                entries.remove(key);
            } else {
                entries.put(key, value);
            }
        });
    }

    @Override
    public void sync() {}

    @Override
    public void clear() {
        entries.clear();
    }

    /** A copy, as a crash at this moment would leave it. */
    public MemoryMetadataStore copy() {
        MemoryMetadataStore copy = new MemoryMetadataStore();
        copy.entries.putAll(entries);
        return copy;
    }

    /** Whether both hold the same bytes. */
    public boolean sameAs(MemoryMetadataStore other) {
        if (!entries.keySet().equals(other.entries.keySet())) {
            return false;
        }
        return entries.entrySet().stream()
                .allMatch(entry ->
                        Arrays.equals(entry.getValue(), other.entries.get(entry.getKey())));
    }

    @Override
    public void close() {}
}
