package io.ashlar.client.format;

import io.ashlar.client.model.SegmentId;
import io.ashlar.client.model.Stripe;

import java.util.List;

/**
 * What the pages of a run have in common. The run's data and index pages are numbered in the order
 * they were written; each index page stands right behind the data pages that it lists. They lie in
 * batches: page {@code p} is page {@code p % batchPages} of batch {@code p / batchPages}.
 *
 * @param entryCount entries of all data pages
 * @param lostBlocks how many of the blocks are lost
 * @param pageCount data and index pages
 * @param segments that stored blocks, or the run's pages, lie in; entries name them by their place
 * @param segmentBlocks of each segment, how many stored blocks the run refers to in it
 * @param geometries that entries name by their place
 */
@SuppressWarnings("ArrayRecordComponent") // never compared
public record RunDirectory(
        long entryCount,
        long lostBlocks,
        int pageCount,
        int batchPages,
        List<SegmentId> segments,
        long[] segmentBlocks,
        List<Stripe.Geometry> geometries,
        Batches batches,
        Fences fences) {

    /**
     * Where the batches of pages lie, each in consecutive pieces of one stripe.
     *
     * @param firstPieces piece that holds the batch's first page
     */
    @SuppressWarnings("ArrayRecordComponent") // never compared
    public record Batches(
            int[] segmentIndexes,
            int[] geometryIndexes,
            long[] stripeNumbers,
            long[] stripeOffsets,
            int[] firstPieces) {
        public int count() {
            return firstPieces.length;
        }
    }

    /**
     * The index pages, in order.
     *
     * @param firstBlocks that they begin with
     * @param pages their numbers among the run's pages
     */
    @SuppressWarnings("ArrayRecordComponent") // never compared
    public record Fences(long[] firstBlocks, int[] pages, int[] crcs) {
        public int count() {
            return pages.length;
        }

        /** Number of the first data page that an index page lists. */
        public int firstDataPage(int index) {
            return index == 0 ? 0 : pages[index - 1] + 1;
        }

        /** How many data pages an index page lists. */
        public int dataPageCount(int index) {
            return pages[index] - firstDataPage(index);
        }
    }
}
