package io.ashlar.ec;

import static java.lang.foreign.ValueLayout.ADDRESS;
import static java.lang.foreign.ValueLayout.JAVA_INT;

import org.jspecify.annotations.Nullable;

import java.lang.foreign.Arena;
import java.lang.foreign.FunctionDescriptor;
import java.lang.foreign.Linker;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.SymbolLookup;
import java.lang.invoke.MethodHandle;
import java.util.Objects;
import java.util.Optional;

/**
 * Intel's ISA-L through the foreign-function API: {@code ec_init_tables} and {@code ec_encode_data}
 * of {@code libisal.so.2}, which picks the best of its own kernels for the CPU.
 *
 * <p>The calls are <em>critical</em>: they skip the thread's transition to native code, and take
 * Java arrays as pointer arrays. No thread reaches a safepoint meanwhile, so a call codes a slice
 * of some microseconds only.
 */
final class IsalKernel extends Kernel {
    private static final String LIBRARY_NAME = "libisal.so.2";
    private static final @Nullable Library LIBRARY = load();

    /** What {@code ec_init_tables} writes for every coefficient. */
    private static final long TABLE_BYTES_PER_COEFFICIENT = 32;

    private static final long SLICE_BYTES = 64 * 1024;

    IsalKernel() {
        super("isal");
    }

    /** Why it does not run here, unless it does. */
    static Optional<String> obstacle() {
        if (NativeAccess.obstacle().isPresent()) {
            return NativeAccess.obstacle();
        }
        return LIBRARY == null
                ? Optional.of(LIBRARY_NAME + " not found: install the package libisal2")
                : Optional.empty();
    }

    @Override
    MatrixProduct prepare(Matrix matrix) {
        return new Product(matrix);
    }

    @SuppressWarnings("restricted") // calls to native code are what it is for
    private static @Nullable Library load() {
        try {
            SymbolLookup symbols = SymbolLookup.libraryLookup(LIBRARY_NAME, Arena.global());
            return new Library(
                    bind(
                            symbols,
                            "ec_init_tables",
                            FunctionDescriptor.ofVoid(JAVA_INT, JAVA_INT, ADDRESS, ADDRESS)),
                    bind(
                            symbols,
                            "ec_encode_data",
                            FunctionDescriptor.ofVoid(
                                    JAVA_INT, JAVA_INT, JAVA_INT, ADDRESS, ADDRESS, ADDRESS)));
        } catch (IllegalArgumentException | IllegalCallerException notHereOrNotAllowed) {
            return null;
        }
    }

    @SuppressWarnings("restricted") // as above
    private static MethodHandle bind(
            SymbolLookup symbols, String name, FunctionDescriptor function) {
        MemorySegment symbol = symbols.find(name)
                .orElseThrow(() -> new IllegalArgumentException(LIBRARY_NAME + " lacks " + name));
        return Linker.nativeLinker().downcallHandle(symbol, function, Linker.Option.critical(true));
    }

    /** The library's functions; a record, so that the compiler takes its handles as constants. */
    private record Library(MethodHandle initTables, MethodHandle encodeData) {}

    private static final class Product extends AddressProduct {
        private final int rows;
        private final int columns;
        private final MemorySegment tables;

        Product(Matrix matrix) {
            super(1);
            this.rows = matrix.rows();
            this.columns = matrix.columns();
            this.tables = Arena.ofAuto().allocate(TABLE_BYTES_PER_COEFFICIENT * rows * columns, 64);
            initTables(columns, rows, MemorySegment.ofArray(matrix.toBytes()), tables);
        }

        @Override
        void multiply(long[] inputs, long[] outputs, long lengthBytes) {
            MemorySegment inputPointers = MemorySegment.ofArray(inputs);
            MemorySegment outputPointers = MemorySegment.ofArray(outputs);
            for (long done = 0; done < lengthBytes; done += SLICE_BYTES) {
                int sliceBytes = (int) Math.min(SLICE_BYTES, lengthBytes - done);
                encodeData(sliceBytes, columns, rows, tables, inputPointers, outputPointers);
                advance(inputs);
                advance(outputs);
            }
        }

        private static void advance(long[] addresses) {
            for (int index = 0; index < addresses.length; index++) {
                addresses[index] += SLICE_BYTES;
            }
        }

        private static void initTables(
                int columns, int rows, MemorySegment coefficients, MemorySegment tables) {
            try {
                Objects.requireNonNull(LIBRARY)
                        .initTables
                        .invokeExact(columns, rows, coefficients, tables);
            } catch (Throwable bug) {
                throw new IllegalStateException("ec_init_tables", bug);
            }
        }

        private static void encodeData(
                int lengthBytes,
                int columns,
                int rows,
                MemorySegment tables,
                MemorySegment inputPointers,
                MemorySegment outputPointers) {
            try {
                Objects.requireNonNull(LIBRARY)
                        .encodeData
                        .invokeExact(
                                lengthBytes, columns, rows, tables, inputPointers, outputPointers);
            } catch (Throwable bug) {
                throw new IllegalStateException("ec_encode_data", bug);
            }
        }
    }
}
