package io.ashlar.ec;

import jdk.incubator.vector.ByteVector;

/**
 * The kernel on the JDK's Vector API. This class and {@link VectorProduct} are the only ones that
 * name {@code jdk.incubator.vector}; load them only where that module is present.
 */
final class VectorKernel extends Kernel {
    /** Below this the byte's halves cannot be looked up in one vector each. */
    private static final int MIN_LANES = 16;

    VectorKernel() {
        super("vector");
    }

    /** Whether this CPU's vectors are wide enough. */
    static boolean isAvailable() {
        return ByteVector.SPECIES_PREFERRED.length() >= MIN_LANES;
    }

    @Override
    MatrixProduct prepare(Matrix matrix) {
        return new VectorProduct(matrix);
    }
}
