package io.ashlar.bench;

import io.ashlar.client.format.CellFormat;
import io.ashlar.client.model.Extent;
import io.ashlar.client.model.LogPosition;
import io.ashlar.client.model.Policy;
import io.ashlar.client.model.SegmentId;
import io.ashlar.client.model.Stripe;
import io.ashlar.client.model.VolumeId;
import io.ashlar.ec.Crc32c;
import io.ashlar.ec.ReedSolomon;

import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.util.Arrays;
import java.util.List;
import java.util.Random;

/**
 * A full stripe of random bytes, encoded once, that can be put at any place of a segment: what a
 * writer sends, without the cost of making it. The arena it was made in owns the cells.
 */
final class SampleStripe {
    static final VolumeId VOLUME = new VolumeId(1, 1);
    static final long EPOCH = 1;

    private static final Policy POLICY = new Policy(4, 2);

    /** By role. */
    private final MemorySegment[] cells = new MemorySegment[POLICY.n()];

    private final int[] blockCrcs;
    private final int[] vector;
    private final Stripe.Geometry geometry;
    private final List<Extent> extents;

    SampleStripe(Arena arena, int cellBytes) {
        byte[] content = new byte[cellBytes];
        int pieces = Crc32c.pieceCount(cellBytes);
        this.blockCrcs = new int[POLICY.k() * pieces];
        for (int i = 0; i < cells.length; i++) {
            new Random(i).nextBytes(content);
            cells[i] = arena.allocate(cellBytes, Stripe.PIECE_BYTES)
                    .copyFrom(MemorySegment.ofArray(content));
        }
        this.vector = new int[POLICY.n() * pieces];
        ReedSolomon.of(POLICY.k(), POLICY.m())
                .encode(
                        Arrays.copyOf(cells, POLICY.k()),
                        Arrays.copyOfRange(cells, POLICY.k(), POLICY.n()),
                        cellBytes,
                        vector);
        System.arraycopy(vector, 0, blockCrcs, 0, blockCrcs.length);
        int headerBytes = CellFormat.headerBytes(1, blockCrcs.length, vector.length);
        this.geometry = new Stripe.Geometry(POLICY, POLICY.k(), headerBytes, cellBytes);
        this.extents = List.of(new Extent(
                0,
                blockCrcs.length,
                0,
                POLICY.k() * cellBytes,
                Extent.Kind.DATA,
                Extent.Codec.RAW));
    }

    static Policy policy() {
        return POLICY;
    }

    int recordBytes() {
        return geometry.recordBytes();
    }

    /** The stripe of that number, behind the ones before it. */
    Stripe at(SegmentId segment, long number) {
        return new Stripe(
                Stripe.Type.DATA,
                new Stripe.Identity(
                        VOLUME, segment, number, number * geometry.recordBytes(), EPOCH),
                new Stripe.Links(SegmentId.NONE, 0, LogPosition.START, 1_700_000_000_000L),
                geometry,
                extents,
                blockCrcs,
                vector);
    }

    /** Writes the record of that role, header and cell. */
    void write(Stripe stripe, int role, MemorySegment record) {
        CellFormat.write(stripe, role, record);
        MemorySegment.copy(cells[role], 0, record, geometry.headerBytes(), geometry.cellBytes());
    }
}
