package io.ashlar.tools.crash;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatCode;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.ashlar.tools.crash.VolumeHistory.Fate;

import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Map;

/** A volume was there, one was made and one made and deleted; a creation and a deletion are in doubt. */
class VolumeHistoryTest {
    @TempDir
    private Path directory;

    @SuppressWarnings("NullAway.Init")
    private VolumeHistory history;

    @BeforeEach
    void read() throws IOException {
        history = VolumeHistory.read(Files.writeString(directory.resolve("journal"), """
                found old 1
                found leaving 2
                issued create new
                unanswered
                acknowledged create new 3
                issued create brief
                acknowledged create brief 4
                issued delete brief
                acknowledged delete brief
                issued delete leaving
                issued create coming
                """));
    }

    @Test
    void acceptsEitherEndOfWhatIsInDoubt() {
        assertThatCode(() -> history.check(Map.of("old", "1", "new", "3")))
                .doesNotThrowAnyException();
        assertThatCode(() -> history.check(
                        Map.of("old", "1", "new", "3", "leaving", "2", "coming", "9")))
                .doesNotThrowAnyException();
    }

    @Test
    void tellsWhatIsInDoubt() {
        assertThat(history.fates())
                .containsEntry("old", Fate.THERE)
                .containsEntry("brief", Fate.GONE)
                .containsEntry("leaving", Fate.PERHAPS_DELETED)
                .containsEntry("coming", Fate.PERHAPS_MADE);
        assertThat(history.acknowledged()).isEqualTo(3);
    }

    @Test
    void demandsWhatWasSettled() {
        history.settledAsMade("coming", "9");
        history.settledAsDeleted("leaving");
        assertThatCode(() -> history.check(Map.of("old", "1", "new", "3", "coming", "9")))
                .doesNotThrowAnyException();
        assertRefused(Map.of("old", "1", "new", "3"));
        assertRefused(Map.of("old", "1", "new", "3", "coming", "9", "leaving", "2"));
    }

    @Test
    void refusesTheLossOfWhatWasMade() {
        assertRefused(Map.of("old", "1"));
        assertRefused(Map.of("new", "3"));
    }

    @Test
    void refusesTheReturnOfWhatWasDeleted() {
        assertRefused(Map.of("old", "1", "new", "3", "brief", "4"));
    }

    @Test
    void refusesAnotherVolumeOfItsName() {
        assertRefused(Map.of("old", "1", "new", "4"));
        assertRefused(Map.of("old", "1", "new", "3", "leaving", "9"));
    }

    @Test
    void refusesWhatNobodyMade() {
        assertRefused(Map.of("old", "1", "new", "3", "foreign", "9"));
    }

    private void assertRefused(Map<String, String> found) {
        assertThatThrownBy(() -> history.check(found)).isInstanceOf(AssertionError.class);
    }
}
