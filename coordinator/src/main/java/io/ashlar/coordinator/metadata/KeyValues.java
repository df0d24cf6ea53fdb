package io.ashlar.coordinator.metadata;

import org.jspecify.annotations.Nullable;

/** Keys and values, ordered by the keys' unsigned bytes, to be read. */
public interface KeyValues {

    byte @Nullable [] get(byte[] key);

    /** Visits the entries whose keys start with the prefix, from {@code from} on, in order. */
    void scan(byte[] prefix, byte[] from, Visitor visitor);

    default void scan(byte[] prefix, Visitor visitor) {
        scan(prefix, prefix, visitor);
    }

    /** Sees one entry; answers whether it wants the next. */
    interface Visitor {
        boolean visit(byte[] key, byte[] value);
    }
}
