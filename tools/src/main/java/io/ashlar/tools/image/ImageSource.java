package io.ashlar.tools.image;

import io.ashlar.client.AshlarException;

import java.io.IOException;
import java.io.InputStream;
import java.nio.ByteBuffer;
import java.nio.channels.Channels;
import java.nio.channels.FileChannel;
import java.nio.channels.ReadableByteChannel;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;

/**
 * A raw image to import: a file, or a stream whose size only its end tells. What holds not a single
 * byte is no image: a command at the other end of a pipe that failed leaves exactly that.
 */
public final class ImageSource implements ReadableByteChannel {
    private final String name;
    private final ReadableByteChannel channel;

    /** The first byte, where it was read ahead. */
    private final ByteBuffer ahead = ByteBuffer.allocate(1).limit(0);

    private ImageSource(String name, ReadableByteChannel channel) {
        this.name = name;
        this.channel = channel;
    }

    public static ImageSource of(Path file) throws IOException {
        return new ImageSource(file.toString(), FileChannel.open(file, StandardOpenOption.READ));
    }

    public static ImageSource of(String name, InputStream stream) {
        return new ImageSource(name, Channels.newChannel(stream));
    }

    /** Its size, or 0 where that is not known yet. */
    public long knownBytes() throws IOException {
        return channel instanceof FileChannel file ? file.size() : 0;
    }

    /** Waits for the first byte; invalid where the image ends before it. To be asked once. */
    public void requireContent() throws IOException {
        ahead.clear();
        int read = 0;
        while (read == 0) {
            read = channel.read(ahead);
        }
        ahead.flip();
        if (read < 0) {
            throw new AshlarException.Invalid("the image " + name
                    + " is empty, 0 bytes: nothing was written; does what makes it work?");
        }
    }

    @Override
    public int read(ByteBuffer target) throws IOException {
        if (ahead.hasRemaining() && target.hasRemaining()) {
            target.put(ahead);
            return 1;
        }
        return channel.read(target);
    }

    @Override
    public boolean isOpen() {
        return channel.isOpen();
    }

    @Override
    public void close() throws IOException {
        channel.close();
    }
}
