package io.ashlar.client.stripe;

import io.ashlar.client.AshlarException;
import io.ashlar.client.map.BlockMap;
import io.ashlar.client.model.Stripe;
import io.ashlar.client.transport.Buffer;

import java.lang.foreign.MemorySegment;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.concurrent.CompletableFuture;

/**
 * The read path, from its top: looks every block up in the map, asks for runs of blocks that lie
 * together in one cell in one request each, all in parallel, and puts the pieces where the caller
 * wants them. Lives on the cluster's loop.
 */
public final class VolumeReader {
    private final BlockMap map;
    private final StripeReader stripes;
    private final Placements placements;

    public VolumeReader(BlockMap map, StripeReader stripes, Placements placements) {
        this.map = map;
        this.stripes = stripes;
        this.placements = placements;
    }

    /** Blocks that lie behind one another in one cell. */
    @SuppressWarnings("ArrayRecordComponent") // never compared
    private record Run(long firstBlock, PieceRange range, int[] crcs) {}

    /**
     * Fills the target with the volume's bytes from an offset. The target belongs to the read until
     * it is done, also where a part of it fails.
     */
    public CompletableFuture<Void> read(long offsetBytes, MemorySegment target) {
        long end = offsetBytes + target.byteSize();
        List<CompletableFuture<Void>> reads = new ArrayList<>();
        long block = offsetBytes / Stripe.BLOCK_BYTES;
        while (block * Stripe.BLOCK_BYTES < end) {
            switch (map.get(block)) {
                case BlockMap.Zero ignored -> {
                    zero(block, offsetBytes, target);
                    block++;
                }
                case BlockMap.Lost ignored -> {
                    reads.add(CompletableFuture.failedFuture(new AshlarException.Corrupt("block "
                            + block + " is lost: more shards of its stripe failed than the"
                            + " volume's policy survives; restore it from a backup")));
                    block++;
                }
                case BlockMap.Stored first -> {
                    Run run = runFrom(block, first, end);
                    reads.add(read(run, offsetBytes, target));
                    block += run.range.pieceCount();
                }
            }
        }
        return reads.size() == 1
                ? reads.getFirst()
                : CompletableFuture.allOf(reads.toArray(CompletableFuture[]::new));
    }

    private Run runFrom(long firstBlock, BlockMap.Stored first, long endBytes) {
        int limit = first.stripe().geometry().piecesPerCell() - first.pieceOfCell();
        int[] crcs = new int[limit];
        crcs[0] = first.crc();
        int count = 1;
        while (count < limit
                && (firstBlock + count) * Stripe.BLOCK_BYTES < endBytes
                && map.get(firstBlock + count) instanceof BlockMap.Stored next
                && next.stripe().equals(first.stripe())
                && next.piece() == first.piece() + count) {
            crcs[count] = next.crc();
            count++;
        }
        PieceRange range =
                new PieceRange(first.stripe(), first.participant(), first.pieceOfCell(), count);
        return new Run(firstBlock, range, Arrays.copyOf(crcs, count));
    }

    private CompletableFuture<Void> read(Run run, long offsetBytes, MemorySegment target) {
        return stripes.read(run.range, run.crcs)
                .exceptionallyCompose(failure -> retry(run, AshlarException.in(failure)))
                .thenAccept(buffer -> {
                    copy(run.firstBlock, buffer.segment(), offsetBytes, target);
                    buffer.release();
                });
    }

    /** Repair may have moved shards since the volume was opened. */
    private CompletableFuture<Buffer> retry(Run run, AshlarException cause) {
        return placements
                .refresh(run.range.stripe().segment())
                .thenCompose(moved -> moved
                        ? stripes.read(run.range, run.crcs)
                        : CompletableFuture.failedFuture(cause));
    }

    private static void zero(long block, long offsetBytes, MemorySegment target) {
        long from = Math.max(0, block * Stripe.BLOCK_BYTES - offsetBytes);
        long to = Math.min(target.byteSize(), (block + 1) * Stripe.BLOCK_BYTES - offsetBytes);
        target.asSlice(from, to - from).fill((byte) 0);
    }

    private static void copy(
            long firstBlock, MemorySegment bytes, long offsetBytes, MemorySegment target) {
        long at = firstBlock * Stripe.BLOCK_BYTES - offsetBytes;
        long skip = Math.max(0, -at);
        long count = Math.min(bytes.byteSize() - skip, target.byteSize() - Math.max(0, at));
        MemorySegment.copy(bytes, skip, target, Math.max(0, at), count);
    }
}
