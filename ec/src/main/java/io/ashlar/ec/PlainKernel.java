package io.ashlar.ec;

import java.lang.foreign.MemorySegment;

/**
 * The kernel that runs everywhere. One table lookup serves all rows: the table of a column maps a
 * byte to a long that packs the byte's products with that column's coefficients, row 0 lowest. So
 * the work per input byte is one lookup, whatever the number of outputs (at most 8, a long's bytes).
 *
 * <p>Cells are copied through small arrays, slice by slice. This keeps the loops on plain arrays,
 * which the compiler handles the same for memory on and off the heap, and costs little: a slice and
 * its sums stay in the first-level cache.
 */
final class PlainKernel extends Kernel {
    private static final int SLICE_LONGS = 64;

    PlainKernel() {
        super("plain");
    }

    @Override
    MatrixProduct prepare(Matrix matrix) {
        long[][] tables = new long[matrix.columns()][GaloisField.ELEMENTS];
        for (int column = 0; column < matrix.columns(); column++) {
            for (int element = 0; element < GaloisField.ELEMENTS; element++) {
                for (int row = 0; row < matrix.rows(); row++) {
                    long product = GaloisField.multiply(matrix.get(row, column), element);
                    tables[column][element] |= product << (row * Byte.SIZE);
                }
            }
        }
        return (inputs, outputs, offsetBytes, lengthBytes) ->
                multiply(tables, inputs, outputs, offsetBytes, lengthBytes);
    }

    private static void multiply(
            long[][] tables,
            MemorySegment[] inputs,
            MemorySegment[] outputs,
            long offsetBytes,
            long lengthBytes) {
        long[] slice = new long[SLICE_LONGS];
        long[] sums = new long[SLICE_LONGS * Long.BYTES];
        MemorySegment sliceBytes = MemorySegment.ofArray(slice);
        long sliceLengthBytes;
        for (long done = 0; done < lengthBytes; done += sliceLengthBytes) {
            long offset = offsetBytes + done;
            sliceLengthBytes = Math.min(sliceBytes.byteSize(), lengthBytes - done);
            for (int column = 0; column < inputs.length; column++) {
                MemorySegment.copy(inputs[column], offset, sliceBytes, 0, sliceLengthBytes);
                if (column == 0) {
                    lookUp(slice, tables[column], sums);
                } else {
                    lookUpAndAdd(slice, tables[column], sums);
                }
            }
            for (int row = 0; row < outputs.length; row++) {
                gather(sums, row * Byte.SIZE, slice);
                MemorySegment.copy(sliceBytes, 0, outputs[row], offset, sliceLengthBytes);
            }
        }
    }

    /** Sets {@code sums[i]} to the packed products of byte i of the slice. */
    private static void lookUp(long[] slice, long[] table, long[] sums) {
        for (int index = 0; index < slice.length; index++) {
            long bytes = slice[index];
            int first = index * Long.BYTES;
            sums[first] = table[(int) bytes & 0xff];
            sums[first + 1] = table[(int) (bytes >>> 8) & 0xff];
            sums[first + 2] = table[(int) (bytes >>> 16) & 0xff];
            sums[first + 3] = table[(int) (bytes >>> 24) & 0xff];
            sums[first + 4] = table[(int) (bytes >>> 32) & 0xff];
            sums[first + 5] = table[(int) (bytes >>> 40) & 0xff];
            sums[first + 6] = table[(int) (bytes >>> 48) & 0xff];
            sums[first + 7] = table[(int) (bytes >>> 56)];
        }
    }

    /** Adds to {@code sums[i]} the packed products of byte i of the slice. */
    private static void lookUpAndAdd(long[] slice, long[] table, long[] sums) {
        for (int index = 0; index < slice.length; index++) {
            long bytes = slice[index];
            int first = index * Long.BYTES;
            sums[first] ^= table[(int) bytes & 0xff];
            sums[first + 1] ^= table[(int) (bytes >>> 8) & 0xff];
            sums[first + 2] ^= table[(int) (bytes >>> 16) & 0xff];
            sums[first + 3] ^= table[(int) (bytes >>> 24) & 0xff];
            sums[first + 4] ^= table[(int) (bytes >>> 32) & 0xff];
            sums[first + 5] ^= table[(int) (bytes >>> 40) & 0xff];
            sums[first + 6] ^= table[(int) (bytes >>> 48) & 0xff];
            sums[first + 7] ^= table[(int) (bytes >>> 56)];
        }
    }

    /** Sets byte i of the slice to the row of {@code sums[i]} that {@code shiftBits} selects. */
    private static void gather(long[] sums, int shiftBits, long[] slice) {
        for (int index = 0; index < slice.length; index++) {
            int first = index * Long.BYTES;
            slice[index] = ((sums[first] >>> shiftBits) & 0xff)
                    | (((sums[first + 1] >>> shiftBits) & 0xff) << 8)
                    | (((sums[first + 2] >>> shiftBits) & 0xff) << 16)
                    | (((sums[first + 3] >>> shiftBits) & 0xff) << 24)
                    | (((sums[first + 4] >>> shiftBits) & 0xff) << 32)
                    | (((sums[first + 5] >>> shiftBits) & 0xff) << 40)
                    | (((sums[first + 6] >>> shiftBits) & 0xff) << 48)
                    | (((sums[first + 7] >>> shiftBits) & 0xff) << 56);
        }
    }
}
