package io.ashlar.ec;

import java.lang.foreign.MemorySegment;
import java.util.Arrays;

/**
 * The kernel that runs everywhere: plain loops over arrays of longs, eight bytes to a long, which
 * the compiler turns into vector instructions by itself where the CPU has them.
 *
 * <p>An output is a sum of products, and a product with a coefficient is a sum of doublings: one
 * for each bit of the coefficient. Horner's rule shares the doublings among all inputs of an output:
 * from the highest bit to the lowest, double the sum, then add every input whose coefficient has
 * that bit. Eight bytes of a long are doubled at once as in H. Peter Anvin, "The mathematics of
 * RAID-6", section 4.
 *
 * <p>Cells are copied through small arrays, slice by slice: the loops stay on plain arrays, the same
 * for memory on and off the heap, and a slice of all inputs stays in the first-level cache.
 */
final class PlainKernel extends Kernel {
    /** So that 32 inputs, the most there can be, take 32 KiB. */
    private static final int SLICE_LONGS = 128;

    private static final long TOP_BITS = 0x8080_8080_8080_8080L;
    private static final long REDUCTIONS = 0x1d1d_1d1d_1d1d_1d1dL;

    PlainKernel() {
        super("plain");
    }

    @Override
    MatrixProduct prepare(Matrix matrix) {
        return (inputs, outputs, offsetBytes, lengthBytes) ->
                multiply(matrix, inputs, outputs, offsetBytes, lengthBytes);
    }

    private static void multiply(
            Matrix matrix,
            MemorySegment[] inputs,
            MemorySegment[] outputs,
            long offsetBytes,
            long lengthBytes) {
        long[][] slices = new long[inputs.length][SLICE_LONGS];
        long[] sums = new long[SLICE_LONGS];
        long sliceLengthBytes;
        for (long done = 0; done < lengthBytes; done += sliceLengthBytes) {
            long offset = offsetBytes + done;
            sliceLengthBytes = Math.min(SLICE_LONGS * Long.BYTES, lengthBytes - done);
            for (int column = 0; column < inputs.length; column++) {
                MemorySegment slice = MemorySegment.ofArray(slices[column]);
                MemorySegment.copy(inputs[column], offset, slice, 0, sliceLengthBytes);
            }
            for (int row = 0; row < outputs.length; row++) {
                sumProducts(matrix, row, slices, sums);
                MemorySegment slice = MemorySegment.ofArray(sums);
                MemorySegment.copy(slice, 0, outputs[row], offset, sliceLengthBytes);
            }
        }
    }

    /** Sets the sums to those of all slices, each multiplied by its coefficient in that row. */
    private static void sumProducts(Matrix matrix, int row, long[][] slices, long[] sums) {
        Arrays.fill(sums, 0);
        for (int bit = Byte.SIZE - 1; bit >= 0; bit--) {
            if (bit < Byte.SIZE - 1) {
                twice(sums);
            }
            for (int column = 0; column < slices.length; column++) {
                if ((matrix.get(row, column) >>> bit & 1) != 0) {
                    add(slices[column], sums);
                }
            }
        }
    }

    /** Multiplies each byte by two: shifts it, and reduces it where its top bit is lost. */
    private static void twice(long[] sums) {
        for (int index = 0; index < sums.length; index++) {
            long bytes = sums[index];
            long lost = bytes & TOP_BITS;
            long lostBytes = (lost << 1) - (lost >>> 7);
            sums[index] = ((bytes ^ lost) << 1) ^ (lostBytes & REDUCTIONS);
        }
    }

    private static void add(long[] slice, long[] sums) {
        for (int index = 0; index < sums.length; index++) {
            sums[index] ^= slice[index];
        }
    }
}
