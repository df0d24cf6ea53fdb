package io.ashlar.tools.command;

import static org.assertj.core.api.Assertions.assertThat;

import io.ashlar.tools.cluster.FreePorts;
import io.ashlar.tools.cluster.LocalCluster;

import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;

class UpCommandTest {
    @TempDir
    private Path directory;

    @ParameterizedTest
    @CsvSource({
        "--nodes, 4, 3",
        "--coordinators, 3, 1",
        "--drive-size, 134217728, 268435456",
        "--drives-per-node, 1, 2",
        "--zones, 2, 3"
    })
    void aClusterThatIsThereIsNotMadeAnother(String option, String asked, String made)
            throws IOException {
        LocalCluster cluster = made();
        refused(Ran.of("up", "--dir", directory.toString(), option, asked), option, asked, made);
        assertThat(LocalCluster.open(directory).file()).isEqualTo(cluster.file());
    }

    @Test
    void aClusterThatIsThereKeepsItsPorts() throws IOException {
        LocalCluster cluster = made();
        int port = cluster.coordinatorAddresses().getFirst().port();
        Ran ran = Ran.of("up", "--dir", directory.toString(), "--port", "" + (port + 1));
        refused(ran, "--port", "" + (port + 1), "" + port);
    }

    @Test
    void theShapeOfAClusterIsReadBack() throws IOException {
        LocalCluster cluster = made();
        assertThat(LocalCluster.open(directory).shape())
                .isEqualTo(new LocalCluster.Shape(
                        1, 3, cluster.coordinatorAddresses().getFirst().port(), 256L << 20, 2, 3));
    }

    @Test
    void aDirectoryThatCannotBeMadeIsNamed() throws IOException {
        Path file = Files.writeString(directory.resolve("file"), "x");
        Ran ran = Ran.of(
                "up", "--dir", file.resolve("below").toString(), "--port", "" + FreePorts.run(16));
        assertThat(ran.exitCode()).as(ran.toString()).isEqualTo(CommandTree.FAILED);
        assertThat(ran.err()).contains(file.toString()).hasLineCount(1);
    }

    private LocalCluster made() throws IOException {
        return LocalCluster.openOrCreate(
                directory, new LocalCluster.Shape(1, 3, FreePorts.run(16), 256L << 20, 2, 3));
    }

    private static void refused(Ran ran, String... words) {
        assertThat(ran.exitCode()).as(ran.toString()).isEqualTo(CommandTree.USAGE);
        assertThat(ran.out()).isEmpty();
        assertThat(ran.err()).startsWith("ashlar: ").hasLineCount(1).contains(words);
    }
}
