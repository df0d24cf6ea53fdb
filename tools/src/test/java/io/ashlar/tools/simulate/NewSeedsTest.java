package io.ashlar.tools.simulate;

import static org.assertj.core.api.Assertions.assertThat;

import org.junit.jupiter.api.Test;

/**
 * Seeds from the property {@code ashlar.simulate.first} on, for as long as {@code
 * ashlar.simulate.seconds} says.
 */
class NewSeedsTest {
    private static final long SECONDS = Long.getLong("ashlar.simulate.seconds", 40);
    private static final long FIRST = Long.getLong("ashlar.simulate.first", 1000);
    private static final long NANOS_PER_SECOND = 1_000_000_000;
    private static final int LEAST_OPERATIONS = 2_000;
    private static final int LEAST_FAULTS = 10;

    @Test
    void hold() {
        long end = System.nanoTime() + SECONDS * NANOS_PER_SECOND;
        long seeds = 0;
        do {
            Report report = Seeds.demand(FIRST + seeds);
            int faults = report.faults().values().stream()
                    .mapToInt(Integer::intValue)
                    .sum();
            assertThat(report.operations()).isGreaterThanOrEqualTo(LEAST_OPERATIONS);
            assertThat(faults).isGreaterThanOrEqualTo(LEAST_FAULTS);
            seeds++;
        } while (System.nanoTime() - end < 0);
        System.out.println(seeds + " new seeds from " + FIRST + " on held");
    }
}
