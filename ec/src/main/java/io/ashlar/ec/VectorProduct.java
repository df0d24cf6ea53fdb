package io.ashlar.ec;

import static jdk.incubator.vector.ByteVector.fromMemorySegment;
import static jdk.incubator.vector.VectorOperators.LSHR;
import static jdk.incubator.vector.VectorOperators.XOR;

import static java.lang.foreign.ValueLayout.JAVA_BYTE;

import jdk.incubator.vector.ByteVector;
import jdk.incubator.vector.VectorSpecies;

import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.nio.ByteOrder;
import java.util.Arrays;

/**
 * Multiplies with table lookups in vector registers, as [1] does: a byte is split in a low and a
 * high part, and its product with a coefficient is the sum of two products, each looked up for all
 * lanes at once. A vector of 2^b lanes is a table for b bits: with 64 lanes the low part has 6 bits
 * and the high part 2, with 16 lanes both have 4.
 *
 * <p>A <em>tile</em> is two columns of one or two rows. Its tables stay in registers while a loop
 * passes over a slice of the cells; slices are short enough to stay in the first-level cache from
 * one tile to the next. An odd last column is paired with itself and a coefficient of zero. (Tiles of
 * four rows gain 10 to 15 % from three parity cells on, for twice the code.)
 *
 * <p>What the compiler demands, and a change must be measured for: the loops call nothing but the
 * Vector API, whose methods are forcibly inlined, for C2 stops inlining other methods in code of this
 * size, and then every vector becomes an object (3 GB/s instead of 80). For the same reason no
 * vector is kept in a field.
 *
 * <p>[1] J. Plank, K. Greenan, E. Miller: Screaming Fast Galois Field Arithmetic Using Intel SIMD
 * Instructions. FAST 2013.
 */
final class VectorProduct extends AddressProduct {
    private static final VectorSpecies<Byte> LANES = ByteVector.SPECIES_PREFERRED;
    private static final ByteOrder ORDER = ByteOrder.nativeOrder();
    private static final long WIDTH = LANES.vectorByteSize();
    private static final int LOW_BITS = Long.numberOfTrailingZeros(WIDTH);
    private static final byte HIGH_MASK = (byte) ((1 << (Byte.SIZE - LOW_BITS)) - 1);

    /** All of memory: one monomorphic memory segment, in which an offset is an address. */
    @SuppressWarnings("restricted")
    private static final MemorySegment MEMORY = MemorySegment.NULL.reinterpret(Long.MAX_VALUE);

    private static final int SLICE_BYTES = 4096;

    /** What the first tile of a row adds its products to. */
    private static final MemorySegment ZEROS = Arena.global().allocate(SLICE_BYTES, 64);

    private static final int TILE_ROWS = 2;
    private static final int TILE_COLUMNS = 2;
    private static final long TABLE_BYTES = 2 * WIDTH;
    private static final long PAIR_BYTES = TILE_COLUMNS * TABLE_BYTES;

    private final int rows;
    private final int columns;

    /** For every tile, row after row of the tile: the low and the high table of both columns. */
    private final MemorySegment tables;

    VectorProduct(Matrix matrix) {
        super(WIDTH);
        this.rows = matrix.rows();
        this.columns = matrix.columns();
        int columnPairs = Math.ceilDiv(columns, TILE_COLUMNS);
        this.tables = Arena.ofAuto().allocate(PAIR_BYTES * columnPairs * rows, WIDTH);
        long offset = 0;
        for (int firstRow = 0; firstRow < rows; firstRow += TILE_ROWS) {
            for (int column = 0; column < columns; column += TILE_COLUMNS) {
                int endRow = Math.min(firstRow + TILE_ROWS, rows);
                for (int row = firstRow; row < endRow; row++) {
                    writeTable(offset, matrix.get(row, column));
                    if (column + 1 < columns) {
                        writeTable(offset + TABLE_BYTES, matrix.get(row, column + 1));
                    }
                    offset += PAIR_BYTES;
                }
            }
        }
    }

    private void writeTable(long offset, int coefficient) {
        for (int lane = 0; lane < WIDTH; lane++) {
            int low = GaloisField.multiply(coefficient, lane);
            int high = GaloisField.multiply(coefficient, (lane & HIGH_MASK) << LOW_BITS);
            tables.set(JAVA_BYTE, offset + lane, (byte) low);
            tables.set(JAVA_BYTE, offset + WIDTH + lane, (byte) high);
        }
    }

    @Override
    void multiply(long[] inputs, long[] outputs, long lengthBytes) {
        long wholeBytes = lengthBytes / WIDTH * WIDTH;
        for (long done = 0; done < wholeBytes; done += SLICE_BYTES) {
            multiplySlice(inputs, outputs, done, Math.min(SLICE_BYTES, wholeBytes - done));
        }
        if (wholeBytes < lengthBytes) {
            // The last vector overlaps the one before, and gives the same bytes there again.
            multiplySlice(inputs, outputs, lengthBytes - WIDTH, WIDTH);
        }
    }

