package io.ashlar.node;

import java.lang.foreign.MemorySegment;

/**
 * The body of a superblock page: how the arena is laid out. Little-endian, covered by the page's
 * CRC.
 *
 * <pre>
 * offset  size  field
 *     64     8  slot bytes
 *     72     4  slot count
 *     76     4  pages for shards
 *     80     4  pages for fences
 *     84  4012  zero
 * </pre>
 */
final class SuperblockFormat {
    private SuperblockFormat() {}

    static void write(ArenaLayout layout, MemorySegment page) {
        page.set(Little.LONG, 64, layout.slotBytes());
        page.set(Little.INT, 72, layout.slotCount());
        page.set(Little.INT, 76, layout.shardPageCount());
        page.set(Little.INT, 80, layout.fencePageCount());
    }

    static ArenaLayout read(MemorySegment page) {
        return new ArenaLayout(
                page.get(Little.LONG, 64),
                page.get(Little.INT, 72),
                page.get(Little.INT, 76),
                page.get(Little.INT, 80));
    }
}
