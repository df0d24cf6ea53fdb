package io.ashlar.client.map;

import io.ashlar.client.AshlarException;
import io.ashlar.client.log.LogSegment;
import io.ashlar.client.model.MapRoot;
import io.ashlar.client.model.SegmentId;
import io.ashlar.client.transport.Buffer;

import java.util.concurrent.CompletableFuture;

/**
 * Where a map keeps its runs and its root: the volume's own log and the coordinator. Called on the
 * volume's loop; futures complete there. Whatever fails with {@link AshlarException.Fenced} ends the
 * map's writing for good; any other failure is tried again later.
 */
public interface MapStore {

    /** Pages of an append at most. */
    int MAX_PAGES = 64;

    /**
     * Appends pages of 4096 bytes, at most {@link #MAX_PAGES}, in consecutive pieces of one stripe.
     * Takes over the buffer.
     *
     * @return where the first page lies, once the stripe is acknowledged
     */
    CompletableFuture<PagePlace> append(Buffer pages);

    /**
     * Reads pages one behind another.
     *
     * @param crcs CRC32C that each page must have
     * @return the pages, owned by the caller
     */
    CompletableFuture<Buffer> read(PagePlace place, int[] crcs);

    /**
     * Makes a root the newest one. What it covers was acknowledged before. A failure means that the
     * root is not committed and never will be: one whose outcome is unknown is repeated below this
     * seam until it is known.
     *
     * @param lostBlocks how many blocks read as errors by it
     */
    CompletableFuture<Void> commit(MapRoot root, long lostBlocks);

    /** The segment of an id that a root or a run names. */
    LogSegment segment(SegmentId id) throws AshlarException;
}