    private void multiplySlice(long[] inputs, long[] outputs, long offset, long lengthBytes) {
        long[] addends = new long[TILE_ROWS];
        long[] sums = new long[TILE_ROWS];
        long tile = tables.address();
        for (int firstRow = 0; firstRow < rows; firstRow += TILE_ROWS) {
            int tileRows = Math.min(TILE_ROWS, rows - firstRow);
            Arrays.fill(addends, ZEROS.address());
            for (int row = 0; row < tileRows; row++) {
                sums[row] = outputs[firstRow + row] + offset;
            }
            for (int column = 0; column < columns; column += TILE_COLUMNS) {
                long left = inputs[column] + offset;
                long right = inputs[Math.min(column + 1, columns - 1)] + offset;
                if (tileRows == 1) {
                    addOneRow(tile, left, right, addends, sums, lengthBytes);
                } else {
                    addTwoRows(tile, left, right, addends, sums, lengthBytes);
                }
                tile += tileRows * PAIR_BYTES;
                System.arraycopy(sums, 0, addends, 0, tileRows);
            }
        }
    }

    /**
     * Sets {@code sums[row][lengthBytes]} to {@code addends[row][lengthBytes]} plus the products of
     * the left and the right input, for the one row of a tile. Sums and addends may be the same.
     */
    private static void addOneRow(
            long tile, long left, long right, long[] addends, long[] sums, long lengthBytes) {
        ByteVector leftLow0 = fromMemorySegment(LANES, MEMORY, tile, ORDER);
        ByteVector leftHigh0 = fromMemorySegment(LANES, MEMORY, tile + WIDTH, ORDER);
        ByteVector rightLow0 = fromMemorySegment(LANES, MEMORY, tile + 2 * WIDTH, ORDER);
        ByteVector rightHigh0 = fromMemorySegment(LANES, MEMORY, tile + 3 * WIDTH, ORDER);
        long addend0 = addends[0];
        long sum0 = sums[0];
        for (long at = 0; at < lengthBytes; at += WIDTH) {
            ByteVector leftBytes = fromMemorySegment(LANES, MEMORY, left + at, ORDER);
            ByteVector rightBytes = fromMemorySegment(LANES, MEMORY, right + at, ORDER);
            ByteVector leftHighs = leftBytes
                    .reinterpretAsShorts()
                    .lanewise(LSHR, LOW_BITS)
                    .reinterpretAsBytes()
                    .and(HIGH_MASK);
            ByteVector rightHighs = rightBytes
                    .reinterpretAsShorts()
                    .lanewise(LSHR, LOW_BITS)
                    .reinterpretAsBytes()
                    .and(HIGH_MASK);
            fromMemorySegment(LANES, MEMORY, addend0 + at, ORDER)
                    .lanewise(XOR, leftBytes.selectFrom(leftLow0))
                    .lanewise(XOR, leftHighs.selectFrom(leftHigh0))
                    .lanewise(XOR, rightBytes.selectFrom(rightLow0))
                    .lanewise(XOR, rightHighs.selectFrom(rightHigh0))
                    .intoMemorySegment(MEMORY, sum0 + at, ORDER);
        }
    }

    private static void addTwoRows(
            long tile, long left, long right, long[] addends, long[] sums, long lengthBytes) {
        ByteVector leftLow0 = fromMemorySegment(LANES, MEMORY, tile, ORDER);
        ByteVector leftHigh0 = fromMemorySegment(LANES, MEMORY, tile + WIDTH, ORDER);
        ByteVector rightLow0 = fromMemorySegment(LANES, MEMORY, tile + 2 * WIDTH, ORDER);
        ByteVector rightHigh0 = fromMemorySegment(LANES, MEMORY, tile + 3 * WIDTH, ORDER);
        ByteVector leftLow1 = fromMemorySegment(LANES, MEMORY, tile + 4 * WIDTH, ORDER);
        ByteVector leftHigh1 = fromMemorySegment(LANES, MEMORY, tile + 5 * WIDTH, ORDER);
        ByteVector rightLow1 = fromMemorySegment(LANES, MEMORY, tile + 6 * WIDTH, ORDER);
        ByteVector rightHigh1 = fromMemorySegment(LANES, MEMORY, tile + 7 * WIDTH, ORDER);
        long addend0 = addends[0];
        long sum0 = sums[0];
        long addend1 = addends[1];
        long sum1 = sums[1];
        for (long at = 0; at < lengthBytes; at += WIDTH) {
            ByteVector leftBytes = fromMemorySegment(LANES, MEMORY, left + at, ORDER);
            ByteVector rightBytes = fromMemorySegment(LANES, MEMORY, right + at, ORDER);
            ByteVector leftHighs = leftBytes
                    .reinterpretAsShorts()
                    .lanewise(LSHR, LOW_BITS)
                    .reinterpretAsBytes()
                    .and(HIGH_MASK);
            ByteVector rightHighs = rightBytes
                    .reinterpretAsShorts()
                    .lanewise(LSHR, LOW_BITS)
                    .reinterpretAsBytes()
                    .and(HIGH_MASK);
            fromMemorySegment(LANES, MEMORY, addend0 + at, ORDER)
                    .lanewise(XOR, leftBytes.selectFrom(leftLow0))
                    .lanewise(XOR, leftHighs.selectFrom(leftHigh0))
                    .lanewise(XOR, rightBytes.selectFrom(rightLow0))
                    .lanewise(XOR, rightHighs.selectFrom(rightHigh0))
                    .intoMemorySegment(MEMORY, sum0 + at, ORDER);
            fromMemorySegment(LANES, MEMORY, addend1 + at, ORDER)
                    .lanewise(XOR, leftBytes.selectFrom(leftLow1))
                    .lanewise(XOR, leftHighs.selectFrom(leftHigh1))
                    .lanewise(XOR, rightBytes.selectFrom(rightLow1))
                    .lanewise(XOR, rightHighs.selectFrom(rightHigh1))
                    .intoMemorySegment(MEMORY, sum1 + at, ORDER);
        }
    }
}
