package io.ashlar.coordinator.metadata;

import org.jspecify.annotations.Nullable;

import java.util.Arrays;
import java.util.Map;
import java.util.TreeMap;

/** The writes of one command, seen by its own reads, and written as one batch or not at all. */
final class Transaction implements KeyValues {
    private final MetadataStore store;
    private final TreeMap<byte[], byte @Nullable []> writes =
            new TreeMap<>(Arrays::compareUnsigned);

    Transaction(MetadataStore store) {
        this.store = store;
    }

    @Override
    public byte @Nullable [] get(byte[] key) {
        return writes.containsKey(key) ? writes.get(key) : store.get(key);
    }

    @Override
    public void scan(byte[] prefix, byte[] from, Visitor visitor) {
        if (writes.tailMap(from).keySet().stream()
                .noneMatch(key -> KeyFormat.startsWith(key, prefix))) {
            store.scan(prefix, from, visitor);
            return;
        }
        TreeMap<byte[], byte[]> merged = new TreeMap<>(Arrays::compareUnsigned);
        store.scan(prefix, from, (key, value) -> {
            merged.put(key, value);
            return true;
        });
        for (Map.Entry<byte[], byte @Nullable []> write : writes.tailMap(from).entrySet()) {
            byte[] value = write.getValue();
            if (!KeyFormat.startsWith(write.getKey(), prefix)) {
                break;
            }
            if (value == null) {
                merged.remove(write.getKey());
            } else {
                merged.put(write.getKey(), value);
            }
        }
        for (Map.Entry<byte[], byte[]> entry : merged.entrySet()) {
            if (!visitor.visit(entry.getKey(), entry.getValue())) {
                return;
            }
        }
    }

    void put(byte[] key, byte[] value) {
        writes.put(key, value);
    }

    void delete(byte[] key) {
        writes.put(key, null);
    }

    /** Forgets the writes: the command turned out to have no effect. */
    void abandon() {
        writes.clear();
    }

    void commit() {
        store.write(writes);
    }
}
