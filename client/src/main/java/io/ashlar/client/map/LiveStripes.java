package io.ashlar.client.map;

import io.ashlar.client.AshlarException;
import io.ashlar.client.log.LogSegment;
import io.ashlar.client.model.Stripe;
import io.ashlar.client.stripe.StripeRef;

import java.util.ArrayList;
import java.util.BitSet;
import java.util.IdentityHashMap;
import java.util.List;
import java.util.concurrent.CompletableFuture;

/**
 * Finds every stripe that holds a live block or pages of the map, once each, while it goes through
 * the map. It remembers
 * what it has found in one bit for every 4 KiB of a segment's shards: 2 KiB for 64 MiB.
 */
public final class LiveStripes {
    private final BlockMap map;
    private final IdentityHashMap<LogSegment, BitSet> seen = new IdentityHashMap<>();
    private boolean mapTold;
    private volatile long blocksDone;

    public LiveStripes(BlockMap map) {
        this.map = map;
    }

    /** Blocks that have been gone through. */
    public long blocksDone() {
        return blocksDone;
    }

    public boolean isAtEnd() {
        return blocksDone == map.blockCount();
    }

    /**
     * Those of the map first, then those that come newly with the next blocks, maybe none; on the
     * volume's loop.
     */
    public CompletableFuture<List<StripeRef>> next() {
        if (!mapTold) {
            mapTold = true;
            try {
                List<StripeRef> own = List.copyOf(map.ownStripes());
                own.forEach(this::mark);
                return CompletableFuture.completedFuture(own);
            } catch (AshlarException e) {
                return CompletableFuture.failedFuture(e);
            }
        }
        long from = blocksDone;
        long count = Math.min(BlockMap.WINDOW_BLOCKS, map.blockCount() - from);
        return map.lookUp(from, count).thenApply(extents -> {
            List<StripeRef> added = new ArrayList<>();
            for (MapExtent extent : extents) {
                if (extent instanceof MapExtent.Stored stored && mark(stored.stripe())) {
                    added.add(stored.stripe());
                }
            }
            blocksDone = from + count;
            return added;
        });
    }

    private boolean mark(StripeRef stripe) {
        BitSet bits = seen.computeIfAbsent(stripe.segment(), added -> new BitSet());
        int bit = Math.toIntExact(stripe.offset() / Stripe.PIECE_BYTES);
        boolean isNew = !bits.get(bit);
        bits.set(bit);
        return isNew;
    }
}
