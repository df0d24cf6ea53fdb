package io.ashlar.client.model;

import java.util.List;

/**
 * A durable image of a volume's map, with the place in the log from which what came later is
 * replayed.
 *
 * @param blockCount size of the volume when the root was made
 * @param position behind the last stripe that the runs cover
 * @param runs newest first
 */
public record MapRoot(long blockCount, LogPosition position, List<Run> runs) {
    public MapRoot {
        runs = List.copyOf(runs);
    }

    /** The root of a volume that was never written. */
    public static MapRoot empty(long blockCount) {
        return new MapRoot(blockCount, LogPosition.START, List.of());
    }

    /**
     * A run of the map.
     *
     * @param level it stands in, from 0
     * @param full whether it waits to be merged into the next level
     * @param pageCount its data and index pages
     * @param directory where the pages of its directory lie, in order
     */
    public record Run(
            int level, boolean full, long entryCount, int pageCount, List<Pages> directory) {
        public Run {
            directory = List.copyOf(directory);
        }
    }

    /**
     * Pages in consecutive pieces of a stripe.
     *
     * @param firstPiece among the pieces of the stripe's data cells taken together
     * @param crcs CRC32C of each page
     */
    public record Pages(
            SegmentId segment,
            long stripeNumber,
            long stripeOffset,
            Stripe.Geometry geometry,
            int firstPiece,
            List<Integer> crcs) {
        public Pages {
            crcs = List.copyOf(crcs);
        }
    }
}
