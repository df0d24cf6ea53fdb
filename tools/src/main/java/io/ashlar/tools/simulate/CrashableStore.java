package io.ashlar.tools.simulate;

import io.ashlar.coordinator.metadata.MemoryMetadataStore;
import io.ashlar.coordinator.metadata.MetadataStore;

import org.jspecify.annotations.Nullable;

import java.util.ArrayDeque;
import java.util.Arrays;
import java.util.Queue;
import java.util.SortedMap;
import java.util.TreeMap;
import java.util.random.RandomGenerator;

/** A metadata store that loses, in a crash, a tail of whole batches that it has not synced. */
final class CrashableStore implements MetadataStore {
    private static final int MAX_UNSYNCED = 64;

    private final MemoryMetadataStore durable;
    private final MemoryMetadataStore visible;
    private final Queue<SortedMap<byte[], byte @Nullable []>> unsynced = new ArrayDeque<>();

    CrashableStore() {
        this(new MemoryMetadataStore());
    }

    private CrashableStore(MemoryMetadataStore durable) {
        this.durable = durable;
        this.visible = durable.copy();
    }

    /** What is found after a crash. */
    CrashableStore afterCrash(RandomGenerator random) {
        int kept = random.nextInt(unsynced.size() + 1);
        for (int i = 0; i < kept; i++) {
            durable.write(unsynced.remove());
        }
        return new CrashableStore(durable);
    }

    @Override
    public void write(SortedMap<byte[], byte @Nullable []> batch) {
        visible.write(batch);
        TreeMap<byte[], byte @Nullable []> kept = new TreeMap<>(Arrays::compareUnsigned);
        kept.putAll(batch);
        unsynced.add(kept);
        if (unsynced.size() > MAX_UNSYNCED) {
            durable.write(unsynced.remove());
        }
    }

    @Override
    public void sync() {
        while (!unsynced.isEmpty()) {
            durable.write(unsynced.remove());
        }
    }

    @Override
    public byte @Nullable [] get(byte[] key) {
        return visible.get(key);
    }

    @Override
    public void scan(byte[] prefix, byte[] from, Visitor visitor) {
        visible.scan(prefix, from, visitor);
    }

    @Override
    public void clear() {
        sync();
        durable.clear();
        visible.clear();
    }

    @Override
    public void close() {}
}
