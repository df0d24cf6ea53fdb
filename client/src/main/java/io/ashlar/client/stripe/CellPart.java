package io.ashlar.client.stripe;

import io.ashlar.client.model.Stripe;
import io.ashlar.client.transport.Buffer;

import java.lang.foreign.MemorySegment;

/**
 * Pieces of a cell with the header of its record: right in themselves, each piece against the
 * header's vector. Whether they are of the stripe that others are of is for the decode to find.
 */
record CellPart(int participant, Stripe stripe, int headerBytes, Buffer buffer) {

    /** The pieces, without the header. */
    MemorySegment pieces() {
        return buffer.segment().asSlice(headerBytes);
    }

    void release() {
        buffer.release();
    }
}
