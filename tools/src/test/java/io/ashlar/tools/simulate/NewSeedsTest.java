package io.ashlar.tools.simulate;

import static org.assertj.core.api.Assertions.assertThat;

import org.junit.jupiter.api.Test;

/**
 * So many seeds as the property {@code ashlar.simulate.seeds} says, from {@code
 * ashlar.simulate.first} on.
 */
class NewSeedsTest {
    private static final long COUNT = Long.getLong("ashlar.simulate.seeds", 11);
    private static final long FIRST = Long.getLong("ashlar.simulate.first", 795_278_053_547L);
    private static final int LEAST_OPERATIONS = 2_000;
    private static final int LEAST_FAULTS = 10;

    @Test
    void hold() {
        for (long seed = FIRST; seed < FIRST + COUNT; seed++) {
            Report report = Seeds.demand(seed);
            int faults = report.faults().values().stream()
                    .mapToInt(Integer::intValue)
                    .sum();
            assertThat(report.operations()).isGreaterThanOrEqualTo(LEAST_OPERATIONS);
            assertThat(faults).isGreaterThanOrEqualTo(LEAST_FAULTS);
        }
    }
}
