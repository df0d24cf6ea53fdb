package io.ashlar.tools.simulate;

import io.ashlar.client.model.Extent;
import io.ashlar.client.model.Stripe;
import io.ashlar.client.model.VolumeId;

import org.jspecify.annotations.Nullable;

import java.util.Comparator;
import java.util.List;

/**
 * Which piece of which cell holds each block of a volume, known from the records alone: the last one
 * in the log that holds data of the block. Blocks that read as zeroes are in none.
 */
final class BlockPlaces {
    private final @Nullable Place[] places;

    private BlockPlaces(int blockCount) {
        places = new @Nullable Place[blockCount];
    }

    /** A piece of a data cell. */
    record Place(StripeCensus.Key stripe, int participant, int piece) {}

    /**
     * Looks them up.
     *
     * @param stamps of the writes that the blocks hold; 0 for zeroes
     */
    static BlockPlaces of(StripeCensus census, VolumeId volume, long[] stamps) {
        BlockPlaces found = new BlockPlaces(stamps.length);
        List<StripeCensus.Entry> inLogOrder = census.entries().stream()
                .filter(entry -> entry.stripe().identity().volume().equals(volume))
                .sorted(Comparator.comparingLong(
                                (StripeCensus.Entry entry) -> entry.segment().getSequence())
                        .thenComparingLong(entry -> entry.stripe().identity().number()))
                .toList();
        inLogOrder.forEach(found::replay);
        for (int block = 0; block < stamps.length; block++) {
            if (stamps[block] == 0) {
                found.places[block] = null;
            }
        }
        return found;
    }

    private void replay(StripeCensus.Entry entry) {
        Stripe stripe = entry.stripe();
        for (Extent extent : stripe.extents()) {
            if (extent.kind() == Extent.Kind.DATA) {
                for (int i = 0; i < extent.blockCount(); i++) {
                    int piece = extent.startBytes() / Stripe.PIECE_BYTES + i;
                    int perCell = stripe.geometry().piecesPerCell();
                    long block = extent.firstBlock() + i;
                    if (block < places.length) {
                        places[(int) block] =
                                new Place(entry.key(), piece / perCell, piece % perCell);
                    }
                }
            }
        }
    }

    @Nullable
    Place of(int block) {
        return places[block];
    }
}
