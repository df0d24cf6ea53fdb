package io.ashlar.tools.simulate;

import static org.assertj.core.api.Assertions.assertThat;

import io.ashlar.ec.Kernel;
import io.netty.util.ResourceLeakDetector;

import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;

import java.time.Duration;
import java.util.EnumSet;
import java.util.Set;
import java.util.TreeSet;

/**
 * Seeds one after another, for a bounded time; what is run is printed, and a seed that does not hold
 * is told with its replay. {@code .ci/run} goes on with others.
 */
class NewSeedsTest {
    private static final long FIRST = 3_490_779_222L;
    private static final long COUNT = 80;
    private static final Duration TIME = Duration.ofMinutes(2);
    private static final int LEAST_OPERATIONS = 2_000;
    private static final int LEAST_FAULTS = 10;

    private static ResourceLeakDetector.Level level = ResourceLeakDetector.getLevel();

    /** Most of the time would go into the traces of buffers; the found seeds are run with them. */
    @BeforeAll
    static void traceNoBuffers() {
        level = ResourceLeakDetector.getLevel();
        ResourceLeakDetector.setLevel(ResourceLeakDetector.Level.SIMPLE);
    }

    @AfterAll
    static void traceBuffersAgain() {
        ResourceLeakDetector.setLevel(level);
    }

    @Test
    void hold() {
        System.out.println("seeds from " + FIRST + " on, for " + TIME.toSeconds() + " s");
        long endNanos = System.nanoTime() + TIME.toNanos();
        long ran = 0;
        Set<FaultKind> kinds = EnumSet.noneOf(FaultKind.class);
        Set<String> kernels = new TreeSet<>();
        do {
            Report report = Seeds.demand(FIRST + ran);
            int faults = report.faults().values().stream()
                    .mapToInt(Integer::intValue)
                    .sum();
            assertThat(report.operations()).isGreaterThanOrEqualTo(LEAST_OPERATIONS);
            assertThat(faults).isGreaterThanOrEqualTo(LEAST_FAULTS);
            kinds.addAll(report.faults().keySet());
            kernels.add(report.kernel());
            ran++;
        } while (ran < COUNT && System.nanoTime() - endNanos < 0);
        System.out.println(ran + " seeds held: " + FIRST + ".." + (FIRST + ran - 1));
        if (ran == COUNT) {
            assertThat(kinds).containsExactlyInAnyOrder(FaultKind.values());
            assertThat(kernels)
                    .containsAll(Kernel.available().stream().map(Kernel::name).toList());
        }
    }
}
