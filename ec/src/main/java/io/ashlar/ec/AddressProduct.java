package io.ashlar.ec;

import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.ref.Reference;

/**
 * A product of cells given by their addresses. Cells on the heap have none, and a kernel may refuse
 * short ranges: these are copied to native memory and back, slice by slice.
 */
abstract class AddressProduct implements MatrixProduct {
    private static final long STAGING_SLICE_BYTES = 16 * 1024;
    private static final long ALIGNMENT_BYTES = 64;

    private final long minLengthBytes;

    /** A product that is given ranges of at least {@code minLengthBytes}, at most 64. */
    AddressProduct(long minLengthBytes) {
        this.minLengthBytes = minLengthBytes;
    }

    /**
     * Overwrites {@code outputs[rows][lengthBytes]} with the product of the matrix and {@code
     * inputs[columns][lengthBytes]}. Both arrays are addresses, and the callee may change them.
     */
    abstract void multiply(long[] inputs, long[] outputs, long lengthBytes);

    @Override
    public final void apply(
            MemorySegment[] inputs, MemorySegment[] outputs, long offsetBytes, long lengthBytes) {
        if (lengthBytes == 0) {
            return;
        }
        if (lengthBytes < minLengthBytes || !areNative(inputs) || !areNative(outputs)) {
            multiplyStaged(inputs, outputs, offsetBytes, lengthBytes);
            return;
        }
        try {
            multiply(addresses(inputs, offsetBytes), addresses(outputs, offsetBytes), lengthBytes);
        } finally {
            Reference.reachabilityFence(inputs);
            Reference.reachabilityFence(outputs);
        }
    }

    private void multiplyStaged(
            MemorySegment[] inputs, MemorySegment[] outputs, long offsetBytes, long lengthBytes) {
        long strideBytes = Math.min(
                STAGING_SLICE_BYTES, Math.ceilDiv(lengthBytes, ALIGNMENT_BYTES) * ALIGNMENT_BYTES);
        try (Arena arena = Arena.ofConfined()) {
            MemorySegment[] stagedInputs = allocate(arena, inputs.length, strideBytes);
            MemorySegment[] stagedOutputs = allocate(arena, outputs.length, strideBytes);
            for (long done = 0; done < lengthBytes; done += strideBytes) {
                long offset = offsetBytes + done;
                long sliceBytes = Math.min(strideBytes, lengthBytes - done);
                for (int column = 0; column < inputs.length; column++) {
                    MemorySegment.copy(inputs[column], offset, stagedInputs[column], 0, sliceBytes);
                }
                multiply(addresses(stagedInputs, 0), addresses(stagedOutputs, 0), strideBytes);
                for (int row = 0; row < outputs.length; row++) {
                    MemorySegment.copy(stagedOutputs[row], 0, outputs[row], offset, sliceBytes);
                }
            }
        }
    }

    private static MemorySegment[] allocate(Arena arena, int count, long strideBytes) {
        MemorySegment[] cells = new MemorySegment[count];
        for (int index = 0; index < count; index++) {
            cells[index] = arena.allocate(strideBytes, ALIGNMENT_BYTES);
        }
        return cells;
    }

    private static boolean areNative(MemorySegment[] cells) {
        for (MemorySegment cell : cells) {
            if (!cell.isNative()) {
                return false;
            }
        }
        return true;
    }

    private static long[] addresses(MemorySegment[] cells, long offsetBytes) {
        long[] addresses = new long[cells.length];
        for (int index = 0; index < cells.length; index++) {
            addresses[index] = cells[index].address() + offsetBytes;
        }
        return addresses;
    }
}
