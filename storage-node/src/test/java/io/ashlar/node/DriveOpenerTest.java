package io.ashlar.node;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.ashlar.client.AshlarException;

import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

import java.io.IOException;
import java.lang.foreign.MemorySegment;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.util.SplittableRandom;

class DriveOpenerTest {
    private static final long CAPACITY_BYTES = 24L << 20;

    @TempDir
    private Path directory = Path.of("");

    private final SplittableRandom random = new SplittableRandom(1);

    private DriveOpener.Opened open(String node) throws IOException {
        return new DriveOpener(FileDriveDirectory.of(directory), node, CAPACITY_BYTES, random)
                .open();
    }

    private DriveOpener.Opened openAndClose(String node) throws IOException {
        DriveOpener.Opened opened = open(node);
        opened.arena().close();
        return opened;
    }

    @Test
    void formatsAnEmptyDirectoryOnceAndSparsely() throws IOException {
        var first = openAndClose("n1");
        assertThat(openAndClose("n1").identity()).isEqualTo(first.identity());
        assertThat(directory.resolve("arena")).hasSize(first.layout().arenaBytes());
        assertThat(first.layout().arenaBytes()).isLessThanOrEqualTo(CAPACITY_BYTES);
    }

    @Test
    void refusesAnotherNodesDrive() throws IOException {
        openAndClose("n1");
        assertThatThrownBy(() -> open("n2"))
                .isInstanceOf(AshlarException.Invalid.class)
                .hasMessageContaining("belongs to node n1");
    }

    @Test
    void refusesADirectoryThatHoldsSomethingElse() throws IOException {
        Files.createDirectory(directory.resolve("lost+found"));
        openAndClose("n1");
        Path other = Files.createDirectory(directory.resolve("other"));
        Files.writeString(other.resolve("thesis.txt"), "years of work");
        var opener = new DriveOpener(FileDriveDirectory.of(other), "n1", CAPACITY_BYTES, random);
        assertThatThrownBy(opener::open)
                .isInstanceOf(AshlarException.Invalid.class)
                .hasMessageContaining("thesis.txt");
    }

    @Test
    void refusesAnArenaOfAnotherDrive() throws IOException {
        openAndClose("n1");
        Path other = directory.resolve("sub");
        new DriveOpener(FileDriveDirectory.of(other), "n1", CAPACITY_BYTES, random)
                .open()
                .arena()
                .close();
        Files.move(
                other.resolve("arena"),
                directory.resolve("arena"),
                StandardCopyOption.REPLACE_EXISTING);
        assertThatThrownBy(() -> open("n1")).isInstanceOf(AshlarException.Invalid.class);
    }

    @Test
    void refusesAnArenaOfANewerRelease() throws IOException {
        openAndClose("n1");
        try (DriveFile arena = FileDriveDirectory.of(directory).open("arena")) {
            for (int copy = 0; copy < 2; copy++) {
                MemorySegment version = MemorySegment.ofArray(new byte[] {2, 0});
                arena.write(ArenaLayout.pageAt(0, copy) + 8, version);
            }
        }
        assertThatThrownBy(() -> open("n1")).isInstanceOf(AshlarException.Incompatible.class);
    }

    @Test
    void aDirectoryThatLostItsArenaBecomesAnotherDrive() throws IOException {
        var lost = openAndClose("n1");
        Files.delete(directory.resolve("arena"));
        var fresh = openAndClose("n1");
        assertThat(fresh.identity().drive()).isNotEqualTo(lost.identity().drive());
        assertThat(openAndClose("n1").identity()).isEqualTo(fresh.identity());
    }

    @Test
    void finishesAFormattingThatWasCutShort() throws IOException {
        var formatted = openAndClose("n1");
        Files.move(directory.resolve("arena"), directory.resolve("arena.new"));
        assertThat(openAndClose("n1").identity()).isEqualTo(formatted.identity());
        Files.move(directory.resolve("arena"), directory.resolve("arena.new"));
        Files.delete(directory.resolve("identity"));
        assertThat(openAndClose("n1").identity()).isNotEqualTo(formatted.identity());
    }

    @Test
    void survivesTheLossOfEitherCopyOfTheSuperblock() throws IOException {
        for (int copy = 0; copy < 2; copy++) {
            var opened = open("n1");
            Catalogue.open(opened.arena(), opened.identity().drive(), opened.layout(), "drive");
            opened.arena()
                    .write(ArenaLayout.pageAt(0, copy), MemorySegment.ofArray(new byte[4096]));
            opened.arena().close();
        }
        openAndClose("n1");
    }

    @Test
    void keepsASecondProcessOut() throws IOException {
        var first = FileDriveDirectory.of(directory);
        first.lock();
        var second = FileDriveDirectory.of(directory);
        assertThatThrownBy(second::lock).isInstanceOf(AshlarException.Unavailable.class);
        first.close();
        second.lock();
        second.close();
    }

    @Test
    void tellsHowSmallADriveMayBe() {
        assertThatThrownBy(() -> ArenaLayout.of(1 << 20))
                .isInstanceOf(AshlarException.Invalid.class)
                .hasMessageContaining("at least");
    }

    @Test
    void boundsTheNumberOfSlotsOfALargeDrive() throws AshlarException {
        ArenaLayout layout = ArenaLayout.of(16L << 40);
        assertThat(layout.slotCount()).isLessThanOrEqualTo(ArenaLayout.MAX_SLOT_COUNT);
        assertThat(layout.arenaBytes()).isBetween(15L << 40, 16L << 40);
    }
}
