package io.ashlar.tools.simulate;

import io.ashlar.client.transport.Buffer;

import java.lang.foreign.MemorySegment;
import java.util.List;

/**
 * The bulk bytes of a message that was handed to the network and has not left yet: nobody may change
 * them, nor give them back once too often.
 */
record SentBytes(SimulatedProcess by, List<Buffer> parts, Buffer copy) {

    /** Takes the parts over. */
    static SentBytes of(SimulatedProcess by, List<Buffer> parts) {
        int sizeBytes = parts.stream().mapToInt(Buffer::sizeBytes).sum();
        Buffer copy = Buffer.allocate(sizeBytes);
        long at = 0;
        for (Buffer part : parts) {
            MemorySegment.copy(part.segment(), 0, copy.segment(), at, part.sizeBytes());
            at += part.sizeBytes();
        }
        return new SentBytes(by, parts, copy);
    }

    /** They leave, as they were handed over; the copy belongs to the caller. */
    Buffer leave() {
        if (by.isAlive()) {
            demandUnchanged();
        }
        parts.forEach(Buffer::release);
        return copy;
    }

    private void demandUnchanged() {
        long at = 0;
        for (Buffer part : parts) {
            MemorySegment sent = copy.segment().asSlice(at, part.sizeBytes());
            if (part.segment().mismatch(sent) >= 0) {
                throw new Violation(
                        "messages say what was sent",
                        by.name() + " changed bytes of a message that had not left yet");
            }
            at += part.sizeBytes();
        }
    }

    /** They never leave. */
    void release() {
        parts.forEach(Buffer::release);
        copy.release();
    }
}
