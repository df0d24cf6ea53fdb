package io.ashlar.ec;

import org.jspecify.annotations.Nullable;

import java.lang.foreign.MemorySegment;
import java.util.Map;
import java.util.Objects;
import java.util.concurrent.ConcurrentHashMap;

/**
 * The systematic Reed-Solomon code of d data and m parity cells over GF(2^8) with polynomial 0x11D:
 * any d of the d + m cells give back all others. The bytes are those of Backblaze's
 * JavaReedSolomon: the generator matrix is a (k + m) x k Vandermonde matrix times the inverse of
 * its top square. With k = 1 every parity cell is a copy.
 *
 * <p>A cell's <em>role</em> is its number within the stripe: data cells are 0 to d - 1, parity cells
 * d to d + m - 1. Sets of roles are longs with bit r for role r.
 *
 * <p>Contracts of all methods that take cells:
 *
 * <ul>
 *   <li>Memory segments are borrowed for the call, native or backed by a {@code byte[]}, of any
 *       alignment; cells in native memory are coded without a copy, others through one, at about
 *       half the speed.
 *   <li>Cells that are written overlap no other cell of the call; cells that are only read may be
 *       the same memory. This is not checked.
 *   <li>Nobody writes to the cells, or frees one, during the call. That they are alive and accessible
 *       to the thread, and long enough, is checked at its start only: freeing one during the call
 *       may crash the JVM.
 *   <li>Bytes are not verified: what is decoded is only as good as the cells given. Compare the
 *       result with the stripe's checksums.
 *   <li>Output is undefined after an exception; what was only to be read is unchanged.
 * </ul>
 *
 * <p>Immutable but for a bounded cache of decode matrices; safe for any thread.
 */
public final class ReedSolomon {
    public static final int MAX_DATA_COUNT = 32;
    public static final int MAX_PARITY_COUNT = 8;

    /**
     * How much of a stripe is coded and checksummed before the next part: the slices of all cells
     * together, which stay in the second-level cache with room to spare.
     */
    private static final int STRIPE_SLICE_BYTES = 256 * 1024;

    private static final Map<Code, ReedSolomon> INSTANCES = new ConcurrentHashMap<>();

    private final Code code;
    private final int roleCount;
    private final int sliceBytes;
    private final Matrix generator;
    private final MatrixProduct parityProduct;
    private final DecoderCache decoders;

    private ReedSolomon(Code code) {
        this.code = code;
        this.roleCount = code.d + code.m;
        this.sliceBytes = STRIPE_SLICE_BYTES / roleCount / Crc32c.PIECE_BYTES * Crc32c.PIECE_BYTES;
        Matrix vandermonde = Matrix.vandermonde(code.k + code.m, code.k);
        Matrix systematic = vandermonde.times(vandermonde.rowRange(0, code.k).invert());
        Matrix parity = systematic.rowRange(code.k, code.m).firstColumns(code.d);
        this.generator = Matrix.identity(code.d).above(parity);
        this.parityProduct = code.kernel.prepare(parity);
        this.decoders = new DecoderCache(generator, code.kernel);
    }

    /** The code of k data and m parity cells, with the kernel {@link Kernel#chosen chosen} here. */
    public static ReedSolomon of(int k, int m) {
        return of(k, m, Kernel.chosen());
    }

    /**
     * The code of k data and m parity cells.
     *
     * @param k from 1 to {@value #MAX_DATA_COUNT}
     * @param m from 1 to {@value #MAX_PARITY_COUNT}
     */
    public static ReedSolomon of(int k, int m, Kernel kernel) {
        checkRange("data cells", k, MAX_DATA_COUNT);
        checkRange("parity cells", m, MAX_PARITY_COUNT);
        return of(new Code(k, m, k, kernel));
    }

    private static ReedSolomon of(Code code) {
        return INSTANCES.computeIfAbsent(code, ReedSolomon::new);
    }

    /** How many data cells a stripe of this code has: d, which is k unless shortened. */
    public int dataCount() {
        return code.d;
    }

    public int parityCount() {
        return code.m;
    }

    public Kernel kernel() {
        return code.kernel;
    }

    /**
     * The code of a short stripe: the same parity rows restricted to the first d data columns, as if
     * the absent data cells were zeros. {@code shortened(dataCount())} is this code.
     */
    public ReedSolomon shortened(int d) {
        checkRange("data cells", d, code.d);
        return d == code.d ? this : of(new Code(code.k, code.m, d, code.kernel));
    }

    /**
     * Overwrites the parity cells with the parity of the data cells.
     *
     * @param data {@code data[d][cellBytes]}, only read
     * @param parity {@code parity[m][cellBytes]}, overwritten up to {@code cellBytes}
     * @throws IllegalArgumentException when a count is not the code's or a parity cell is read-only
     * @throws IndexOutOfBoundsException when a memory segment is shorter than {@code cellBytes}
     */
    public void encode(MemorySegment[] data, MemorySegment[] parity, long cellBytes) {
        checkStripe(data, parity, cellBytes);
        parityProduct.apply(data, parity, 0, cellBytes);
    }

