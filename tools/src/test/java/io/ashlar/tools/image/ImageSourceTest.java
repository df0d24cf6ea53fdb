package io.ashlar.tools.image;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.ashlar.client.AshlarException;

import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

import java.io.ByteArrayInputStream;
import java.io.IOException;
import java.io.InputStream;
import java.nio.ByteBuffer;
import java.nio.file.Files;
import java.nio.file.Path;

class ImageSourceTest {
    @TempDir
    private Path directory;

    @Test
    void anEmptyStreamOrFileIsNoImage() throws IOException {
        try (ImageSource stream = ImageSource.of("-", InputStream.nullInputStream());
                ImageSource file = ImageSource.of(Files.createFile(directory.resolve("none")))) {
            for (ImageSource source : new ImageSource[] {stream, file}) {
                assertThatThrownBy(source::requireContent)
                        .isInstanceOf(AshlarException.Invalid.class)
                        .hasMessageContaining("is empty, 0 bytes");
            }
        }
    }

    @Test
    void givesBackTheByteThatItLookedAt() throws IOException {
        byte[] bytes = {1, 2, 3};
        Path path = Files.write(directory.resolve("image"), bytes);
        try (ImageSource stream = ImageSource.of("-", new ByteArrayInputStream(bytes));
                ImageSource file = ImageSource.of(path)) {
            assertThat(stream.knownBytes()).isZero();
            assertThat(file.knownBytes()).isEqualTo(3);
            for (ImageSource source : new ImageSource[] {stream, file}) {
                source.requireContent();
                ByteBuffer target = ByteBuffer.allocate(4);
                while (source.read(target) >= 0) {
                    assertThat(target.hasRemaining()).isTrue();
                }
                assertThat(target.flip()).isEqualTo(ByteBuffer.wrap(bytes));
            }
        }
    }
}
