package io.ashlar.client.map;

import io.ashlar.client.AshlarException;
import io.ashlar.client.format.MapEntry;

/** Walks over the entries of a table or a run in the order of their blocks. */
interface EntryCursor extends StripeNames {
    /** What a move came to. */
    enum Move {
        /** There is an entry. */
        READY,
        /** It must be waited for. */
        WAITING,
        /** There are no more. */
        END
    }

    /** Moves to the next entry; to be called again where it must be waited for. */
    Move next() throws AshlarException;

    /** Where the cursor stands; valid until it moves. */
    MapEntry entry();

    /** Bytes that the cursor holds. */
    long memoryBytes();
}