    /**
     * Does what {@link #encode(MemorySegment[], MemorySegment[], long)} does and, in the same pass
     * over cache-sized slices, the checksums of all cells.
     *
     * @param vector {@code vector[role * Crc32c.pieceCount(cellBytes) + piece]} is set to the CRC32C
     *     of that piece of that cell; at least {@code (d + m) * Crc32c.pieceCount(cellBytes)} long
     * @throws IllegalArgumentException when a count is not the code's or the vector is too short
     * @throws IndexOutOfBoundsException when a memory segment is shorter than {@code cellBytes}
     */
    public void encode(MemorySegment[] data, MemorySegment[] parity, long cellBytes, int[] vector) {
        checkStripe(data, parity, cellBytes);
        int pieceCount = Crc32c.pieceCount(cellBytes);
        if (vector.length < (long) roleCount * pieceCount) {
            throw new IllegalArgumentException("a vector of " + vector.length + " checksums for "
                    + roleCount + " cells of " + pieceCount + " pieces");
        }
        for (long offset = 0; offset < cellBytes; offset += sliceBytes) {
            long lengthBytes = Math.min(sliceBytes, cellBytes - offset);
            int piece = (int) (offset / Crc32c.PIECE_BYTES);
            parityProduct.apply(data, parity, offset, lengthBytes);
            for (int role = 0; role < roleCount; role++) {
                MemorySegment cell = role < code.d ? data[role] : parity[role - code.d];
                int index = role * pieceCount + piece;
                Crc32c.ofPieces(cell, offset, lengthBytes, vector, index);
            }
        }
    }

    /**
     * Overwrites a range of the wanted cells with what the present cells say they hold. Data and
     * parity cells alike may be wanted. The first d present cells are read.
     *
     * @param cells {@code cells[d + m][at least offsetBytes + lengthBytes]} by role; entries neither
     *     present nor wanted may be null
     * @param present the roles whose cells hold their bytes
     * @param wanted the roles whose cells are overwritten in {@code [offsetBytes, offsetBytes +
     *     lengthBytes)}; none of them present
     * @throws IllegalArgumentException when fewer than d roles are present, a role is out of range,
     *     or is both present and wanted, or a wanted cell is read-only
     * @throws IndexOutOfBoundsException when a memory segment does not contain the range
     */
    public void reconstruct(
            @Nullable MemorySegment[] cells,
            long present,
            long wanted,
            long offsetBytes,
            long lengthBytes) {
        checkRoles(cells, present, wanted);
        if (wanted == 0) {
            return;
        }
        long sources = lowestBits(present, code.d);
        MemorySegment[] inputs = select(cells, sources, offsetBytes, lengthBytes);
        MemorySegment[] outputs = select(cells, wanted, offsetBytes, lengthBytes);
        for (MemorySegment output : outputs) {
            checkWritable(output);
        }
        decoders.get(sources, wanted).apply(inputs, outputs, offsetBytes, lengthBytes);
    }

    @Override
    public String toString() {
        return "ReedSolomon " + code.d + "+" + code.m + " (" + code.kernel + ")";
    }

    /** Row r gives the cell of role r from the data cells; for tests. */
    Matrix generator() {
        return generator;
    }

    private void checkStripe(MemorySegment[] data, MemorySegment[] parity, long cellBytes) {
        if (data.length != code.d || parity.length != code.m) {
            throw new IllegalArgumentException(
                    data.length + " data and " + parity.length + " parity cells given to " + this);
        }
        for (MemorySegment cell : data) {
            checkCell(cell, 0, cellBytes);
        }
        for (MemorySegment cell : parity) {
            checkCell(cell, 0, cellBytes);
            checkWritable(cell);
        }
    }

    private void checkRoles(@Nullable MemorySegment[] cells, long present, long wanted) {
        if (cells.length != roleCount || (present | wanted) >>> roleCount != 0) {
            throw new IllegalArgumentException(cells.length + " cells, present "
                    + Long.toBinaryString(present) + ", wanted " + Long.toBinaryString(wanted)
                    + " given to " + this);
        }
        if ((present & wanted) != 0) {
            throw new IllegalArgumentException(
                    "roles both present and wanted: " + Long.toBinaryString(present & wanted));
        }
        if (Long.bitCount(present) < code.d) {
            throw new IllegalArgumentException(
                    Long.bitCount(present) + " cells present, " + code.d + " needed");
        }
    }

    private static MemorySegment[] select(
            @Nullable MemorySegment[] cells, long roles, long offsetBytes, long lengthBytes) {
        MemorySegment[] selected = new MemorySegment[Long.bitCount(roles)];
        long rest = roles;
        for (int index = 0; index < selected.length; index++) {
            int role = Long.numberOfTrailingZeros(rest);
            rest &= rest - 1;
            MemorySegment cell =
                    Objects.requireNonNull(cells[role], () -> "no cell of role " + role);
            checkCell(cell, offsetBytes, lengthBytes);
            selected[index] = cell;
        }
        return selected;
    }

    private static void checkCell(MemorySegment cell, long offsetBytes, long lengthBytes) {
        Objects.checkFromIndexSize(offsetBytes, lengthBytes, cell.byteSize());
        if (!cell.scope().isAlive() || !cell.isAccessibleBy(Thread.currentThread())) {
            throw new IllegalStateException("freed, or not accessible to this thread: " + cell);
        }
    }

    /** A kernel that writes to an address would not notice. */
    private static void checkWritable(MemorySegment cell) {
        if (cell.isReadOnly()) {
            throw new IllegalArgumentException("read-only: " + cell);
        }
    }

    private static void checkRange(String what, int count, int maxCount) {
        if (count < 1 || count > maxCount) {
            throw new IllegalArgumentException(count + " " + what + ", not 1 to " + maxCount);
        }
    }

    private static long lowestBits(long set, int count) {
        long rest = set;
        for (int removed = 0; removed < count; removed++) {
            rest &= rest - 1;
        }
        return set ^ rest;
    }

    /** What tells instances apart: d data cells of a code made for k. */
    private record Code(int k, int m, int d, Kernel kernel) {}
}
