package io.ashlar.node;

import io.ashlar.client.model.Policy;
import io.ashlar.client.model.SegmentId;
import io.ashlar.client.model.VolumeId;

import org.jspecify.annotations.Nullable;

import java.lang.foreign.MemorySegment;

/**
 * The body of a shard's page. Little-endian, covered by the page's CRC.
 *
 * <pre>
 * offset  size  field
 *     64    16  segment
 *     80    16  volume
 *     96     8  incarnation
 *    104     4  index within the segment
 *    108     1  k
 *    109     1  m
 *    110     1  flags: 1 sealed, 2 unclean stop while open, 4 holes prove nothing
 *    111     1  zero
 *    112     8  epoch of the segment's creator
 *    120     8  sequence of the segment within its volume
 *    128     8  shard bytes
 *    136     4  first slot
 *    140     4  slot count
 *    144     8  fence epoch
 *    152     8  sealed bytes
 *    160     8  stripe count
 *    168     4  cells it must hold
 *    172  3924  zero
 * </pre>
 */
final class ShardEntryFormat {
    private static final int SEALED = 1;
    private static final int UNCLEAN_STOP = 2;
    private static final int HOLES_PROVE_NOTHING = 4;

    private ShardEntryFormat() {}

    static void write(ShardEntry entry, MemorySegment page) {
        page.set(Little.LONG, 64, entry.key().segment().high());
        page.set(Little.LONG, 72, entry.key().segment().low());
        page.set(Little.LONG, 80, entry.volume().high());
        page.set(Little.LONG, 88, entry.volume().low());
        page.set(Little.LONG, 96, entry.key().incarnation());
        page.set(Little.INT, 104, entry.key().index());
        page.set(Little.BYTE, 108, (byte) entry.policy().k());
        page.set(Little.BYTE, 109, (byte) entry.policy().m());
        int flags = (entry.sealed() ? SEALED : 0)
                | (entry.uncleanStop() ? UNCLEAN_STOP : 0)
                | (entry.holesProveNothing() ? HOLES_PROVE_NOTHING : 0);
        page.set(Little.BYTE, 110, (byte) flags);
        page.set(Little.LONG, 112, entry.epoch());
        page.set(Little.LONG, 120, entry.sequence());
        page.set(Little.LONG, 128, entry.shardBytes());
        page.set(Little.INT, 136, entry.run().firstSlot());
        page.set(Little.INT, 140, entry.run().slotCount());
        page.set(Little.LONG, 144, entry.fenceEpoch());
        if (entry.sealed()) {
            page.set(Little.LONG, 152, entry.seal().sealedBytes());
            page.set(Little.LONG, 160, entry.seal().stripeCount());
            page.set(Little.INT, 168, entry.seal().cells());
        }
    }

    /** The entry, or null where the body holds what no writer would have put there. */
    static @Nullable ShardEntry read(MemorySegment page) {
        int k = page.get(Little.BYTE, 108);
        int m = page.get(Little.BYTE, 109);
        if (k < 1 || k > Policy.MAX_K || m < 1 || m > Policy.MAX_M) {
            return null;
        }
        int flags = page.get(Little.BYTE, 110);
        var key = new ShardKey(
                new SegmentId(page.get(Little.LONG, 64), page.get(Little.LONG, 72)),
                page.get(Little.INT, 104),
                page.get(Little.LONG, 96));
        var seal = (flags & SEALED) == 0
                ? ShardEntry.Seal.NONE
                : new ShardEntry.Seal(
                        page.get(Little.LONG, 152),
                        page.get(Little.LONG, 160),
                        page.get(Little.INT, 168));
        return new ShardEntry(
                key,
                new VolumeId(page.get(Little.LONG, 80), page.get(Little.LONG, 88)),
                page.get(Little.LONG, 112),
                page.get(Little.LONG, 120),
                new Policy(k, m),
                page.get(Little.LONG, 128),
                new ShardEntry.Run(page.get(Little.INT, 136), page.get(Little.INT, 140)),
                page.get(Little.LONG, 144),
                seal,
                (flags & UNCLEAN_STOP) != 0,
                (flags & HOLES_PROVE_NOTHING) != 0);
    }
}
