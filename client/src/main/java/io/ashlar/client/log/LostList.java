package io.ashlar.client.log;

import io.ashlar.client.model.Extent;
import io.ashlar.client.model.Stripe;
import io.ashlar.client.protocol.BlockRange;
import io.ashlar.client.protocol.LostStripes;

import java.util.ArrayList;
import java.util.List;

/**
 * What is lost of one segment, for the coordinator's record: in the order of the log, neighbours
 * together as far as it is known what they held. It is bounded: where there is too much of it, the
 * last entry spans all the rest, with what is not lost in between, and says so.
 */
final class LostList {
    static final int MAX_ENTRIES = 64;
    static final int MAX_RANGES = 32;

    private final List<LostStripes.Builder> entries = new ArrayList<>();

    /** A stripe of which it is known what it held. */
    void add(Stripe stripe, String reason) {
        Stripe.Identity identity = stripe.identity();
        LostStripes.Builder entry = entryFor(identity.number(), identity.offset(), false, reason);
        extend(entry, 1, stripe.endOffset());
        stripe.extents().forEach(extent -> addBlocks(entry, extent));
    }

    /**
     * A range of which nothing tells what it held.
     *
     * @param first number of its first stripe
     * @param count of its stripes; 0 where nothing tells
     */
    void add(long first, long count, long offset, long endOffset, String reason) {
        extend(entryFor(first, offset, true, reason), count, endOffset);
    }

    private LostStripes.Builder entryFor(long first, long offset, boolean headless, String reason) {
        if (!entries.isEmpty()) {
            LostStripes.Builder last = entries.getLast();
            boolean headers = !headless && !last.getHeadless();
            boolean adjacent = last.getOffset() + last.getLengthBytes() == offset;
            if (headers && adjacent) {
                return last;
            }
            if (entries.size() == MAX_ENTRIES) {
                return last.setHeadless(!headers).setScattered(true);
            }
        }
        LostStripes.Builder entry = LostStripes.newBuilder()
                .setFirst(first)
                .setOffset(offset)
                .setHeadless(headless)
                .setReason(reason);
        entries.add(entry);
        return entry;
    }

    private static void extend(LostStripes.Builder entry, long count, long endOffset) {
        boolean isNew = entry.getLengthBytes() == 0;
        boolean counted = count > 0 && (isNew || entry.getCount() > 0);
        entry.setCount(counted ? entry.getCount() + count : 0)
                .setLengthBytes(endOffset - entry.getOffset());
    }

    private static void addBlocks(LostStripes.Builder entry, Extent extent) {
        int ranges = entry.getBlocksCount();
        BlockRange last =
                ranges == 0 ? BlockRange.getDefaultInstance() : entry.getBlocks(ranges - 1);
        if (ranges > 0 && last.getFirst() + last.getCount() == extent.firstBlock()) {
            entry.setBlocks(
                    ranges - 1, last.toBuilder().setCount(last.getCount() + extent.blockCount()));
        } else if (ranges < MAX_RANGES) {
            entry.addBlocks(BlockRange.newBuilder()
                    .setFirst(extent.firstBlock())
                    .setCount(extent.blockCount()));
        } else {
            entry.setMoreBlocks(entry.getMoreBlocks() + extent.blockCount());
        }
    }

    List<LostStripes> entries() {
        return entries.stream().map(LostStripes.Builder::build).toList();
    }
}
