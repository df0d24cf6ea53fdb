package io.ashlar.tools.simulate;

import static org.assertj.core.api.Assertions.fail;

/** Runs seeds for tests. */
final class Seeds {
    private Seeds() {}

    /** Runs one; fails with the invariant, the replay and the last events where it does not hold. */
    static Report demand(long seed) {
        Report report = Simulation.run(seed, System.out, false);
        if (!report.holds()) {
            fail(
                    "seed %d violates \"%s\": %s%nreplay it: ./ashlar simulate --replay %d%n"
                            + "the last events:%n%s",
                    seed,
                    report.invariant(),
                    report.what(),
                    seed,
                    String.join("\n", report.lastLines()));
        }
        return report;
    }
}
