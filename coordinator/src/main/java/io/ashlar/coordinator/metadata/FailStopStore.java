package io.ashlar.coordinator.metadata;

import org.jspecify.annotations.Nullable;

import java.util.SortedMap;
import java.util.concurrent.atomic.AtomicReference;

/**
 * A store that fails once and for all. A batch that could not be written is an entry of the log
 * that this replica lacks: were a later one written after all, the replica would hold a state that
 * the log never led to, and not know it. So after the first failure nothing is read or written,
 * and the process is told to end; a restart reads the log again from what the store did keep.
 */
public final class FailStopStore implements MetadataStore {
    private final MetadataStore store;
    private final Runnable onFatal;
    private final AtomicReference<@Nullable Throwable> failure = new AtomicReference<>();

    /** With what is to happen, once and on the thread that saw it, at the first failure. */
    public FailStopStore(MetadataStore store, Runnable onFatal) {
        this.store = store;
        this.onFatal = onFatal;
    }

    /** Whether it failed. May be called from any thread. */
    public boolean isFailed() {
        return failure.get() != null;
    }

    /** Ends it for a failure that was seen elsewhere. May be called from any thread. */
    public void fail(Throwable cause) {
        if (failure.compareAndSet(null, cause)) {
            onFatal.run();
        }
    }

    @Override
    public byte @Nullable [] get(byte[] key) {
        requireSound();
        try {
            return store.get(key);
        } catch (StoreFailedException e) {
            fail(e);
            throw e;
        }
    }

    @Override
    public void scan(byte[] prefix, byte[] from, Visitor visitor) {
        guard(() -> store.scan(prefix, from, visitor));
    }

    @Override
    public void write(SortedMap<byte[], byte @Nullable []> batch) {
        guard(() -> store.write(batch));
    }

    @Override
    public void sync() {
        guard(store::sync);
    }

    @Override
    public void clear() {
        guard(store::clear);
    }

    @Override
    public void close() {
        store.close();
    }

    private void guard(Runnable operation) {
        requireSound();
        try {
            operation.run();
        } catch (StoreFailedException e) {
            fail(e);
            throw e;
        }
    }

    private void requireSound() {
        Throwable cause = failure.get();
        if (cause != null) {
            throw new IllegalStateException("the metadata failed before: " + cause, cause);
        }
    }
}
