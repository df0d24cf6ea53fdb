package io.ashlar.tools.simulate;

import io.ashlar.client.model.SegmentId;
import io.ashlar.client.protocol.Segment;
import io.ashlar.client.protocol.SegmentState;
import io.ashlar.node.CatalogueCopy;

import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;

/**
 * What drives have written where nothing was, in shards that may be appended to. Nobody misses a
 * record there; but who takes the volume over cannot know that there was none. That ends as something
 * else is written there, or the segment is sealed.
 */
final class StrayBytes {
    private final World world;
    private final List<Stray> strays = new ArrayList<>();

    StrayBytes(World world) {
        this.world = world;
    }

    /** What was written to pages of a shard, by page. */
    private record Stray(
            SimulatedDrive drive,
            SimulatedFile arena,
            Map<Long, byte[]> pages,
            CatalogueCopy.Shard shard) {

        boolean isThere() {
            return drive.arena() == arena
                    && pages.entrySet().stream()
                            .anyMatch(page ->
                                    Arrays.equals(arena.page(page.getKey()), page.getValue()));
        }
    }

    /** Writes bytes to where nothing is. */
    void put(SimulatedDrive drive, EmptyPlace place, byte[][] bytes) {
        SimulatedFile arena = place.arena();
        Map<Long, byte[]> pages = new TreeMap<>();
        for (int i = 0; i < Math.min(bytes.length, place.pageCount()); i++) {
            long page = place.page() + i;
            arena.overwrite(page, bytes[i]);
            if (arena.pages().containsKey(page)) {
                pages.put(page, arena.page(page));
            }
        }
        strays.add(new Stray(drive, arena, pages, place.shard()));
    }

    /** Forgets what nobody is misled by any more. */
    void settle() {
        strays.removeIf(stray -> {
            Segment segment = world.metadata().segment(stray.shard.segment());
            return segment == null
                    || segment.getState() == SegmentState.SEALED
                    || segment.getPlacements(stray.shard.index()).getShard().getIncarnation()
                            != stray.shard.incarnation()
                    || !stray.isThere();
        });
    }

    /** Whether any is in this shard. */
    boolean isIn(SegmentId segment, int index) {
        return strays.stream()
                .anyMatch(stray ->
                        stray.shard.segment().equals(segment) && stray.shard.index() == index);
    }
}
