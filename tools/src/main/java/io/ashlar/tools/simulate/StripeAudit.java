package io.ashlar.tools.simulate;

import io.ashlar.client.AshlarException;
import io.ashlar.client.format.CellFormat;
import io.ashlar.client.model.Address;
import io.ashlar.client.model.DriveId;
import io.ashlar.client.model.Policy;
import io.ashlar.client.model.SegmentId;
import io.ashlar.client.model.Stripe;
import io.ashlar.client.protocol.Placement;
import io.ashlar.client.protocol.ReadCell;
import io.ashlar.client.protocol.ReadHeaders;
import io.ashlar.client.protocol.Request;
import io.ashlar.client.protocol.Segment;
import io.ashlar.ec.Crc32c;
import io.ashlar.ec.ReedSolomon;

import org.jspecify.annotations.Nullable;

import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.util.Map;
import java.util.TreeMap;

/**
 * Reads every cell of every stripe below the sealed lengths, and decodes each stripe from every
 * choice of d cells: all must give the same bytes, those of the vector.
 */
final class StripeAudit {
    private static final int MAX_PATTERNS = 16;

    private final World world;
    private final Checker checker;
    private final Map<StripeCensus.Key, Stripe> lost;

    /**
     * An audit.
     *
     * @param lost what nothing is demanded of
     */
    StripeAudit(World world, Checker checker, Map<StripeCensus.Key, Stripe> lost) {
        this.world = world;
        this.checker = checker;
        this.lost = lost;
    }

    void demandAll() {
        for (Segment segment : world.segments()) {
            demand(segment);
        }
    }

    private void demand(Segment segment) {
        SegmentId id = SegmentId.of(segment.getId());
        Policy policy = policyOf(segment);
        Map<Long, Stripe> stripes = new TreeMap<>();
        Map<Long, Integer> cells = new TreeMap<>();
        for (int index = 0; index < policy.n(); index++) {
            collect(segment, index, stripes, cells);
        }
        long offset = 0;
        long number = 0;
        while (offset < segment.getSealedBytes()) {
            Stripe given = lost.get(new StripeCensus.Key(id, number));
            if (given != null) {
                offset = given.endOffset();
                number++;
                continue;
            }
            Stripe stripe = stripes.get(offset);
            if (stripe == null || stripe.identity().number() != number) {
                throw new Violation(
                        "INV-7", "segment " + id + " has no stripe " + number + " at " + offset);
            }
            int cellCount = cells.getOrDefault(offset, 0);
            if (cellCount != stripe.geometry().participants()) {
                throw new Violation(
                        "full redundancy",
                        stripe + " has " + cellCount + " cells of "
                                + stripe.geometry().participants());
            }
            decode(segment, stripe);
            offset = stripe.endOffset();
            number++;
        }
        if (offset != segment.getSealedBytes() || number != segment.getStripeCount()) {
            throw new Violation(
                    "INV-7",
                    "segment " + id + " is sealed at " + segment.getSealedBytes() + " with "
                            + segment.getStripeCount() + " stripes, its stripes end at "
                            + offset + " with " + number);
        }
    }

    private Address addressOf(Placement placement) {
        String node = world.metadata().nodeOf(DriveId.of(placement.getShard().getDrive()));
        if (node == null) {
            throw new Violation("full redundancy", "a shard is placed on a drive of nobody");
        }
        return world.node(node).address();
    }

    private void collect(
            Segment segment, int index, Map<Long, Stripe> stripes, Map<Long, Integer> cells) {
        Placement placement = segment.getPlacements(index);
        long from = 0;
        while (from < segment.getSealedBytes()) {
            Checker.Answer answer = checker.node(
                    addressOf(placement),
                    Request.newBuilder()
                            .setReadHeaders(ReadHeaders.newBuilder()
                                    .setShard(placement.getShard())
                                    .setFromOffset(from)
                                    .setVerifyCells(true))
                            .build());
            if (answer == null && hasLost(SegmentId.of(segment.getId()))) {
                return; // its cells are missed where the stripe is not lost
            }
            if (answer == null) {
                throw new Violation(
                        "full redundancy", "a shard cannot be read: " + index + " of " + segment);
            }
            add(segment, index, answer.bulk(), stripes, cells);
            from = answer.response().getHeaders().getNextOffset();
        }
    }

