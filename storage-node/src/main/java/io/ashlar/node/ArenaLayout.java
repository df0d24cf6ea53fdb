package io.ashlar.node;

import io.ashlar.client.AshlarException;

/**
 * Where things are in an arena: first the catalogue, every page of it twice, then the slots. A
 * shard takes a run of slots.
 *
 * @param slotBytes a power of two
 */
record ArenaLayout(long slotBytes, int slotCount, int shardPageCount, int fencePageCount) {
    static final int SUPERBLOCK_PAGE = 0;
    static final int STATE_PAGE = 1;
    static final int FIRST_FENCE_PAGE = 2;

    /** What a slot has unless the drive is so large that there would be too many. */
    static final long MIN_SLOT_BYTES = 1 << 20;

    /** Bounds the catalogue, which is read when a drive is opened and held in memory. */
    static final int MAX_SLOT_COUNT = 1 << 16;

    static final int MIN_SLOT_COUNT = 4;
    private static final int FENCE_PAGE_COUNT = 16;

    /** The layout of an arena that takes no more than this. */
    static ArenaLayout of(long capacityBytes) throws AshlarException.Invalid {
        long slotBytes = MIN_SLOT_BYTES;
        while (capacityBytes / slotBytes > MAX_SLOT_COUNT) {
            slotBytes *= 2;
        }
        int pages = (int) (capacityBytes / slotBytes);
        var empty = new ArenaLayout(slotBytes, 0, pages, FENCE_PAGE_COUNT);
        int slots = (int) ((capacityBytes - empty.slotsAt()) / slotBytes);
        if (slots < MIN_SLOT_COUNT) {
            throw new AshlarException.Invalid("a drive of " + capacityBytes
                    + " bytes is too small: give it at least "
                    + (empty.slotsAt() + MIN_SLOT_COUNT * slotBytes));
        }
        return new ArenaLayout(slotBytes, slots, pages, FENCE_PAGE_COUNT);
    }

    int firstShardPage() {
        return FIRST_FENCE_PAGE + fencePageCount;
    }

    int pageCount() {
        return firstShardPage() + shardPageCount;
    }

    /** Where a copy, 0 or 1, of a page is. */
    static long pageAt(int page, int copy) {
        return (2L * page + copy) * PageFormat.PAGE_BYTES;
    }

    /** Where the catalogue ends. */
    long catalogueBytes() {
        return pageAt(pageCount(), 0);
    }

    private long slotsAt() {
        return (catalogueBytes() + slotBytes - 1) / slotBytes * slotBytes;
    }

    long slotAt(int slot) {
        return slotsAt() + slot * slotBytes;
    }

    long arenaBytes() {
        return slotAt(slotCount);
    }

    /** How many slots a shard of this size takes. */
    int slotsFor(long shardBytes) {
        return Math.toIntExact((shardBytes + slotBytes - 1) / slotBytes);
    }

    /** Slots that no writer's shard may take: what repair and the file system need to go on. */
    int reserveSlots() {
        return Math.max(1, slotCount * RESERVE_PERCENT / 100);
    }

    /** The part of a drive that is refused to new shards. */
    static final int RESERVE_PERCENT = 2;
}
