package io.ashlar.ec;

import java.lang.foreign.MemorySegment;

/** A matrix made ready by a {@link Kernel} to be multiplied with cells; safe for any thread. */
interface MatrixProduct {
    /**
     * Overwrites bytes {@code [offsetBytes, offsetBytes + lengthBytes)} of every output with the
     * product of the matrix and the same range of the inputs: {@code outputs[r] = sum over c of
     * matrix(r, c) * inputs[c]}. The caller has checked that every memory segment contains the range
     * and is alive, and keeps it so; outputs overlap neither inputs nor each other.
     *
     * @param inputs {@code [columns]} memory segments, borrowed
     * @param outputs {@code [rows]} memory segments, borrowed
     */
    void apply(MemorySegment[] inputs, MemorySegment[] outputs, long offsetBytes, long lengthBytes);
}
