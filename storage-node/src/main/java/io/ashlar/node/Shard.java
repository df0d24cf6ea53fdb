package io.ashlar.node;

import io.ashlar.client.format.CellFormat;
import io.ashlar.client.model.Stripe;

import org.jspecify.annotations.Nullable;

import java.util.Map;
import java.util.NavigableMap;
import java.util.concurrent.ConcurrentSkipListMap;

/**
 * A shard that a drive serves. Changed by the drive's thread only; readers look on.
 *
 * <p>Records of open shards, and of those being repaired, are indexed in memory: to refuse what
 * overlaps, and to notice records that vanish.
 */
final class Shard {
    private final long base;
    private final boolean restarted;
    private volatile ShardEntry entry;
    private volatile @Nullable NavigableMap<Long, Indexed> index;
    private volatile long durableBytes;
    private volatile long durableFence;
    private volatile boolean deleted;
    private volatile int damagedCells;

    /**
     * Describes a shard.
     *
     * @param base where its record space begins in the arena
     * @param restarted it was there when the drive was opened: only recovery may append
     */
    Shard(ShardEntry entry, long base, boolean restarted) {
        this.entry = entry;
        this.base = base;
        this.restarted = restarted;
        this.index = restarted ? null : new ConcurrentSkipListMap<>();
    }

    /**
     * A record, by its place; the CRC is that of its header.
     *
     * @param written since the node started, so that it must be there whole
     */
    record Indexed(int lengthBytes, int headerCrc, boolean written) {

        boolean sameAs(@Nullable Indexed other) {
            return other != null
                    && lengthBytes == other.lengthBytes
                    && headerCrc == other.headerCrc;
        }
    }

    ShardKey key() {
        return entry.key();
    }

    ShardEntry entry() {
        return entry;
    }

    void become(ShardEntry changed) {
        entry = changed;
    }

    long base() {
        return base;
    }

    boolean restarted() {
        return restarted;
    }

    boolean deleted() {
        return deleted;
    }

    void markDeleted() {
        deleted = true;
    }

    /** Whether this very epoch is its fence, durably. */
    boolean isFencedAt(long epoch) {
        return durableFence == epoch && entry.fenceEpoch() == epoch;
    }

    void fencedDurably(long epoch) {
        durableFence = Math.max(durableFence, epoch);
    }

    /** Cells known to be damaged or missing, from reads, verification and scrubs. */
    int damagedCells() {
        return damagedCells;
    }

    void damagedCells(int count) {
        damagedCells = count;
    }

    /** What its next record is stamped with: it is durable up to here. */
    long durableBytes() {
        return durableBytes;
    }

    void durableUpTo(long bytes) {
        durableBytes = Math.max(durableBytes, bytes);
    }

    /** Its records, or null where it has not been scanned. */
    @Nullable
    NavigableMap<Long, Indexed> index() {
        return index;
    }

    void indexed(NavigableMap<Long, Indexed> records) {
        index = records;
    }

    void dropIndex() {
        index = null;
    }

    /** Where the last record ends that was written in this range since the node started, or -1. */
    long endOfWrittenIn(long from, long to) {
        NavigableMap<Long, Indexed> records = index;
        long end = -1;
        if (records != null && from < to) {
            for (Map.Entry<Long, Indexed> record :
                    records.subMap(from, true, to, false).entrySet()) {
                if (record.getValue().written()) {
                    end = record.getKey() + record.getValue().lengthBytes();
                }
            }
        }
        return end;
    }

    /** Whether a whole record must be at this place. */
    boolean mustHold(long offset) {
        if (entry.sealed()) {
            return offset < entry.seal().sealedBytes();
        }
        NavigableMap<Long, Indexed> records = index;
        Indexed record = records == null ? null : records.get(offset);
        return record != null
                && (record.written() || !entry.uncleanStop() || offset < durableBytes);
    }

    /** The first record that overlaps a range, or null. */
    static Map.@Nullable Entry<Long, Indexed> overlapping(
            NavigableMap<Long, Indexed> records, long from, long to) {
        Map.Entry<Long, Indexed> before = records.floorEntry(from);
        if (before != null && before.getKey() + before.getValue().lengthBytes() > from) {
            return before;
        }
        Map.Entry<Long, Indexed> after = records.ceilingEntry(from);
        return after != null && after.getKey() < to ? after : null;
    }

    /** Whether a cell found at this place of the shard belongs there. */
    static boolean belongs(ShardEntry shard, CellFormat.Cell cell, long offset) {
        Stripe.Identity identity = cell.stripe().identity();
        Stripe.Geometry geometry = cell.stripe().geometry();
        return identity.segment().equals(shard.key().segment())
                && identity.volume().equals(shard.volume())
                && identity.epoch() == shard.epoch()
                && identity.offset() == offset
                && identity.number() >= 0
                && geometry.policy().equals(shard.policy())
                && cell.role()
                        == Stripe.roleOf(shard.key().index(), identity.number(), shard.policy())
                && cell.stripe().endOffset() <= shard.limitBytes();
    }
}
