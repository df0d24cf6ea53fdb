package io.ashlar.tools.image;

import io.ashlar.client.Volume;
import io.ashlar.tools.image.ChunkPool.Chunk;
import io.ashlar.tools.output.Progress;

import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.channels.FileChannel;
import java.nio.channels.WritableByteChannel;
import java.nio.file.AccessDeniedException;
import java.nio.file.FileSystemException;
import java.nio.file.Files;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.nio.file.StandardOpenOption;

/** Reads a whole volume into a raw image. */
public final class ImageExport {
    private final Volume volume;
    private final Progress progress;
    private final ChunkPool pool;
    private final Sink sink;
    private long dataBytes;

    private ImageExport(Volume volume, Progress progress, Sink sink) {
        this.volume = volume;
        this.progress = progress;
        this.sink = sink;
        this.pool = new ChunkPool(this::arrived);
    }

    /** Where the image goes, in order. */
    private interface Sink {
        void write(long offset, ByteBuffer bytes, boolean isZero) throws IOException;
    }

    /** Writes every byte, zeros included. */
    public static Transfer toStream(Volume volume, WritableByteChannel target, Progress progress)
            throws IOException {
        return new ImageExport(
                        volume, progress, (offset, bytes, isZero) -> writeFully(target, bytes))
                .run();
    }

    /**
     * Writes a sparse file under another name beside the target and gives it the target's name at the
     * end: a failure leaves nothing half-made and an older file untouched.
     */
    public static Transfer toFile(Volume volume, Path target, Progress progress)
            throws IOException {
        if (Files.exists(target) && !Files.isRegularFile(target)) {
            try (FileChannel channel = FileChannel.open(target, StandardOpenOption.WRITE)) {
                return toStream(volume, channel, progress);
            }
        }
        Path name = target.getFileName();
        if (name == null) {
            throw new IOException(target + " is not a file's name");
        }
        Path temporary = target.resolveSibling(
                "." + name + ".export-" + ProcessHandle.current().pid());
        try {
            Transfer transfer = toNewFile(volume, target, temporary, progress);
            Files.move(
                    temporary,
                    target,
                    StandardCopyOption.ATOMIC_MOVE,
                    StandardCopyOption.REPLACE_EXISTING);
            return transfer;
        } finally {
            boolean _ = Files.deleteIfExists(temporary);
        }
    }

    private static Transfer toNewFile(Volume volume, Path target, Path temporary, Progress progress)
            throws IOException {
        try (FileChannel channel = create(target, temporary)) {
            Transfer transfer = new ImageExport(volume, progress, (offset, bytes, isZero) -> {
                        if (!isZero) {
                            writeFully(channel.position(offset), bytes);
                        }
                    })
                    .run();
            if (channel.size() < volume.sizeBytes()) {
                int _ = channel.write(ByteBuffer.allocate(1), volume.sizeBytes() - 1);
            }
            channel.force(false);
            return transfer;
        }
    }

    /** What prevents it is told of the file that was asked for, not of the one behind the scenes. */
    private static FileChannel create(Path target, Path temporary) throws IOException {
        try {
            return FileChannel.open(
                    temporary,
                    StandardOpenOption.CREATE_NEW,
                    StandardOpenOption.WRITE,
                    StandardOpenOption.SPARSE);
        } catch (NoSuchFileException e) {
            throw new FileSystemException(target.toString(), null, "no such directory");
        } catch (AccessDeniedException e) {
            throw new AccessDeniedException(target.toString());
        } catch (FileSystemException e) {
            throw new FileSystemException(target.toString(), null, e.getReason());
        }
    }

    private static void writeFully(WritableByteChannel target, ByteBuffer bytes)
            throws IOException {
        while (bytes.hasRemaining()) {
            int _ = target.write(bytes);
        }
    }

    private Transfer run() throws IOException {
        long start = System.nanoTime();
        long size = volume.sizeBytes();
        for (long offset = 0; offset < size; offset += ChunkPool.CHUNK_BYTES) {
            ByteBuffer bytes = pool.take();
            int length = (int) Math.min(bytes.capacity(), size - offset);
            pool.add(new Chunk(
                    offset, bytes, volume.readAsync(offset, bytes.duplicate().limit(length))));
        }
        pool.finishAll();
        return new Transfer(size, dataBytes, System.nanoTime() - start);
    }

    private void arrived(Chunk chunk) throws IOException {
        int length = (int) Math.min(chunk.bytes().capacity(), volume.sizeBytes() - chunk.offset());
        ZeroRuns.visit(chunk.bytes(), length, (from, to, isZero) -> {
            if (!isZero) {
                dataBytes += to - from;
            }
            ByteBuffer part = chunk.bytes().duplicate().limit(to).position(from);
            sink.write(chunk.offset() + from, part, isZero);
        });
        progress.reached(chunk.offset() + length);
    }
}
