package io.ashlar.bench.map;

import static org.assertj.core.api.Assertions.assertThat;

import io.ashlar.client.map.MapLimits;

import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.stream.Stream;

class MapMeasurementTest {
    @TempDir
    @SuppressWarnings("NullAway.Init")
    private Path directory;

    @Test
    void measuresEveryPowerOfTenAndTheEndAndLeavesNothing() throws Exception {
        List<MapMeasurement.Figures> all =
                MapMeasurement.measure(1 << 16, 1_100_000, 1_000, directory, figures -> {});
        assertThat(all)
                .extracting(MapMeasurement.Figures::writes)
                .containsExactly(1_000_000L, 1_100_000L);
        for (MapMeasurement.Figures figures : all) {
            assertThat(figures.runBytesPerWrite()).isBetween(0.5, 410.0);
            assertThat(figures.mostMemoryBytes())
                    .isBetween(1L << 20, MapLimits.DEFAULT.totalBytes());
            assertThat(figures.entryBytes()).isBetween(10.0, 16.0);
            assertThat(figures.replayMillis()).isPositive();
        }
        try (Stream<Path> left = Files.list(directory)) {
            assertThat(left).isEmpty();
        }
    }
}
