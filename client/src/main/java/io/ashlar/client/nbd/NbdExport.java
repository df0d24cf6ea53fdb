package io.ashlar.client.nbd;

import io.ashlar.client.HealthExtent;
import io.ashlar.client.VolumeExtent;

import java.nio.ByteBuffer;
import java.util.List;
import java.util.concurrent.CompletableFuture;

/**
 * A disk that the server offers. Offsets and lengths are bytes, of any alignment, within the disk.
 * Calls come from any thread; futures complete on any thread, with an operating error where that is
 * what failed. A buffer belongs to the call until its future is done. A write is durable when it is
 * done, and every later read sees it.
 */
public interface NbdExport {
    /** Blocks of this size, and aligned to it, are read and written without reading around them. */
    int BLOCK_BYTES = 4096;

    String name();

    long sizeBytes();

    boolean isReadOnly();

    /** Fills the target. */
    CompletableFuture<Void> read(long offset, ByteBuffer target);

    /**
     * Writes a range of bytes.
     *
     * @param blocks the whole blocks that the range lies in, with the bytes in their place; what is
     *     around them is overwritten with what the disk holds there
     */
    CompletableFuture<Void> write(long offset, int lengthBytes, ByteBuffer blocks);

    /** Makes a range read as zeroes. */
    CompletableFuture<Void> zero(long offset, long lengthBytes);

    /** The same for the whole blocks of a range; the others stay as they are. */
    CompletableFuture<Void> trim(long offset, long lengthBytes);

    /** Done when every write that was done before is durable. */
    CompletableFuture<Void> flush();

    /**
     * What a range consists of, from its beginning on.
     *
     * @param maxExtents told at most; at least one is, and the last one may end early
     */
    CompletableFuture<List<VolumeExtent>> extents(long offset, long lengthBytes, int maxExtents);

    /** How safe a range is, from its beginning on, told as {@link #extents} is. */
    CompletableFuture<List<HealthExtent>> health(long offset, long lengthBytes, int maxExtents);
}
