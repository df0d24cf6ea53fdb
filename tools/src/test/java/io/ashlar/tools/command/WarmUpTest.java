package io.ashlar.tools.command;

import static org.assertj.core.api.Assertions.assertThat;

import org.junit.jupiter.api.Test;

class WarmUpTest {
    private static final long SLICE_NANOS = 20_000_000;

    private final WarmUp warmUp = new WarmUp();

    @Test
    void anInterpretedKernelIsNotWarmHoweverSteady() {
        for (int slice = 0; slice < 30; slice++) {
            assertThat(warmUp.isOverAfter(1, 260_000_000)).isFalse();
        }
    }

    @Test
    void aRateThatStillRisesIsNotWarm() {
        for (long stripes = 1000; stripes < 100_000; stripes = stripes * 5 / 4) {
            assertThat(warmUp.isOverAfter(stripes, SLICE_NANOS)).isFalse();
        }
    }

    @Test
    void aSteadyRateAfterEnoughStripesIsWarm() {
        assertThat(warmUp.isOverAfter(WarmUp.MIN_STRIPES, 10 * SLICE_NANOS)).isFalse();
        for (int slice = 0; slice < 3; slice++) {
            assertThat(warmUp.isOverAfter(700 + slice, SLICE_NANOS)).isFalse();
        }
        assertThat(warmUp.isOverAfter(690, SLICE_NANOS)).isTrue();
    }
}
