package io.ashlar.tools.image;

import io.ashlar.client.AshlarException;
import io.ashlar.client.Volume;
import io.ashlar.tools.image.ChunkPool.Chunk;
import io.ashlar.tools.output.Progress;
import io.ashlar.tools.output.Sizes;

import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.channels.ReadableByteChannel;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.CompletableFuture;

/**
 * Writes a raw image to the beginning of a volume. Zeros are not sent: they become entries of the
 * log, and on a volume that was never written to, nothing at all. What lies behind the image in the
 * volume stays.
 */
public final class ImageImport {
    private static final int BLOCK_BYTES = 4096;

    private final Volume volume;
    private final boolean neverWritten;
    private final ChunkPool pool = new ChunkPool(chunk -> {});
    private long dataBytes;

    private ImageImport(Volume volume, boolean neverWritten) {
        this.volume = volume;
        this.neverWritten = neverWritten;
    }

    /**
     * Writes all of the source and makes it durable.
     *
     * @param neverWritten the volume reads as zeros throughout
     */
    public static Transfer run(
            ReadableByteChannel source, Volume volume, boolean neverWritten, Progress progress)
            throws IOException {
        long start = System.nanoTime();
        ImageImport run = new ImageImport(volume, neverWritten);
        long imageBytes = run.copy(source, progress);
        volume.flush();
        return new Transfer(imageBytes, run.dataBytes, System.nanoTime() - start);
    }

    private long copy(ReadableByteChannel source, Progress progress) throws IOException {
        long offset = 0;
        while (true) {
            ByteBuffer bytes = pool.take();
            while (bytes.hasRemaining() && source.read(bytes) >= 0) {
                // A pipe gives less than asked for.
            }
            int read = bytes.position();
            if (read == 0) {
                pool.giveBack(bytes);
                break;
            }
            if (offset + read > volume.sizeBytes()) {
                pool.finishAll();
                throw new AshlarException.Invalid("the image is larger than volume " + volume.name()
                        + " of " + Sizes.format(volume.sizeBytes())
                        + ": the volume now holds its first "
                        + offset + " bytes; create a larger one");
            }
            send(offset, bytes, padded(bytes));
            offset += read;
            progress.reached(offset);
        }
        pool.finishAll();
        return offset;
    }

    /** Fills the last block of the image up with zeros. */
    private static int padded(ByteBuffer bytes) {
        while (bytes.position() % BLOCK_BYTES != 0) {
            bytes.put((byte) 0);
        }
        return bytes.position();
    }

    private void send(long offset, ByteBuffer bytes, int lengthBytes) throws IOException {
        List<CompletableFuture<?>> parts = new ArrayList<>();
        ZeroRuns.visit(bytes, lengthBytes, (from, to, isZero) -> {
            if (!isZero) {
                dataBytes += to - from;
                parts.add(volume.writeAsync(
                        offset + from, bytes.duplicate().limit(to).position(from)));
            } else if (!neverWritten) {
                parts.add(volume.zeroAsync(offset + from, to - from));
            }
        });
        if (parts.isEmpty()) {
            pool.giveBack(bytes);
        } else {
            pool.add(new Chunk(
                    offset,
                    bytes,
                    CompletableFuture.allOf(parts.toArray(CompletableFuture<?>[]::new))));
        }
    }
}
