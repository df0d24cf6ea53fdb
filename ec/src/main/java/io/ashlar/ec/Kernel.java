package io.ashlar.ec;

import java.util.List;

/**
 * A way to multiply a matrix with cells; what all the work of {@link ReedSolomon} comes down to. All
 * kernels give the same bytes. Immutable, safe for any thread.
 */
public abstract sealed class Kernel permits PlainKernel {
    private final String name;

    Kernel(String name) {
        this.name = name;
    }

    /** The kernel that this process codes with. */
    public static Kernel chosen() {
        return available().getFirst();
    }

    /** The kernels that run on this machine and JVM. */
    public static List<Kernel> available() {
        return Available.KERNELS;
    }

    /**
     * The available kernel of that name.
     *
     * @throws IllegalArgumentException when there is none
     */
    public static Kernel named(String name) {
        return available().stream()
                .filter(kernel -> kernel.name.equals(name))
                .findFirst()
                .orElseThrow(() -> new IllegalArgumentException(
                        "no kernel " + name + " here; available: " + available()));
    }

    public final String name() {
        return name;
    }

    @Override
    public final String toString() {
        return name;
    }

    /** Makes a matrix, of at most 8 rows, ready to be multiplied with cells. */
    abstract MatrixProduct prepare(Matrix matrix);

    private static final class Available {
        static final List<Kernel> KERNELS = List.of(new PlainKernel());
    }
}
