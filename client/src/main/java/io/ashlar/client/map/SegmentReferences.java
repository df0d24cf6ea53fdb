package io.ashlar.client.map;

import io.ashlar.client.model.SegmentId;

import java.util.Collections;
import java.util.Map;
import java.util.Set;
import java.util.TreeMap;

/**
 * What a map refers to in each segment of the log. Blocks are counted as often as a table or a run
 * refers to them: an upper bound, because what newer entries hide counts until it is merged away. A
 * segment that is not named here is referred to by nothing of the map, lookups under way included.
 */
public final class SegmentReferences {
    private static final Count NONE = new Count(0, 0);

    private final Map<SegmentId, Count> counts;

    private SegmentReferences(Map<SegmentId, Count> counts) {
        this.counts = counts;
    }

    /**
     * Of one segment.
     *
     * @param blocks of the volume that entries point to in it
     * @param pages of the map that lie in it
     */
    public record Count(long blocks, long pages) {
        private Count plus(long moreBlocks, long morePages) {
            return new Count(blocks + moreBlocks, pages + morePages);
        }
    }

    /** The segments that must be kept. */
    public Set<SegmentId> segments() {
        return counts.keySet();
    }

    public Count of(SegmentId segment) {
        return counts.getOrDefault(segment, NONE);
    }

    /** Adds references up. */
    static final class Counter {
        private final Map<SegmentId, Count> counts = new TreeMap<>();

        void addBlocks(SegmentId segment, long blocks) {
            add(segment, blocks, 0);
        }

        void addPages(SegmentId segment, long pages) {
            add(segment, 0, pages);
        }

        private void add(SegmentId segment, long blocks, long pages) {
            if (blocks + pages > 0) {
                counts.put(segment, counts.getOrDefault(segment, NONE).plus(blocks, pages));
            }
        }

        SegmentReferences sum() {
            return new SegmentReferences(Collections.unmodifiableMap(counts));
        }
    }
}
