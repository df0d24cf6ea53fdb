package io.ashlar.tools.simulate;

import static org.assertj.core.api.Assertions.fail;

/** Runs seeds for tests. */
final class Seeds {
    private Seeds() {}

    /** Runs one; fails with the invariant, the replay and the last events where it does not hold. */
    static Report demand(long seed) {
        return demand(Simulation.run(seed, System.out, false), "--replay");
    }

    /** Runs one that destroys more than can be survived in the end. */
    static Report demandBeyond(long seed) {
        return demand(Simulation.runBeyond(seed, System.out, false), "--beyond --replay");
    }

    private static Report demand(Report report, String replay) {
        if (!report.holds()) {
            fail(
                    "seed %d violates \"%s\": %s%nreplay it: ./ashlar simulate %s %d%n"
                            + "the last events:%n%s",
                    report.seed(),
                    report.invariant(),
                    report.what(),
                    replay,
                    report.seed(),
                    String.join("\n", report.lastLines()));
        }
        return report;
    }
}
