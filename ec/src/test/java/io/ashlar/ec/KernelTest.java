package io.ashlar.ec;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import org.junit.jupiter.api.Test;

import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;

class KernelTest {
    private static final String WITH_VECTORS = "--add-modules=jdk.incubator.vector";
    private static final String WITH_NATIVE_ACCESS = "--enable-native-access=ALL-UNNAMED";

    @Test
    void choosesTheFastestOfACalibration() {
        Calibration calibration = Calibration.calibrate(Optional.empty());
        assertThat(calibration.forced()).isFalse();
        assertThat(calibration.chosen())
                .isEqualTo(calibration.measurements().getFirst().kernel());
        assertThat(calibration.measurements())
                .allSatisfy(measurement ->
                        assertThat(measurement.gigabytesPerSecond()).isPositive());
    }

    @Test
    void measuresEveryKernel() {
        assertThat(Calibration.measure(Duration.ofMillis(5)).measurements())
                .extracting(Calibration.Measurement::kernel)
                .containsExactlyInAnyOrderElementsOf(Kernel.available());
    }

    @Test
    void isForcedByItsName() {
        Calibration calibration = Calibration.calibrate(Optional.of("plain"));
        assertThat(calibration.chosen()).isEqualTo(Kernel.named("plain"));
        assertThat(calibration.forced()).isTrue();
        assertThatThrownBy(() -> Calibration.calibrate(Optional.of("fast")))
                .isInstanceOf(IllegalArgumentException.class)
                .hasMessageContaining("no kernel 'fast' here; available: ")
                .hasMessageContaining("plain");
    }

    @Test
    void obeysTheEnvironment() throws Exception {
        assertThat(run("plain", WITH_VECTORS, WITH_NATIVE_ACCESS)).contains("chosen plain");
        assertThat(run("fast", WITH_VECTORS, WITH_NATIVE_ACCESS))
                .contains("IllegalArgumentException: no kernel 'fast' here; available: [");
    }

    @Test
    void plainJavaNeedsNoModuleAndNoPermission() throws Exception {
        assertThat(run("", "--illegal-native-access=deny"))
                .contains("available [plain]", "chosen plain", WITH_VECTORS, WITH_NATIVE_ACCESS);
    }

    @Test
    void vectorKernelNeedsItsModule() throws Exception {
        assertThat(run("", WITH_NATIVE_ACCESS))
                .doesNotContain("available [vector", ", vector")
                .contains(WITH_VECTORS);
    }

    /** What {@link Report} prints in a JVM of its own, with that forced kernel and these flags. */
    private static String run(String forcedKernel, String... flags)
            throws IOException, InterruptedException {
        List<String> command = new ArrayList<>();
        command.add(Path.of(System.getProperty("java.home"), "bin", "java").toString());
        command.addAll(List.of(flags));
        command.addAll(List.of("-cp", System.getProperty("java.class.path")));
        command.add(Report.class.getName());
        ProcessBuilder builder = new ProcessBuilder(command).redirectErrorStream(true);
        builder.environment().remove(Calibration.FORCING_VARIABLE);
        if (!forcedKernel.isEmpty()) {
            builder.environment().put(Calibration.FORCING_VARIABLE, forcedKernel);
        }
        Process process = builder.start();
        byte[] output = process.getInputStream().readAllBytes();
        process.waitFor();
        return new String(output, StandardCharsets.UTF_8);
    }

    static final class Report {
        private Report() {}

        public static void main(String[] arguments) {
            System.out.println("available " + Kernel.available() + ", not " + Kernel.obstacles());
            System.out.println("chosen " + Kernel.chosen());
            System.out.println(Calibration.current());
        }
    }
}
