package io.ashlar.bench;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.ashlar.ec.Kernel;

import org.junit.jupiter.api.Test;

import java.io.IOException;
import java.util.List;
import java.util.Map;

class KernelBaselineTest {
    @Test
    void measuresAndVerifiesEveryKernel() throws IOException {
        KernelReport report = KernelBaseline.measure(new KernelBaseline.Options(
                List.of(Operation.RECONSTRUCT),
                List.of(CodeShape.of("rs-4-2")),
                List.of(4096),
                Kernel.available(),
                3,
                2));
        assertThat(report.figures()).hasSameSizeAs(Kernel.available());
        assertThat(report.figures())
                .allSatisfy(figure -> assertThat(figure.gigabytesPerSecond()).isPositive());
        assertThat(report.verifiedBytes())
                .isEqualTo(6L * 4096 * Kernel.available().size());
        assertThat(report.toTable()).contains("reconstruct", "rs-4-2", "plain", "medians of 3");
        assertThat(report.toJson())
                .containsEntry("verifiedBytes", report.verifiedBytes())
                .containsKeys("baseline", "figures");
        assertThat((List<?>) report.toJson().get("figures"))
                .hasSameSizeAs(Kernel.available())
                .allSatisfy(figure -> assertThat((Map<?, ?>) figure)
                        .asString()
                        .contains("policy=rs-4-2", "cellBytes=4096", "mibPerSecond="));
    }

    @Test
    void refusesWhatIsNoPolicy() {
        assertThat(CodeShape.of("rs-10-4")).isEqualTo(new CodeShape(10, 4)).hasToString("rs-10-4");
        assertThatThrownBy(() -> CodeShape.of("4+2")).hasMessageContaining("rs-4-2: 4+2");
    }
}
