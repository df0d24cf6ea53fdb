package io.ashlar.tools.simulate;

import static org.assertj.core.api.Assertions.assertThat;

import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/**
 * Runs that destroy more than can be survived: exactly what is lost is reported, and nothing but what
 * was written is ever read. In seeds 6 and 16 the drives of several nodes are lost, in 3, 4 and 24
 * cells rot; in the others a writer dies with so many nodes that an operator gives up its last writes.
 */
class BeyondTest {
    @ParameterizedTest(name = "seed {0}")
    @ValueSource(longs = {3, 4, 6, 16, 24})
    void reportsExactlyWhatIsLost(long seed) {
        assertThat(Seeds.demandBeyond(seed).lostStripes()).isPositive();
    }

    /** In seed 135 all roots lie in what is given up, in 156 a part of the last write. */
    @ParameterizedTest(name = "seed {0}")
    @ValueSource(longs = {28, 111, 117, 135, 155, 156})
    void givesUpWhatNoLivingNodeTellsOf(long seed) {
        assertThat(Seeds.demandBeyond(seed).lostWrites()).isPositive();
    }
}
