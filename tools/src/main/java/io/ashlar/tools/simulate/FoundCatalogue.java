package io.ashlar.tools.simulate;

import io.ashlar.client.AshlarException;
import io.ashlar.client.model.SegmentId;
import io.ashlar.client.protocol.ShardRef;
import io.ashlar.node.CatalogueCopy;

import org.jspecify.annotations.Nullable;

import java.lang.foreign.MemorySegment;
import java.util.ArrayList;
import java.util.List;

/** The catalogue of an arena, found by its bytes alone. */
final class FoundCatalogue {
    private final List<Page> pages = new ArrayList<>();

    private FoundCatalogue() {}

    /**
     * A page.
     *
     * @param firstPage where its first copy lies in the arena, in pages; the other is behind it
     * @param shard that it is about, where it is
     * @param isTwice whether both copies are there, durably and alike: either may be lost then
     */
    record Page(
            SimulatedFile arena,
            long firstPage,
            CatalogueCopy.@Nullable Shard shard,
            boolean isTwice) {}

    static FoundCatalogue of(World world, SimulatedFile arena) {
        FoundCatalogue catalogue = new FoundCatalogue();
        long driveBytes = world.settings().driveBytes();
        try {
            long end = CatalogueCopy.catalogueBytes(driveBytes) / SimulatedFile.PAGE_BYTES;
            for (long page = 0; page < end; page += 2) {
                catalogue.add(arena, page, driveBytes);
            }
        } catch (AshlarException.Invalid e) {
            throw new IllegalStateException("drives are formatted with another size", e);
        }
        return catalogue;
    }

    private void add(SimulatedFile arena, long page, long driveBytes)
            throws AshlarException.Invalid {
        CatalogueCopy first =
                CatalogueCopy.read(MemorySegment.ofArray(arena.page(page)), driveBytes);
        CatalogueCopy second =
                CatalogueCopy.read(MemorySegment.ofArray(arena.page(page + 1)), driveBytes);
        CatalogueCopy newer =
                second != null && (first == null || second.generation() > first.generation())
                        ? second
                        : first;
        if (newer != null) {
            boolean twice = first != null
                    && second != null
                    && first.generation() == second.generation()
                    && isDurable(arena, page)
                    && isDurable(arena, page + 1);
            pages.add(new Page(arena, page, newer.shard(), twice));
        }
    }

    private static boolean isDurable(SimulatedFile arena, long page) {
        return arena.isSynced(page) && !arena.isUnreadable(page);
    }

    List<Page> pages() {
        return pages;
    }

    /** Where a shard lies; null where no page says so. */
    CatalogueCopy.@Nullable Shard placeOf(ShardRef shard) {
        for (Page page : pages) {
            CatalogueCopy.Shard found = page.shard();
            if (found != null
                    && found.segment().equals(SegmentId.of(shard.getSegment()))
                    && found.index() == shard.getIndex()
                    && found.incarnation() == shard.getIncarnation()) {
                return found;
            }
        }
        return null;
    }
}
