package io.ashlar.client.stripe;

import io.ashlar.client.AshlarException;
import io.ashlar.client.map.BlockMap;
import io.ashlar.client.map.MapExtent;
import io.ashlar.client.model.Stripe;

import java.lang.foreign.MemorySegment;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.concurrent.CompletableFuture;

/**
 * The read path, from its top: looks the blocks up in the map, asks for runs of blocks that lie
 * together in one cell in one request each, all in parallel, and puts the pieces where the caller
 * wants them. Lives on the cluster's loop.
 */
public final class VolumeReader {

    private final BlockMap map;
    private final PieceReader pieces;

    public VolumeReader(BlockMap map, PieceReader pieces) {
        this.map = map;
        this.pieces = pieces;
    }

    /** Blocks that lie behind one another in one cell. */
    @SuppressWarnings("ArrayRecordComponent") // never compared
    private record Run(long firstBlock, PieceRange range, int[] crcs) {}

    /**
     * Fills the target with the volume's bytes from an offset. The target belongs to the read until
     * it is done, also where a part of it fails.
     */
    public CompletableFuture<Void> read(long offsetBytes, MemorySegment target) {
        long first = offsetBytes / Stripe.BLOCK_BYTES;
        long end = Math.ceilDiv(offsetBytes + target.byteSize(), Stripe.BLOCK_BYTES);
        return map.lookUp(first, end - first)
                .thenCompose(extents -> read(extents, offsetBytes, target)
                        .exceptionallyCompose(failure ->
                                again(extents, offsetBytes, target, AshlarException.in(failure))));
    }

    /**
     * What was looked up may have been overwritten meanwhile, and its segment been freed. That may be so
     * any number of times: it fails only where the blocks are where they were.
     */
    private CompletableFuture<Void> again(
            List<MapExtent> tried, long offsetBytes, MemorySegment target, AshlarException cause) {
        long first = tried.getFirst().firstBlock();
        long end = tried.getLast().endBlock();
        return map.lookUp(first, end - first).thenCompose(extents -> {
            if (stripesOf(extents).equals(stripesOf(tried))) {
                return CompletableFuture.failedFuture(cause);
            }
            return read(extents, offsetBytes, target)
                    .exceptionallyCompose(failure ->
                            again(extents, offsetBytes, target, AshlarException.in(failure)));
        });
    }

    private static List<StripeRef> stripesOf(List<MapExtent> extents) {
        List<StripeRef> stripes = new ArrayList<>();
        for (MapExtent extent : extents) {
            if (extent instanceof MapExtent.Stored stored) {
                stripes.add(stored.stripe());
            }
        }
        return stripes;
    }

    private CompletableFuture<Void> read(
            List<MapExtent> extents, long offsetBytes, MemorySegment target) {
        List<CompletableFuture<Void>> reads = new ArrayList<>();
        for (MapExtent extent : extents) {
            switch (extent) {
                case MapExtent.Zero zero -> zero(zero, offsetBytes, target);
                case MapExtent.Lost lost ->
                    reads.add(CompletableFuture.failedFuture(new AshlarException.Corrupt("block "
                            + lost.firstBlock()
                            + " is lost: more shards of its stripe failed than the"
                            + " volume's policy survives; restore it from a backup")));
                case MapExtent.Stored stored -> {
                    for (int at = 0; at < stored.crcs().length; ) {
                        Run run = runFrom(stored, at);
                        reads.add(read(run, offsetBytes, target));
                        at += run.range.pieceCount();
                    }
                }
            }
        }
        return reads.size() == 1
                ? reads.getFirst()
                : CompletableFuture.allOf(reads.toArray(CompletableFuture[]::new));
    }

    /** The blocks from this one that lie in the same cell. */
    private static Run runFrom(MapExtent.Stored stored, int index) {
        int inCell = stored.stripe().geometry().piecesPerCell() - stored.pieceOfCell(index);
        int count = Math.min(inCell, stored.crcs().length - index);
        PieceRange range = new PieceRange(
                stored.stripe(), stored.participant(index), stored.pieceOfCell(index), count);
        int[] crcs = Arrays.copyOfRange(stored.crcs(), index, index + count);
        return new Run(stored.firstBlock() + index, range, crcs);
    }

    private CompletableFuture<Void> read(Run run, long offsetBytes, MemorySegment target) {
        return pieces.read(run.range, run.crcs).thenAccept(buffer -> {
            copy(run.firstBlock, buffer.segment(), offsetBytes, target);
            buffer.release();
        });
    }

    private static void zero(MapExtent.Zero zero, long offsetBytes, MemorySegment target) {
        long from = Math.max(0, zero.firstBlock() * Stripe.BLOCK_BYTES - offsetBytes);
        long to = Math.min(target.byteSize(), zero.endBlock() * Stripe.BLOCK_BYTES - offsetBytes);
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
