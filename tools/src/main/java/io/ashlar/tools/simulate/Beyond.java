package io.ashlar.tools.simulate;

import io.ashlar.client.log.Undecided;
import io.ashlar.client.model.SegmentId;
import io.ashlar.client.model.Stripe;
import io.ashlar.client.protocol.Health;
import io.ashlar.client.protocol.UnmadeStripes;
import io.ashlar.coordinator.record.LossRecord;

import org.jspecify.annotations.Nullable;

import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import java.util.TreeSet;
import java.util.random.RandomGenerator;

/**
 * What must hold when more is destroyed than can be survived, on a cluster that was whole: every
 * block that can still be read is read, every other one fails, none shows anything else; the status
 * says data loss, the coordinators name exactly the stripes that are lost; and all the others become
 * fully redundant again. What is lost is known from the bytes on the drives alone.
 */
final class Beyond {
    private static final long TOLD_WITHIN_NANOS = 900 * WorldSettings.SECOND;

    /** What the last opening gave back is deleted by then. */
    private static final long FREED_WITHIN_NANOS = 30 * WorldSettings.SECOND;

    private final World world;
    private final Workload workload;
    private final RandomGenerator random;
    private final Convergence convergence;
    private final Map<StripeCensus.Key, Stripe> lost = new TreeMap<>();
    private final StripeCensus before;
    private long unreadable;

    Beyond(World world, Workload workload, RandomGenerator random, Convergence convergence) {
        this.world = world;
        this.workload = workload;
        this.random = random;
        this.convergence = convergence;
        this.before = StripeCensus.take(world);
    }

    long lostStripes() {
        return lost.size();
    }

    /** Blocks, of all volumes. */
    long unreadableBlocks() {
        return unreadable;
    }

    void demand() {
        List<BlockPlaces> places = new ArrayList<>();
        for (VolumeUse volume : workload.volumes()) {
            places.add(BlockPlaces.of(before, volume.id(), volume.contents()));
        }
        new Destruction(world, random).destroy(before);
        StripeCensus after = StripeCensus.take(world);
        for (StripeCensus.Entry entry : after.lostSince(before)) {
            lost.put(entry.key(), entry.stripe());
        }
        world.note("BEYOND lost are " + lost.values());
        readAll(places, after);
        convergence.scrub();
        convergence.await("the loss to be told", TOLD_WITHIN_NANOS, this::untold);
        readAll(places, after);
        world.schedule().runFor(FREED_WITHIN_NANOS);
        convergence.auditStripes(lost);
        convergence.demandUndamaged(lostCells(), lostSegments());
    }

    private long lostCells() {
        return lost.values().stream()
                .mapToLong(stripe -> stripe.geometry().participants())
                .sum();
    }

    private long lostSegments() {
        return lost.keySet().stream().map(StripeCensus.Key::segment).distinct().count();
    }

    private void readAll(List<BlockPlaces> places, StripeCensus after) {
        unreadable = 0;
        for (VolumeUse volume : workload.volumes()) {
            boolean mapHit = lost.values().stream()
                    .filter(stripe -> stripe.identity().volume().equals(volume.id()))
                    .anyMatch(stripe -> stripe.type() != Stripe.Type.DATA);
            LossyRead read = new LossyRead(world, volume, Undecided.BLOCK, mapHit);
            BlockPlaces where = places.get(volume.number());
            long[] expected = volume.contents();
            if (read.open()) {
                for (int block = 0; block < volume.blockCount(); block++) {
                    LossyRead.Fate fate = fateOf(where.of(block), after);
                    unreadable += read.demand(block, expected[block], fate) ? 0 : 1;
                }
                read.close();
            } else {
                unreadable += volume.blockCount();
            }
        }
        world.note("BEYOND " + unreadable + " blocks cannot be read");
    }

    /** Where only the header is gone, the piece may be found all the same. */
    private LossyRead.Fate fateOf(BlockPlaces.@Nullable Place place, StripeCensus after) {
        if (place == null) {
            return LossyRead.Fate.THERE;
        }
        StripeCensus.Entry now = after.entry(place.stripe());
        if (now != null && now.canRead(place.participant(), place.piece())) {
            return LossyRead.Fate.THERE;
        }
        StripeCensus.Entry was = before.entry(place.stripe());
        return was != null && was.isLeft(place.participant(), place.piece())
                ? LossyRead.Fate.UNSURE
                : LossyRead.Fate.LOST;
    }

    /** What is not fully redundant again although it is not lost; empty: nothing. */
    private String lackingBesides() {
        StripeCensus now = StripeCensus.take(world);
        for (StripeCensus.Entry entry : before.entries()) {
            StripeCensus.Key key = entry.key();
            if (!lost.containsKey(key) && world.metadata().segment(key.segment()) != null) {
                StripeCensus.Entry found = now.entry(key);
                int cells = found == null ? 0 : found.wholeCells();
                if (cells != entry.stripe().geometry().participants()) {
                    return entry.stripe() + " has " + cells + " whole cells of "
                            + entry.stripe().geometry().participants();
                }
            }
        }
        return "";
    }

    /** What the coordinators say too much or too little; empty: nothing. */
    private String untold() {
        Map<SegmentId, TreeSet<Long>> expected = new TreeMap<>();
        for (StripeCensus.Key key : lost.keySet()) {
            if (world.metadata().segment(key.segment()) != null) {
                expected.computeIfAbsent(key.segment(), ignored -> new TreeSet<>())
                        .add(key.number());
            }
        }
        Map<SegmentId, TreeSet<Long>> told = new TreeMap<>();
        for (LossRecord loss : world.metadata().losses()) {
            SegmentId segment = SegmentId.of(loss.getShard().getSegment());
            if (loss.getUnmadeCount() == 0) {
                return "shard " + loss.getShard().getIndex() + " of " + segment
                        + " is not repaired: " + loss.getDetail();
            }
            for (UnmadeStripes unmade : loss.getUnmadeList()) {
                if (!unmade.getAnswered()) {
                    return "not all have answered: " + unmade;
                }
                for (long i = 0; i < unmade.getCount(); i++) {
                    told.computeIfAbsent(segment, ignored -> new TreeSet<>())
                            .add(unmade.getFirst() + i);
                }
            }
        }
        if (!told.equals(expected)) {
            return "told are " + told + ", lost are " + expected;
        }
        String lacking = lackingBesides();
        if (!lacking.isEmpty()) {
            return lacking;
        }
        Health health = convergence.health();
        boolean loss = !expected.isEmpty()
                || workload.volumes().stream().anyMatch(convergence::tellsLostBlocks);
        return (health == Health.DATA_LOSS) == loss ? "" : "health is " + health;
    }
}
