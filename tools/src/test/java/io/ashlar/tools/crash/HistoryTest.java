package io.ashlar.tools.crash;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatCode;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;

/** Four blocks that held 1; then 2, 3 and 4 are issued, of which 2 is acknowledged. */
class HistoryTest {
    @TempDir
    private Path directory;

    @SuppressWarnings("NullAway.Init")
    private History history;

    @BeforeEach
    void read() throws IOException {
        history = History.read(Files.writeString(directory.resolve("journal"), """
                found 1 1 1 1
                issued 2 0 2
                acknowledged 2
                issued 3 1 2
                issued 4 2 2
                """));
    }

    @Test
    void acceptsEveryPrefixThatHoldsWhatWasAcknowledged() {
        assertThat(history.check(new int[] {2, 2, 1, 1}).survived()).isZero();
        assertThat(history.check(new int[] {2, 3, 3, 1}).survived()).isEqualTo(1);
        assertThat(history.check(new int[] {2, 3, 4, 4}).survived()).isEqualTo(2);
    }

    @Test
    void acceptsPartOfTheLastOne() {
        assertThatCode(() -> history.check(new int[] {2, 3, 1, 1})).doesNotThrowAnyException();
    }

    @Test
    void refusesTheLossOfWhatWasAcknowledged() {
        assertRefused(1, 1, 1, 1);
        assertRefused(2, 1, 1, 1);
        assertRefused(1, 3, 4, 4);
    }

    @Test
    void refusesAGapInWhatSurvived() {
        assertRefused(2, 2, 4, 4);
    }

    @Test
    void refusesWhatNobodyIssued() {
        assertRefused(2, 2, 1, 9);
        assertRefused(2, 2, 2, 1);
    }

    @Test
    void refusesAcknowledgementsOutOfOrder() throws IOException {
        Path journal = Files.writeString(
                directory.resolve("disorder"),
                "found 1\nissued 2 0 1\nissued 3 0 1\nacknowledged 3\nacknowledged 2\n");
        assertThatThrownBy(() -> History.read(journal)).isInstanceOf(AssertionError.class);
    }

    private void assertRefused(int... stamps) {
        assertThatThrownBy(() -> history.check(stamps)).isInstanceOf(AssertionError.class);
    }
}
