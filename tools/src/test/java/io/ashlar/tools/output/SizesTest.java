package io.ashlar.tools.output;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatIllegalArgumentException;

import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

class SizesTest {
    @ParameterizedTest
    @CsvSource({
        "0,0",
        "4096,4096",
        "1K,1024",
        "256M,268435456",
        "20g,21474836480",
        "2T,2199023255552",
        "1GiB,1073741824",
        "7 KB,7168"
    })
    void readsPowersOfTwo(String text, long bytes) {
        assertThat(Sizes.parse(text)).isEqualTo(bytes);
    }

    @ParameterizedTest
    @ValueSource(strings = {"", "-1", "1.5G", "G", "12X", "9999999999T", "99999999999999999999"})
    void refusesWhatIsNoSize(String text) {
        assertThatIllegalArgumentException()
                .isThrownBy(() -> Sizes.parse(text))
                .withMessageContaining("is not a size");
    }

    @Test
    void countsForPeople() {
        assertThat(Sizes.count(1, "coordinator")).isEqualTo("1 coordinator");
        assertThat(Sizes.count(0, "node")).isEqualTo("0 nodes");
        assertThat(Sizes.count(7, "process")).isEqualTo("7 processes");
    }

    @Test
    void writesSizesForPeople() {
        assertThat(Sizes.format(12)).isEqualTo("12 B");
        assertThat(Sizes.format(1536)).isEqualTo("1.5 KiB");
        assertThat(Sizes.format(268435456)).isEqualTo("256 MiB");
        assertThat(Sizes.rate(1_000_000_000, 1_000_000_000)).isEqualTo("1000 MB/s");
    }
}
