package io.ashlar.client.map;

import io.ashlar.client.log.LogSegment;
import io.ashlar.client.model.Extent;
import io.ashlar.client.model.LogPosition;
import io.ashlar.client.model.Policy;
import io.ashlar.client.model.SegmentId;
import io.ashlar.client.model.Stripe;
import io.ashlar.client.model.VolumeId;
import io.ashlar.client.stripe.StripeRef;

import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import java.util.random.RandomGenerator;

/** What a map should say, a block at a time, and stripes to tell it. */
final class MapModel {
    private static final Policy POLICY = new Policy(4, 2);
    private static final int STRIPES_PER_SEGMENT = 12;

    private final FakeMapStore store;
    private final RandomGenerator random;
    private final Object[] blocks;
    private LogSegment segment;
    private long number;
    private long offset;

    MapModel(FakeMapStore store, RandomGenerator random, int blockCount) {
        this.store = store;
        this.random = random;
        this.blocks = new Object[blockCount];
        Arrays.fill(blocks, "zero");
        this.segment = store.newSegment();
    }

    /** Where a block is stored. */
    record Pointer(SegmentId segment, long number, long offset, int piece, int crc) {}

    /** A stripe in its place. */
    record Made(StripeRef ref, Stripe stripe) {}

    Made stripe(int maxExtents, int maxBlocks) {
        if (number == STRIPES_PER_SEGMENT) {
            segment = store.newSegment();
            number = 0;
            offset = 0;
        }
        List<Extent> extents = new ArrayList<>();
        int pieces = 0;
        int extentCount = 1 + random.nextInt(maxExtents);
        for (int i = 0; i < extentCount; i++) {
            int count = 1 + random.nextInt(maxBlocks);
            long first = random.nextLong(blocks.length);
            boolean zero = random.nextInt(5) == 0;
            extents.add(new Extent(
                    first,
                    count,
                    pieces * 4096,
                    zero ? 0 : count * 4096,
                    zero ? Extent.Kind.ZERO : Extent.Kind.DATA,
                    Extent.Codec.RAW));
            pieces += zero ? 0 : count;
        }
        return made(extents, pieces);
    }

    Made made(List<Extent> extents, int pieces) {
        int cellPieces = Math.ceilDiv(pieces, POLICY.k());
        int d = cellPieces == 0 ? 1 : Math.ceilDiv(pieces, cellPieces);
        var geometry = new Stripe.Geometry(POLICY, d, 4096, cellPieces * 4096);
        Stripe stripe = new Stripe(
                new Stripe.Identity(new VolumeId(1, 2), segment.id(), number, offset, 1),
                new Stripe.Links(SegmentId.NONE, 0, LogPosition.START, 0),
                geometry,
                extents,
                random.ints(pieces).toArray(),
                new int[geometry.participants() * geometry.piecesPerCell()]);
        StripeRef ref = StripeRef.of(segment, stripe);
        number++;
        offset = stripe.endOffset();
        return new Made(ref, stripe);
    }

    void install(Made made) {
        int crc = 0;
        for (Extent extent : made.stripe.extents()) {
            for (int i = 0; i < extent.blockCount(); i++) {
                boolean data = extent.kind() == Extent.Kind.DATA;
                Object content = data
                        ? new Pointer(
                                made.ref.segment().id(),
                                made.ref.number(),
                                made.ref.offset(),
                                extent.startBytes() / 4096 + i,
                                made.stripe.blockCrc(crc++))
                        : "zero";
                put(extent.firstBlock() + i, content);
            }
        }
    }

    void lose(Made made) {
        for (Extent extent : made.stripe.extents()) {
            for (int i = 0; i < extent.blockCount(); i++) {
                put(extent.firstBlock() + i, "lost");
            }
        }
    }

    void loseAll() {
        Arrays.fill(blocks, "lost");
    }

    private void put(long block, Object content) {
        if (block < blocks.length) {
            blocks[(int) block] = content;
        }
    }

    List<Object> blocks(long from, long count) {
        return List.of(Arrays.copyOfRange(blocks, (int) from, (int) (from + count)));
    }

    long lostBlocks() {
        return Arrays.stream(blocks).filter("lost"::equals).count();
    }

    /** Stored blocks by segment. */
    Map<SegmentId, Long> blocksBySegment() {
        Map<SegmentId, Long> counts = new TreeMap<>();
        for (Object content : blocks) {
            if (content instanceof Pointer pointer) {
                counts.merge(pointer.segment, 1L, Long::sum);
            }
        }
        return counts;
    }

    boolean isOpen(SegmentId id) {
        return segment.id().equals(id);
    }

    /** The same of what a map says; fails where its extents are not in order and without a gap. */
    static List<Object> flatten(List<MapExtent> extents, long from) {
        List<Object> flat = new ArrayList<>();
        long at = from;
        for (MapExtent extent : extents) {
            if (extent.firstBlock() != at || extent.blockCount() < 1) {
                throw new AssertionError(extent + " where block " + at + " should follow");
            }
            at = extent.endBlock();
            for (int i = 0; i < extent.blockCount(); i++) {
                flat.add(
                        switch (extent) {
                            case MapExtent.Zero ignored -> "zero";
                            case MapExtent.Lost ignored -> "lost";
                            case MapExtent.Stored stored ->
                                new Pointer(
                                        stored.stripe().segment().id(),
                                        stored.stripe().number(),
                                        stored.stripe().offset(),
                                        stored.firstPiece() + i,
                                        stored.crcs()[i]);
                        });
            }
        }
        return flat;
    }
}
