package io.ashlar.tools.simulate;

import static org.assertj.core.api.Assertions.assertThat;

import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/**
 * Runs that destroy more than can be survived: exactly what is lost is reported, and nothing but what
 * was written is ever read.
 */
class BeyondTest {
    private static final int RUNS_OF_EACH_KIND = 4;
    private static final long MAX_SEEDS = 80;

    /** In some, cells rot or the drives of several nodes are lost; in others an operator gives up. */
    @Test
    void reportsExactlyWhatIsLost() {
        int destroyed = 0;
        int givenUp = 0;
        long seed = 1;
        while (Math.min(destroyed, givenUp) < RUNS_OF_EACH_KIND && seed <= MAX_SEEDS) {
            Report report = Seeds.demandBeyond(seed);
            destroyed += report.lostStripes() > 0 ? 1 : 0;
            givenUp += report.lostWrites() > 0 ? 1 : 0;
            seed++;
        }
        assertThat(destroyed)
                .as("runs with lost stripes")
                .isGreaterThanOrEqualTo(RUNS_OF_EACH_KIND);
        assertThat(givenUp).as("runs with lost writes").isGreaterThanOrEqualTo(RUNS_OF_EACH_KIND);
    }

    /**
     * In 135 all roots lay in what was given up. In 820015 and 820032 blocks could not be read before
     * all was mended, and were not lost.
     */
    @ParameterizedTest(name = "seed {0}")
    @ValueSource(longs = {135, 820015, 820032})
    void holdsWhereADefectWasFound(long seed) {
        Report _ = Seeds.demandBeyond(seed);
    }
}