    private boolean hasLost(SegmentId segment) {
        return lost.keySet().stream().anyMatch(key -> key.segment().equals(segment));
    }

    private static void add(
            Segment segment,
            int index,
            MemorySegment headers,
            Map<Long, Stripe> stripes,
            Map<Long, Integer> cells) {
        for (long at = 0; at < headers.byteSize(); ) {
            CellFormat.Cell cell = CellFormat.read(headers.asSlice(at));
            if (cell == null) {
                throw new Violation("INV-2", "a node sent a header that is damaged");
            }
            Stripe stripe = cell.stripe();
            at += stripe.geometry().headerBytes();
            long offset = stripe.identity().offset();
            if (stripe.endOffset() > segment.getSealedBytes()) {
                continue;
            }
            Stripe other = stripes.putIfAbsent(offset, stripe);
            if (other != null && !other.sameAs(stripe)) {
                throw new Violation(
                        "INV-1", "shard " + index + " holds another " + stripe + " than others");
            }
            cells.merge(offset, 1, Integer::sum);
        }
    }

    private void decode(Segment segment, Stripe stripe) {
        Stripe.Geometry geometry = stripe.geometry();
        if (geometry.cellBytes() == 0) {
            return;
        }
        try (Arena arena = Arena.ofConfined()) {
            MemorySegment[] all = new MemorySegment[geometry.participants()];
            for (int i = 0; i < all.length; i++) {
                all[i] = arena.allocate(geometry.cellBytes());
                all[i].copyFrom(read(segment, stripe, i));
            }
            int patterns = 0;
            long every = (1L << all.length) - 1;
            for (long present = 0; present <= every && patterns < MAX_PATTERNS; present++) {
                if (Long.bitCount(present) == geometry.d()) {
                    patterns++;
                    decode(arena, stripe, all, present, every & ~present);
                }
            }
        }
    }

    private MemorySegment read(Segment segment, Stripe stripe, int participant) {
        Placement placement = segment.getPlacements(stripe.shardOfParticipant(participant));
        Checker.Answer answer = checker.node(
                addressOf(placement),
                Request.newBuilder()
                        .setReadCell(ReadCell.newBuilder()
                                .setShard(placement.getShard())
                                .setOffset(stripe.identity().offset())
                                .setPieceCount(stripe.geometry().piecesPerCell()))
                        .build());
        if (answer == null || answer.bulk().byteSize() != stripe.geometry().cellBytes()) {
            throw new Violation(
                    "full redundancy", "cell " + participant + " of " + stripe + " is not there");
        }
        return answer.bulk();
    }

    private static void decode(
            Arena arena, Stripe stripe, MemorySegment[] all, long present, long missing) {
        Stripe.Geometry geometry = stripe.geometry();
        @Nullable MemorySegment[] inputs = new MemorySegment[all.length];
        for (int i = 0; i < all.length; i++) {
            inputs[i] = (present & (1L << i)) != 0 ? all[i] : arena.allocate(geometry.cellBytes());
        }
        ReedSolomon.of(geometry.policy().k(), geometry.policy().m())
                .shortened(geometry.d())
                .reconstruct(inputs, present, missing, 0, geometry.cellBytes());
        for (int i = 0; i < all.length; i++) {
            for (int piece = 0; piece < geometry.piecesPerCell(); piece++) {
                MemorySegment made = inputs[i];
                long at = (long) piece * Stripe.PIECE_BYTES;
                if (made == null
                        || Crc32c.of(made, at, Stripe.PIECE_BYTES) != stripe.pieceCrc(i, piece)) {
                    throw new Violation(
                            "any k cells decode alike",
                            stripe + " decoded from cells " + Long.toBinaryString(present)
                                    + " gives another cell " + i);
                }
            }
        }
    }

    private static Policy policyOf(Segment segment) {
        try {
            return Policy.parse(segment.getPolicy());
        } catch (AshlarException.Invalid e) {
            throw new IllegalStateException("a segment without a valid policy", e);
        }
    }
}
