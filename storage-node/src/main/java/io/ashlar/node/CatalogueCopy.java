package io.ashlar.node;

import io.ashlar.client.AshlarException;
import io.ashlar.client.model.SegmentId;

import org.jspecify.annotations.Nullable;

import java.lang.foreign.MemorySegment;

/**
 * One of the two copies of a page of an arena's catalogue, read from its bytes alone: for whoever
 * looks at a drive that no node serves.
 *
 * @param page its number, which both copies have
 * @param generation of two copies the greater counts
 * @param shard what it says, where it is about a shard
 */
public record CatalogueCopy(
        int page, long generation, @Nullable Shard shard) {

    /**
     * A shard, and where its record space lies in the arena.
     *
     * @param sealed whether nothing is appended to it any more
     * @param uncleanStop whether its node stopped uncleanly while it was open
     */
    public record Shard(
            SegmentId segment,
            int index,
            long incarnation,
            boolean sealed,
            boolean uncleanStop,
            long firstByte,
            long lengthBytes) {}

    /**
     * The copy in these 4096 bytes; null where they are none, or not whole.
     *
     * @param capacityBytes what the drive was formatted with
     */
    public static @Nullable CatalogueCopy read(MemorySegment bytes, long capacityBytes)
            throws AshlarException.Invalid {
        PageFormat.Head head = PageFormat.read(bytes);
        if (head == null) {
            return null;
        }
        ShardEntry entry =
                head.kind() == PageFormat.Kind.SHARD ? ShardEntryFormat.read(bytes) : null;
        if (entry == null) {
            return new CatalogueCopy(head.page(), head.generation(), null);
        }
        ArenaLayout layout = ArenaLayout.of(capacityBytes);
        return new CatalogueCopy(
                head.page(),
                head.generation(),
                new Shard(
                        entry.key().segment(),
                        entry.key().index(),
                        entry.key().incarnation(),
                        entry.sealed(),
                        entry.uncleanStop(),
                        layout.slotAt(entry.run().firstSlot()),
                        entry.shardBytes()));
    }

    /** The bytes at the beginning of an arena in which copies lie, those of one page together. */
    public static long catalogueBytes(long capacityBytes) throws AshlarException.Invalid {
        return ArenaLayout.of(capacityBytes).catalogueBytes();
    }
}
