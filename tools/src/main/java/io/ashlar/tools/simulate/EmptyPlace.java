package io.ashlar.tools.simulate;

import io.ashlar.node.CatalogueCopy;

import org.jspecify.annotations.Nullable;

import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.NavigableMap;
import java.util.TreeMap;
import java.util.function.Predicate;
import java.util.random.RandomGenerator;

/**
 * Where nothing is in the record space of a shard, and for so many pages.
 *
 * @param page of the arena
 */
record EmptyPlace(SimulatedFile arena, CatalogueCopy.Shard shard, long page, long pageCount) {
    private static final int TRIES = 20;

    /** The one that the next append to some shard would fill; null where there is none. */
    static @Nullable EmptyPlace behindRecords(
            World world,
            RandomGenerator random,
            SimulatedFile arena,
            Predicate<CatalogueCopy.Shard> fits) {
        CatalogueCopy.Shard shard =
                anyShard(world, random, arena, one -> !one.sealed() && fits.test(one));
        if (shard == null) {
            return null;
        }
        NavigableMap<Long, Long> records = recordsIn(arena, shard);
        long end = records.isEmpty() ? firstPage(shard) : records.lastEntry().getValue();
        return of(arena, shard, records, end);
    }

    /** Some place of some shard; null where none was found. */
    static @Nullable EmptyPlace anywhere(
            World world,
            RandomGenerator random,
            SimulatedFile arena,
            Predicate<CatalogueCopy.Shard> fits) {
        CatalogueCopy.Shard shard = anyShard(world, random, arena, fits);
        if (shard == null) {
            return null;
        }
        NavigableMap<Long, Long> records = recordsIn(arena, shard);
        for (int i = 0; i < TRIES; i++) {
            long page = firstPage(shard) + random.nextLong(endPage(shard) - firstPage(shard));
            EmptyPlace place = of(arena, shard, records, page);
            if (place != null) {
                return place;
            }
        }
        return null;
    }

    private static CatalogueCopy.@Nullable Shard anyShard(
            World world,
            RandomGenerator random,
            SimulatedFile arena,
            Predicate<CatalogueCopy.Shard> fits) {
        List<CatalogueCopy.Shard> shards = new ArrayList<>();
        for (FoundCatalogue.Page page : FoundCatalogue.of(world, arena).pages()) {
            CatalogueCopy.Shard shard = page.shard();
            if (shard != null && fits.test(shard)) {
                shards.add(shard);
            }
        }
        return shards.isEmpty() ? null : shards.get(random.nextInt(shards.size()));
    }

    private static long firstPage(CatalogueCopy.Shard shard) {
        return shard.firstByte() / SimulatedFile.PAGE_BYTES;
    }

    private static long endPage(CatalogueCopy.Shard shard) {
        return firstPage(shard) + shard.lengthBytes() / SimulatedFile.PAGE_BYTES;
    }

    /** By their first pages, the pages behind them. */
    private static NavigableMap<Long, Long> recordsIn(
            SimulatedFile arena, CatalogueCopy.Shard shard) {
        NavigableMap<Long, Long> records = new TreeMap<>();
        long first = firstPage(shard);
        for (long page : arena.pages().subMap(first, endPage(shard)).keySet()) {
            FoundRecord record = FoundRecord.at(arena, page);
            if (record != null && record.isIn(shard)) {
                records.put(page, page + record.pageCount());
            }
        }
        return records;
    }

    /** What is empty from this page on. A record may hold pages of zeros, which is not the same. */
    private static @Nullable EmptyPlace of(
            SimulatedFile arena,
            CatalogueCopy.Shard shard,
            NavigableMap<Long, Long> records,
            long page) {
        Map.Entry<Long, Long> before = records.floorEntry(page);
        if (before != null && before.getValue() > page) {
            return null;
        }
        long end = page;
        while (end < endPage(shard)
                && !arena.pages().containsKey(end)
                && arena.isSynced(end)
                && !arena.isUnreadable(end)) {
            end++;
        }
        return end == page ? null : new EmptyPlace(arena, shard, page, end - page);
    }
}
