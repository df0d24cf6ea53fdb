package io.ashlar.ec;

import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.function.Supplier;

/**
 * A way to multiply a matrix with cells, which is what all the work of {@link ReedSolomon} comes
 * down to. All kernels give the same bytes. Immutable, safe for any thread.
 *
 * <ul>
 *   <li>{@code isal}: Intel's ISA-L, where {@code libisal.so.2} is installed.
 *   <li>{@code vector}: the JDK's Vector API, where the module {@code jdk.incubator.vector} was added
 *       and the CPU's vectors are wide enough.
 *   <li>{@code plain}: plain Java, everywhere.
 * </ul>
 */
public abstract sealed class Kernel permits IsalKernel, VectorKernel, PlainKernel {
    private final String name;

    Kernel(String name) {
        this.name = name;
    }

    /**
     * The kernel that this process codes with; see {@link Calibration#current}. The first call
     * takes tens of milliseconds.
     *
     * @throws IllegalArgumentException when a kernel is forced that does not run here
     */
    public static Kernel chosen() {
        return Calibration.current().chosen();
    }

    /** The kernels that run on this machine and JVM. */
    public static List<Kernel> available() {
        return Found.AVAILABLE;
    }

    /** The names of the kernels that do not run here, with the reason and what to do about it. */
    public static Map<String, String> obstacles() {
        return Found.OBSTACLES;
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
                .orElseThrow(() -> new IllegalArgumentException("no kernel '" + name
                        + "' here; available: " + available() + ", not: " + obstacles()));
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

    private static final class Found {
        static final List<Kernel> AVAILABLE;
        static final Map<String, String> OBSTACLES;

        static {
            List<Kernel> available = new ArrayList<>();
            Map<String, String> obstacles = new LinkedHashMap<>();
            classify("isal", IsalKernel.obstacle(), IsalKernel::new, available, obstacles);
            classify("vector", vectorObstacle(), VectorKernel::new, available, obstacles);
            available.add(new PlainKernel());
            AVAILABLE = List.copyOf(available);
            OBSTACLES = Map.copyOf(obstacles);
        }

        private static void classify(
                String name,
                Optional<String> obstacle,
                Supplier<Kernel> constructor,
                List<Kernel> available,
                Map<String, String> obstacles) {
            if (obstacle.isPresent()) {
                obstacles.put(name, obstacle.get());
            } else {
                available.add(constructor.get());
            }
        }

        /** Touches the kernel's class only where the module it is linked to is present. */
        private static Optional<String> vectorObstacle() {
            return ModuleLayer.boot().findModule("jdk.incubator.vector").isEmpty()
                    ? Optional.of("start Java with --add-modules=jdk.incubator.vector")
                    : VectorKernel.obstacle();
        }
    }
}
