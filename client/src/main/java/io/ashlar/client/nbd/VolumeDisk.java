package io.ashlar.client.nbd;

import io.ashlar.client.HealthExtent;
import io.ashlar.client.Volume;
import io.ashlar.client.VolumeExtent;

import java.nio.ByteBuffer;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.CompletableFuture;

/** A volume as a disk: reads around what does not begin or end with a block. */
public final class VolumeDisk implements NbdExport {
    private final Volume volume;
    private final boolean readOnly;
    private final WriteOrder order;

    /** The volume stays the caller's, to be closed once the disk is used no more. */
    public VolumeDisk(Volume volume, boolean readOnly) {
        this.volume = volume;
        this.readOnly = readOnly;
        this.order = new WriteOrder(volume.maxWaitingBytes());
    }

    @Override
    public String name() {
        return volume.name();
    }

    @Override
    public long sizeBytes() {
        return volume.sizeBytes();
    }

    @Override
    public boolean isReadOnly() {
        return readOnly;
    }

    @Override
    public CompletableFuture<Void> read(long offset, ByteBuffer target) {
        return volume.readAsync(offset, target);
    }

    @Override
    public CompletableFuture<Void> write(long offset, int lengthBytes, ByteBuffer blocks) {
        long from = blockStart(offset);
        long end = offset + lengthBytes;
        long to = blockEnd(end);
        boolean aligned = from == offset && to == end;
        return order.submit(
                from,
                to,
                to - from,
                !aligned,
                () -> aligned
                        ? volume.writeAsync(from, blocks)
                        : readAround(offset, end, blocks)
                                .thenCompose(ignored -> volume.writeAsync(from, blocks)));
    }

    /** What lies before the range in its first block, and behind it in its last one. */
    private CompletableFuture<Void> readAround(long offset, long end, ByteBuffer blocks) {
        long from = blockStart(offset);
        int head = (int) (offset - from);
        int tail = (int) (blockEnd(end) - end);
        int at = blocks.position();
        return all(List.of(
                volume.readAsync(from, blocks.slice(at, head)),
                volume.readAsync(end, blocks.slice(at + (int) (end - from), tail))));
    }

    @Override
    public CompletableFuture<Void> zero(long offset, long lengthBytes) {
        long end = offset + lengthBytes;
        long from = blockStart(offset);
        long to = blockEnd(end);
        long wholeFrom = blockEnd(offset);
        long wholeTo = blockStart(end);
        boolean aligned = from == offset && to == end;
        if (aligned) {
            return order.submit(
                    from, to, BLOCK_BYTES, false, () -> volume.zeroAsync(from, to - from));
        }
        return order.submit(from, to, 3L * BLOCK_BYTES, true, () -> {
            List<CompletableFuture<Void>> parts = new ArrayList<>();
            if (wholeFrom > wholeTo) {
                parts.add(zeroWithin(offset, end));
            } else {
                if (from < offset) {
                    parts.add(zeroWithin(offset, wholeFrom));
                }
                if (end < to) {
                    parts.add(zeroWithin(wholeTo, end));
                }
                parts.add(volume.zeroAsync(wholeFrom, wholeTo - wholeFrom));
            }
            return all(parts);
        });
    }

    /** A part of one block. */
    private CompletableFuture<Void> zeroWithin(long offset, long end) {
        ByteBuffer block = ByteBuffer.allocate(BLOCK_BYTES);
        return readAround(offset, end, block)
                .thenCompose(ignored -> volume.writeAsync(blockStart(offset), block));
    }

    @Override
    public CompletableFuture<Void> trim(long offset, long lengthBytes) {
        long from = blockEnd(offset);
        long to = blockStart(offset + lengthBytes);
        return from < to ? zero(from, to - from) : CompletableFuture.completedFuture(null);
    }

    @Override
    public CompletableFuture<Void> flush() {
        return volume.flushAsync();
    }

    @Override
    public CompletableFuture<List<VolumeExtent>> extents(
            long offset, long lengthBytes, int maxExtents) {
        return volume.extentsAsync(offset, lengthBytes, maxExtents);
    }

    @Override
    public CompletableFuture<List<HealthExtent>> health(
            long offset, long lengthBytes, int maxExtents) {
        return volume.healthAsync(offset, lengthBytes, maxExtents);
    }

    private static long blockStart(long offset) {
        return offset - offset % BLOCK_BYTES;
    }

    private static long blockEnd(long offset) {
        return blockStart(offset + BLOCK_BYTES - 1);
    }

    private static CompletableFuture<Void> all(List<CompletableFuture<Void>> parts) {
        return CompletableFuture.allOf(parts.toArray(CompletableFuture[]::new));
    }
}
