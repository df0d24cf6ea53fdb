package io.ashlar.node;

import io.ashlar.client.model.SegmentId;

import java.lang.foreign.MemorySegment;
import java.util.ArrayList;
import java.util.List;

/**
 * The body of a page of fences that were raised where there was no shard. Little-endian, covered by
 * the page's CRC.
 *
 * <pre>
 * offset  size  field
 *     64     4  f: count of fences
 *     68     4  zero
 *     72     8  number of the first one; fences are numbered in the order they were raised
 *     80  24*f  fences: segment 16, epoch 8
 *    ...   ...  zero
 * </pre>
 *
 * <p>An epoch of 2^63-1 says that a shard of the segment was deleted here.
 */
final class FencesFormat {
    static final int MAX_FENCES = (PageFormat.PAGE_BYTES - 80) / 24;

    private FencesFormat() {}

    /** A segment whose writers below this epoch are refused. */
    record Fence(SegmentId segment, long epoch) {}

    /** What one page holds. */
    record Fences(long firstNumber, List<Fence> fences) {}

    static void write(Fences page, MemorySegment bytes) {
        bytes.set(Little.INT, 64, page.fences().size());
        bytes.set(Little.LONG, 72, page.firstNumber());
        int at = 80;
        for (Fence fence : page.fences()) {
            bytes.set(Little.LONG, at, fence.segment().high());
            bytes.set(Little.LONG, at + 8, fence.segment().low());
            bytes.set(Little.LONG, at + 16, fence.epoch());
            at += 24;
        }
    }

    static Fences read(MemorySegment bytes) {
        int count = bytes.get(Little.INT, 64);
        List<Fence> fences = new ArrayList<>(count);
        for (int at = 80; at < 80 + 24 * count; at += 24) {
            var segment = new SegmentId(bytes.get(Little.LONG, at), bytes.get(Little.LONG, at + 8));
            fences.add(new Fence(segment, bytes.get(Little.LONG, at + 16)));
        }
        return new Fences(bytes.get(Little.LONG, 72), fences);
    }
}
