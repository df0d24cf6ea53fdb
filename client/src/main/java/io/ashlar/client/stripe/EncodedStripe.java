package io.ashlar.client.stripe;

import io.ashlar.client.format.CellFormat;
import io.ashlar.client.model.Extent;
import io.ashlar.client.model.Policy;
import io.ashlar.client.model.Stripe;
import io.ashlar.client.transport.Buffer;
import io.ashlar.ec.ReedSolomon;

import java.lang.foreign.MemorySegment;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;

/**
 * A stripe laid out and encoded, not yet at a place in a segment: so it can be sent again elsewhere
 * when a participant fails. Owns its cells until it is released.
 */
public final class EncodedStripe {
    private final Stripe.Type type;
    private final Stripe.Geometry geometry;
    private final List<Extent> extents;
    private final int[] blockCrcs;
    private final int[] vector;
    private final List<Buffer> cells;

    private EncodedStripe(
            Stripe.Type type,
            Stripe.Geometry geometry,
            List<Extent> extents,
            int[] blockCrcs,
            int[] vector,
            List<Buffer> cells) {
        this.type = type;
        this.geometry = geometry;
        this.extents = extents;
        this.blockCrcs = blockCrcs;
        this.vector = vector;
        this.cells = cells;
    }

    /**
     * Blocks that go into a stripe.
     *
     * @param source their bytes; an empty segment for zeroes, of which nothing is stored
     */
    public record Run(long firstBlock, int blockCount, MemorySegment source) {
        boolean isZero() {
            return source.byteSize() == 0;
        }
    }

    /** The shape of a stripe of so many stored blocks: as few cells as full-width cells allow. */
    public static Stripe.Geometry geometry(Policy policy, int runCount, int storedBlocks) {
        return geometry(policy, runCount, storedBlocks, storedBlocks);
    }

    private static Stripe.Geometry geometry(
            Policy policy, int runCount, int storedPieces, int blockCrcCount) {
        int cellPieces = (storedPieces + policy.k() - 1) / policy.k();
        int d = cellPieces == 0 ? 1 : (storedPieces + cellPieces - 1) / cellPieces;
        int headerBytes =
                CellFormat.headerBytes(runCount, blockCrcCount, (d + policy.m()) * cellPieces);
        return new Stripe.Geometry(policy, d, headerBytes, cellPieces * Stripe.PIECE_BYTES);
    }

    /** Lays the runs out, one behind another, and encodes them; the runs' sources are copied. */
    public static EncodedStripe encode(ReedSolomon code, Policy policy, List<Run> runs) {
        int storedBlocks = runs.stream()
                .mapToInt(run -> run.isZero() ? 0 : run.blockCount())
                .sum();
        Stripe.Geometry geometry = geometry(policy, runs.size(), storedBlocks);
        List<Buffer> cells = cells(geometry);
        List<Extent> extents = layOut(runs, geometry, cells);
        int[] vector = encode(code, geometry, cells);
        // Raw blocks are pieces of data cells, in order, so their CRCs head the vector.
        int[] blockCrcs = Arrays.copyOf(vector, storedBlocks);
        return new EncodedStripe(Stripe.Type.DATA, geometry, extents, blockCrcs, vector, cells);
    }

    /**
     * Lays out and encodes pages that are not the volume's blocks: no extent tells of them. They are
     * copied.
     *
     * @param pages of {@link Stripe#PIECE_BYTES} each
     */
    public static EncodedStripe encodePages(
            Stripe.Type type, ReedSolomon code, Policy policy, List<MemorySegment> pages) {
        Stripe.Geometry geometry = geometry(policy, 0, pages.size(), 0);
        List<Buffer> cells = cells(geometry);
        int at = 0;
        for (MemorySegment page : pages) {
            copy(page, Stripe.PIECE_BYTES, geometry.cellBytes(), at, cells);
            at += Stripe.PIECE_BYTES;
        }
        fillRest(at, geometry, cells);
        int[] vector = encode(code, geometry, cells);
        return new EncodedStripe(type, geometry, List.of(), new int[0], vector, cells);
    }

    private static List<Buffer> cells(Stripe.Geometry geometry) {
        List<Buffer> cells = new ArrayList<>(geometry.participants());
        for (int i = 0; i < geometry.participants(); i++) {
            cells.add(Buffer.allocate(geometry.cellBytes()));
        }
        return cells;
    }

    /** Fills the parity cells; gives the CRC vector of all. */
    private static int[] encode(ReedSolomon code, Stripe.Geometry geometry, List<Buffer> cells) {
        int[] vector = new int[geometry.participants() * geometry.piecesPerCell()];
        if (geometry.cellBytes() > 0) {
            MemorySegment[] segments =
                    cells.stream().map(Buffer::segment).toArray(MemorySegment[]::new);
            code.shortened(geometry.d())
                    .encode(
                            Arrays.copyOf(segments, geometry.d()),
                            Arrays.copyOfRange(segments, geometry.d(), segments.length),
                            geometry.cellBytes(),
                            vector);
        }
        return vector;
    }

    private static List<Extent> layOut(
            List<Run> runs, Stripe.Geometry geometry, List<Buffer> cells) {
        List<Extent> extents = new ArrayList<>(runs.size());
        int at = 0;
        for (Run run : runs) {
            if (run.isZero()) {
                extents.add(new Extent(
                        run.firstBlock(),
                        run.blockCount(),
                        at,
                        0,
                        Extent.Kind.ZERO,
                        Extent.Codec.RAW));
            } else {
                int lengthBytes = run.blockCount() * Stripe.BLOCK_BYTES;
                extents.add(new Extent(
                        run.firstBlock(),
                        run.blockCount(),
                        at,
                        lengthBytes,
                        Extent.Kind.DATA,
                        Extent.Codec.RAW));
                copy(run.source(), lengthBytes, geometry.cellBytes(), at, cells);
                at += lengthBytes;
            }
        }
        fillRest(at, geometry, cells);
        return extents;
    }

    private static void copy(
            MemorySegment source, int lengthBytes, int cellBytes, int at, List<Buffer> cells) {
        int done = 0;
        while (done < lengthBytes) {
            int inCell = (at + done) % cellBytes;
            int count = Math.min(lengthBytes - done, cellBytes - inCell);
            MemorySegment.copy(
                    source, done, cells.get((at + done) / cellBytes).segment(), inCell, count);
            done += count;
        }
    }

    private static void fillRest(int from, Stripe.Geometry geometry, List<Buffer> cells) {
        int end = geometry.d() * geometry.cellBytes();
        if (from < end) {
            int inCell = from % geometry.cellBytes();
            cells.get(from / geometry.cellBytes())
                    .segment()
                    .asSlice(inCell, geometry.cellBytes() - inCell)
                    .fill((byte) 0);
        }
    }

    public Stripe.Geometry geometry() {
        return geometry;
    }

    /** Whether it holds blocks of the volume, and not a part of its map. */
    public boolean isData() {
        return type == Stripe.Type.DATA;
    }

    /** The stripe at a place of the log. */
    public Stripe at(Stripe.Identity identity, Stripe.Links links) {
        return new Stripe(type, identity, links, geometry, extents, blockCrcs, vector);
    }

    /** A participant's record, header and cell, for a transport to own. */
    public List<Buffer> record(Stripe stripe, int participant) {
        Buffer header = Buffer.allocate(geometry.headerBytes());
        CellFormat.write(stripe, geometry.roleOf(participant), header.segment());
        return List.of(header, cells.get(participant).retain());
    }

    /** Gives the cells back once the stripe is acknowledged or given up. */
    public void release() {
        cells.forEach(Buffer::release);
    }
}
