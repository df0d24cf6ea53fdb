package io.ashlar.node;

import static java.nio.file.StandardOpenOption.CREATE;
import static java.nio.file.StandardOpenOption.READ;
import static java.nio.file.StandardOpenOption.TRUNCATE_EXISTING;
import static java.nio.file.StandardOpenOption.WRITE;

import io.ashlar.client.AshlarException;

import org.jspecify.annotations.Nullable;

import java.io.EOFException;
import java.io.IOException;
import java.lang.foreign.MemorySegment;
import java.nio.ByteBuffer;
import java.nio.channels.FileChannel;
import java.nio.channels.FileLock;
import java.nio.channels.OverlappingFileLockException;
import java.nio.file.Files;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.nio.file.attribute.BasicFileAttributes;
import java.util.Objects;
import java.util.Set;
import java.util.stream.Collectors;
import java.util.stream.Stream;

/** A directory of this machine's file system. */
public final class FileDriveDirectory implements DriveDirectory {
    private static final String LOCK_NAME = "lock";

    private final Path directory;
    private @Nullable FileChannel lockChannel;

    private FileDriveDirectory(Path directory) {
        this.directory = directory;
    }

    /** The directory of this path, which is made where there is none. */
    public static FileDriveDirectory of(Path directory) throws IOException {
        Files.createDirectories(directory);
        return new FileDriveDirectory(directory.toAbsolutePath().normalize());
    }

    @Override
    public String path() {
        return directory.toString();
    }

    @Override
    public Set<String> list() throws IOException {
        try (Stream<Path> files = Files.list(directory)) {
            return files.map(file -> String.valueOf(file.getFileName()))
                    .filter(name -> !name.equals(LOCK_NAME))
                    .collect(Collectors.toSet());
        }
    }

    @Override
    public DriveFile open(String name) throws IOException {
        Path path = directory.resolve(name);
        return new ChannelFile(path, FileChannel.open(path, READ, WRITE));
    }

    @Override
    public DriveFile create(String name) throws IOException {
        Path path = directory.resolve(name);
        return new ChannelFile(
                path, FileChannel.open(path, CREATE, TRUNCATE_EXISTING, READ, WRITE));
    }

    @Override
    public void rename(String from, String to) throws IOException {
        Files.move(directory.resolve(from), directory.resolve(to), StandardCopyOption.ATOMIC_MOVE);
        syncDirectory();
    }

    @Override
    public void delete(String name) throws IOException {
        if (Files.deleteIfExists(directory.resolve(name))) {
            syncDirectory();
        }
    }

    private void syncDirectory() throws IOException {
        try (FileChannel channel = FileChannel.open(directory, READ)) {
            channel.force(true);
        }
    }

    @Override
    public void lock() throws AshlarException, IOException {
        FileChannel channel = FileChannel.open(directory.resolve(LOCK_NAME), CREATE, WRITE);
        FileLock lock;
        try {
            lock = channel.tryLock();
        } catch (OverlappingFileLockException e) {
            lock = null;
        }
        if (lock == null) {
            channel.close();
            throw new AshlarException.Unavailable("drive directory " + directory
                    + " is being served by another process: stop that one first");
        }
        lockChannel = channel;
    }

    @Override
    public void close() throws IOException {
        if (lockChannel != null) {
            lockChannel.close();
            lockChannel = null;
        }
    }

    /** A file by its channel. */
    private record ChannelFile(Path path, FileChannel channel, Object key) implements DriveFile {

        ChannelFile(Path path, FileChannel channel) throws IOException {
            this(path, channel, keyOf(path));
        }

        private static Object keyOf(Path path) throws IOException {
            BasicFileAttributes attributes = Files.readAttributes(path, BasicFileAttributes.class);
            return Objects.requireNonNull(attributes.fileKey(), "file systems without inodes");
        }

        @Override
        public void read(long at, MemorySegment target) throws IOException {
            ByteBuffer buffer = target.asByteBuffer();
            while (buffer.hasRemaining()) {
                int count = channel.read(buffer, at + buffer.position());
                if (count < 0) {
                    throw new EOFException(path + " ends before " + (at + buffer.limit()));
                }
            }
        }

        @Override
        public void write(long at, MemorySegment source) throws IOException {
            ByteBuffer buffer = source.asByteBuffer();
            try {
                while (buffer.hasRemaining()) {
                    int position = buffer.position();
                    channel.write(buffer, at + position);
                }
            } catch (IOException e) {
                throw isFull(e) ? new DriveFullException(path + " has no room", e) : e;
            }
        }

        /** The JDK tells what went wrong by the system's message only. */
        private static boolean isFull(IOException e) {
            String message = String.valueOf(e.getMessage());
            return message.contains("No space left") || message.contains("quota exceeded");
        }

        @Override
        public void sync() throws IOException {
            channel.force(false);
        }

        @Override
        public long sizeBytes() throws IOException {
            return channel.size();
        }

        @Override
        public void resize(long sizeBytes) throws IOException {
            if (sizeBytes < channel.size()) {
                channel.truncate(sizeBytes);
            } else if (sizeBytes > channel.size()) {
                channel.write(ByteBuffer.allocate(1), sizeBytes - 1);
            }
        }

        @Override
        public boolean stillNamed() throws IOException {
            try {
                return key.equals(keyOf(path));
            } catch (NoSuchFileException e) {
                return false;
            }
        }

        @Override
        public void close() throws IOException {
            channel.close();
        }
    }
}
