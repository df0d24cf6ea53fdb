package io.ashlar.tools.crash;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assumptions.assumeThat;

import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

import java.nio.ByteBuffer;
import java.nio.channels.FileChannel;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.util.Arrays;

/** The crash test is worth what its drives lose. */
class CuttableDriveTest {
    private static final int BYTES = 1 << 16;

    @TempDir
    private Path directory;

    @Test
    void losesWhatWasNotSyncedAndNothingElse() throws Exception {
        assumeThat(CuttableDrive.missing(directory)).isEmpty();
        Path mountPoint = Files.createDirectories(directory.resolve("drive"));
        Path file = mountPoint.resolve("file");
        try (CuttableDrive drive =
                CuttableDrive.format(directory.resolve("image"), mountPoint, 16 << 20)) {
            write(file, 1, true);
            try (FileChannel named = FileChannel.open(mountPoint, StandardOpenOption.READ)) {
                named.force(true);
            }
            write(file, 2, true);
            write(file, 3, false);
            assertThat(Files.readAllBytes(file)).containsOnly(3);
            drive.cutPower();
            assertThat(file).doesNotExist();
            drive.powerOn();
            assertThat(Files.readAllBytes(file)).hasSize(BYTES).containsOnly(2);
        }
    }

    private static void write(Path file, int value, boolean sync) throws Exception {
        byte[] bytes = new byte[BYTES];
        Arrays.fill(bytes, (byte) value);
        try (FileChannel channel =
                FileChannel.open(file, StandardOpenOption.CREATE, StandardOpenOption.WRITE)) {
            channel.write(ByteBuffer.wrap(bytes), 0);
            if (sync) {
                channel.force(false);
            }
        }
    }
}
