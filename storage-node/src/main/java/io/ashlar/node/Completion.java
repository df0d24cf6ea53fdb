package io.ashlar.node;

import io.ashlar.client.AshlarException;

/** Hears once how something ended, on the thread that ended it. */
interface Completion<T> {
    void done(T value);

    void failed(AshlarException cause);
}
