package io.ashlar.coordinator.metadata;

import io.ashlar.client.model.SegmentId;
import io.ashlar.client.protocol.BlockRange;
import io.ashlar.client.protocol.LostStripes;

import java.util.List;
import java.util.stream.Collectors;

/** Lost stripes in words, of bounded length. Pure. */
final class LossText {
    private static final int MAX_RANGES = 32;
    private static final int MAX_REASON_CHARS = 1000;

    private LossText() {}

    /** Which stripes of a segment are lost, why, and which blocks read as errors. */
    static String of(SegmentId segment, LostStripes lost) {
        return "data loss: " + stripes(lost) + " of segment " + segment + ", at "
                + lost.getOffset() + " to " + (lost.getOffset() + lost.getLengthBytes())
                + " of its shards, cannot be decoded: " + reason(lost) + "; " + blocks(lost);
    }

    private static String stripes(LostStripes lost) {
        String first = "stripe " + lost.getFirst() + (lost.getScattered() ? " and later ones" : "");
        return switch ((int) Math.min(lost.getCount(), 2)) {
            case 0 -> "an unknown number of stripes from " + first;
            case 1 -> first;
            default -> lost.getCount() + " stripes from " + first;
        };
    }

    private static String reason(LostStripes lost) {
        String reason = lost.getReason();
        return reason.length() <= MAX_REASON_CHARS
                ? reason
                : reason.substring(0, MAX_REASON_CHARS) + "...";
    }

    private static String blocks(LostStripes lost) {
        if (lost.getHeadless()) {
            return "nothing tells which blocks they held: all blocks of the volume that were written"
                    + " before may be hit, and read as errors until they are written anew";
        }
        List<BlockRange> blocks = lost.getBlocksList();
        if (blocks.isEmpty()) {
            return "they held no blocks";
        }
        String named = blocks.stream()
                .limit(MAX_RANGES)
                .map(LossText::range)
                .collect(Collectors.joining(", "));
        long more = lost.getMoreBlocks()
                + blocks.stream()
                        .skip(MAX_RANGES)
                        .mapToLong(BlockRange::getCount)
                        .sum();
        return "blocks " + named + (more == 0 ? "" : " and " + more + " others")
                + " read as errors until they are written anew";
    }

    private static String range(BlockRange range) {
        long last = range.getFirst() + range.getCount() - 1;
        return range.getCount() == 1
                ? String.valueOf(range.getFirst())
                : range.getFirst() + " to " + last;
    }
}
