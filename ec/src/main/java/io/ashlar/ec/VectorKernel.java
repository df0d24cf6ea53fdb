package io.ashlar.ec;

import jdk.incubator.vector.ByteVector;

import java.util.Optional;

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

    /** Why it does not run here, unless it does. */
    static Optional<String> obstacle() {
        int lanes = ByteVector.SPECIES_PREFERRED.length();
        if (lanes < MIN_LANES) {
            return Optional.of(
                    "the CPU's vectors are of " + lanes + " bytes, fewer than " + MIN_LANES);
        }
        return NativeAccess.obstacle();
    }

    @Override
    MatrixProduct prepare(Matrix matrix) {
        return new VectorProduct(matrix);
    }
}
