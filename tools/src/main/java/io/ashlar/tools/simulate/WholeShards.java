package io.ashlar.tools.simulate;

import io.ashlar.client.model.DriveId;
import io.ashlar.client.model.SegmentId;
import io.ashlar.client.model.VolumeId;
import io.ashlar.client.protocol.Placement;
import io.ashlar.client.protocol.Segment;
import io.ashlar.client.protocol.SegmentSeal;
import io.ashlar.client.protocol.SegmentState;
import io.ashlar.client.protocol.ShardRef;
import io.ashlar.coordinator.record.Command;

import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.TreeMap;
import java.util.TreeSet;

/**
 * What is recorded as complete is complete: of every sealed segment, a shard of which no loss is
 * recorded is there, and has all its cells, whole and durable, but for those that were damaged in
 * silence. Known from the bytes on the drives alone, so that nothing that finds and mends it later
 * hides it: until then others may be destroyed, as it counts as redundancy. Where an operator gave up
 * what no node could tell of, nobody knows how many stripes that were.
 */
final class WholeShards {
    private final World world;
    private final Account account;
    private final Set<VolumeId> givenUp = new TreeSet<>();

    WholeShards(World world, Account account) {
        this.world = world;
        this.account = account;
    }

    /** Looks at all that is sealed. */
    void demand() {
        demand(world.segments());
    }

    /**
     * Looks at what a recoverer has just sealed, and at shards that have returned, before anything else
     * writes or syncs. A seal of the segment's own writer is one of many, which the other looks are
     * enough for.
     */
    void applied(Command command) {
        if (command.getVolumeOpen().getGiveUp()) {
            givenUp.add(VolumeId.of(command.getVolumeOpen().getVolume()));
        }
        Map<SegmentId, Segment> changed = new TreeMap<>();
        for (SegmentSeal seal : command.getSegmentsSeal().getSealsList()) {
            Segment segment = world.metadata().segment(SegmentId.of(seal.getSegment()));
            if (segment != null
                    && segment.getEpoch() < command.getSegmentsSeal().getEpoch()) {
                changed.put(SegmentId.of(segment.getId()), segment);
            }
        }
        for (ShardRef shard : command.getShardsReturned().getShardsList()) {
            Segment segment = world.metadata().segment(SegmentId.of(shard.getSegment()));
            if (segment != null) {
                changed.put(SegmentId.of(segment.getId()), segment);
            }
        }
        if (!changed.isEmpty()) {
            demand(List.copyOf(changed.values()));
        }
    }

    private void demand(List<Segment> segments) {
        StripeCensus census = StripeCensus.take(world, segments);
        Map<SegmentId, int[]> cells = new TreeMap<>();
        for (StripeCensus.Entry entry : census.entries()) {
            demandCounted(entry);
            int[] counts = cells.computeIfAbsent(
                    entry.key().segment(),
                    ignored -> new int[entry.segment().getPlacementsCount()]);
            entry.cells().forEach((participant, held) -> {
                if (held.record().isWhole() && held.record().isSynced()) {
                    counts[entry.stripe().shardOfParticipant(participant)]++;
                }
            });
        }
        for (Segment segment : segments) {
            if (segment.getState() == SegmentState.SEALED) {
                SegmentId id = SegmentId.of(segment.getId());
                int[] counts = cells.getOrDefault(id, new int[segment.getPlacementsCount()]);
                for (int index = 0; index < counts.length; index++) {
                    demand(census, segment, index, counts[index]);
                }
            }
        }
    }

    /** What is not counted would not be noticed by a scrub where it is gone. */
    private void demandCounted(StripeCensus.Entry entry) {
        boolean counted = entry.key().number() < entry.segment().getStripeCount();
        if (!counted && !isUncounted(entry.segment())) {
            throw new Violation(
                    "INV-4",
                    entry.stripe() + " lies below the sealed length of its segment, "
                            + entry.segment().getSealedBytes() + ", whose seal counts "
                            + entry.segment().getStripeCount() + " stripes");
        }
    }

    private boolean isUncounted(Segment segment) {
        return givenUp.contains(VolumeId.of(segment.getVolume()))
                && segment.getPlacementsList().stream()
                        .allMatch(placement -> placement.getCells() == 0);
    }

    private void demand(StripeCensus census, Segment segment, int index, int cells) {
        SegmentId id = SegmentId.of(segment.getId());
        Placement placement = segment.getPlacements(index);
        boolean counts = placement.getComplete() && world.metadata().loss(id, index) == null;
        boolean found = census.hasFound(placement.getShard());
        if (counts && !found && mustBeThere(placement.getShard())) {
            throw new Violation(
                    "INV-4",
                    "shard " + index + " of segment " + id + " is not on " + placement.getNode()
                            + ", where it is recorded as complete");
        }
        boolean mustBeWhole = counts && found && !account.isDamaged(id, index);
        if (mustBeWhole && cells < placement.getCells()) {
            throw new Violation(
                    "INV-4",
                    "shard " + index + " of segment " + id + " on " + placement.getNode()
                            + " is recorded as complete and has " + cells + " of "
                            + placement.getCells() + " cells");
        }
    }

    private boolean mustBeThere(ShardRef shard) {
        SimulatedDrive drive = world.drive(DriveId.of(shard.getDrive()));
        return drive != null && drive.arena() != null && !account.isLost(shard);
    }
}
