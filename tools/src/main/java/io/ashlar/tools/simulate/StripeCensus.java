package io.ashlar.tools.simulate;

import io.ashlar.client.model.DriveId;
import io.ashlar.client.model.SegmentId;
import io.ashlar.client.model.Stripe;
import io.ashlar.client.protocol.Placement;
import io.ashlar.client.protocol.Segment;
import io.ashlar.client.protocol.SegmentState;
import io.ashlar.client.protocol.ShardRef;
import io.ashlar.node.CatalogueCopy;

import org.jspecify.annotations.Nullable;

import java.util.Comparator;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.TreeMap;

/**
 * What the drives hold of the stripes of sealed segments, in the shards that are placed: found by the
 * bytes alone, without asking a node.
 */
final class StripeCensus {
    private final Map<Key, Entry> entries = new TreeMap<>();
    private final Map<String, FoundCatalogue> catalogues = new TreeMap<>();
    private final Set<ShardRef> found = new HashSet<>();

    private StripeCensus() {}

    /** A stripe. */
    record Key(SegmentId segment, long number) implements Comparable<Key> {
        private static final Comparator<Key> ORDER =
                Comparator.comparing(Key::segment).thenComparingLong(Key::number);

        @Override
        public int compareTo(Key other) {
            return ORDER.compare(this, other);
        }
    }

    /**
     * What there is of a stripe.
     *
     * @param segment as it is recorded
     * @param cells whose header is whole, by participant
     */
    record Entry(Segment segment, Stripe stripe, Map<Integer, Held> cells) {

        Key key() {
            return new Key(stripe.identity().segment(), stripe.identity().number());
        }

        int d() {
            return stripe.geometry().d();
        }

        /** Cells that hold every piece. */
        int wholeCells() {
            return (int) cells.values().stream()
                    .filter(held -> held.record.isWhole())
                    .count();
        }

        /** Whether a piece of a cell lies where it lay when it was found. */
        boolean isLeft(int participant, int piece) {
            Held itself = cells.get(participant);
            return itself != null && itself.isLeft(piece);
        }

        /** Whether a piece of a cell is there, or can be decoded from the same piece of others. */
        boolean canRead(int participant, int piece) {
            Held itself = cells.get(participant);
            if (itself != null && itself.record.holds(piece)) {
                return true;
            }
            return cells.values().stream()
                            .filter(held -> held.record.holds(piece))
                            .count()
                    >= d();
        }
    }

    /** A cell on its drive. */
    record Held(SimulatedDrive drive, FoundRecord record) {
        /** Whether a piece lies where it lay when it was found, whatever became of the header. */
        boolean isLeft(int piece) {
            return drive.arena() == record.arena() && record.holds(piece);
        }
    }

    static StripeCensus take(World world) {
        return take(world, world.segments());
    }

    /** Of these segments only. */
    static StripeCensus take(World world, List<Segment> segments) {
        StripeCensus census = new StripeCensus();
        for (Segment segment : segments) {
            if (segment.getState() == SegmentState.SEALED) {
                for (Placement placement : segment.getPlacementsList()) {
                    census.add(world, segment, placement.getShard());
                }
            }
        }
        return census;
    }

    private void add(World world, Segment segment, ShardRef shard) {
        SimulatedDrive drive = world.drive(DriveId.of(shard.getDrive()));
        SimulatedFile arena = drive == null ? null : drive.arena();
        if (drive == null || arena == null) {
            return;
        }
        CatalogueCopy.Shard place = catalogues
                .computeIfAbsent(drive.name(), ignored -> FoundCatalogue.of(world, arena))
                .placeOf(shard);
        if (place == null) {
            return;
        }
        found.add(shard);
        long first = place.firstByte() / SimulatedFile.PAGE_BYTES;
        long end = first + place.lengthBytes() / SimulatedFile.PAGE_BYTES;
        for (long page : List.copyOf(arena.pages().subMap(first, end).keySet())) {
            FoundRecord record = FoundRecord.at(arena, page);
            if (record != null
                    && record.isIn(place)
                    && counts(segment, record)
                    && !world.account().isOutOfPlace(record)) {
                add(segment, new Held(drive, record));
            }
        }
    }

    private static boolean counts(Segment segment, FoundRecord record) {
        Stripe.Identity identity = record.stripe().identity();
        return identity.epoch() == segment.getEpoch()
                && record.stripe().endOffset() <= segment.getSealedBytes()
                && record.isHeaderReadable();
    }

    private void add(Segment segment, Held held) {
        Stripe stripe = held.record.stripe();
        Key key = new Key(stripe.identity().segment(), stripe.identity().number());
        Entry entry = entries.computeIfAbsent(
                key, ignored -> new Entry(segment, stripe, new TreeMap<>()));
        if (entry.stripe.sameAs(stripe)) {
            entry.cells.put(stripe.geometry().participantIn(held.record.cell().role()), held);
        }
    }

    /** By segment and number. */
    List<Entry> entries() {
        return List.copyOf(entries.values());
    }

    /** Whether the drive of this placed shard is there and knows of it. */
    boolean hasFound(ShardRef shard) {
        return found.contains(shard);
    }

    @Nullable
    Entry entry(Key key) {
        return entries.get(key);
    }

    /** The stripes of an earlier census of which too few whole cells are left to decode them. */
    List<Entry> lostSince(StripeCensus before) {
        return before.entries.values().stream()
                .filter(entry -> {
                    Entry now = entries.get(entry.key());
                    return now == null || now.wholeCells() < entry.d();
                })
                .toList();
    }
}
