package io.ashlar.tools.simulate;

import io.ashlar.ec.Calibration;
import io.ashlar.ec.Kernel;

import java.util.List;
import java.util.random.RandomGenerator;

/** With which kernel a run codes: all give the same bytes, and none is to go unseen. */
final class CodingKernel {
    private static final List<String> NAMES = List.of("isal", "vector", "plain");

    private CodingKernel() {}

    /** The one that the environment names; else one drawn, or the plain one where that is not here. */
    static Kernel use(RandomGenerator random) {
        String drawn = NAMES.get(random.nextInt(NAMES.size()));
        if (System.getenv(Calibration.FORCING_VARIABLE) == null) {
            Calibration.force(Kernel.available().stream()
                    .filter(kernel -> kernel.name().equals(drawn))
                    .findFirst()
                    .orElseGet(() -> Kernel.named("plain")));
        }
        return Kernel.chosen();
    }
}
