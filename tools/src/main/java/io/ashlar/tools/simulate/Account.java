package io.ashlar.tools.simulate;

import io.ashlar.client.AshlarException;
import io.ashlar.client.model.DriveId;
import io.ashlar.client.model.Policy;
import io.ashlar.client.model.SegmentId;
import io.ashlar.client.model.Stripe;
import io.ashlar.client.protocol.Placement;
import io.ashlar.client.protocol.Segment;
import io.ashlar.client.protocol.SegmentState;
import io.ashlar.client.protocol.ShardRef;
import io.ashlar.coordinator.record.LossRecord;
import io.ashlar.node.CatalogueCopy;

import org.jspecify.annotations.Nullable;

import java.util.ArrayList;
import java.util.HashSet;
import java.util.List;
import java.util.Set;

/**
 * Keeps what is destroyed within what the design says can be survived: of no stripe are more than m
 * cells unreachable, rotted, lost or stale together at the moment one more is destroyed.
 *
 * <p>What merely cannot be reached comes back, and only makes others wait; it is counted when
 * something is destroyed, as a takeover may just then go on without it. So is whoever was in trouble
 * a moment ago. After an unclean stop of a node, damage behind the last stamp of an open shard looks
 * like a write that was cut short, and the design accepts that ({@code INV-6}): so a node is not
 * restarted while a shard of an open segment on it is damaged in silence, and none is damaged there
 * whose node was.
 */
final class Account {
    private final World world;
    private final List<Damage> ledger = new ArrayList<>();
    private final Set<CatalogueCopy.Shard> lost = new HashSet<>();
    private final StrayBytes strays;

    Account(World world) {
        this.world = world;
        this.strays = new StrayBytes(world);
    }

    /** A record that was damaged in silence. */
    private record Damage(SimulatedDrive drive, FoundRecord record, long incarnation) {}

    /** Whether all that is on a drive may be lost. */
    boolean mayLose(SimulatedDrive drive) {
        DriveId id = drive.id();
        if (id == null) {
            return false;
        }
        settle();
        for (Segment segment : world.segments()) {
            int there = 0;
            int others = 0;
            for (Placement placement : segment.getPlacementsList()) {
                if (isNeededOn(id, placement.getShard())) {
                    there++;
                } else if (isImpaired(segment, placement)) {
                    others++;
                }
            }
            if (there > 0 && there + others > policyOf(segment).m()) {
                return false;
            }
        }
        return true;
    }

    /**
     * The same where its node goes on with what is gone: until that is noticed new segments are placed
     * on it too, so there is one such drive at a time.
     */
    boolean mayLoseInSilence(SimulatedDrive drive) {
        boolean another = world.nodes().stream()
                .flatMap(node -> node.drives().stream())
                .anyMatch(other -> other.arena() == null);
        return !another && mayLose(drive);
    }

    /** Whether a shard is placed there, or was, and what took its place still lacks some of it. */
    private boolean isNeededOn(DriveId drive, ShardRef shard) {
        LossRecord loss = world.metadata().loss(SegmentId.of(shard.getSegment()), shard.getIndex());
        return DriveId.of(shard.getDrive()).equals(drive)
                || (loss != null
                        && loss.getFormerList().stream()
                                .anyMatch(
                                        former -> DriveId.of(former.getDrive()).equals(drive)));
    }

    /** Whether a shard may be lost that a node holds; false also where nobody needs it. */
    boolean mayLose(SimulatedNode node, CatalogueCopy.Shard shard) {
        Segment segment = world.metadata().segment(shard.segment());
        if (segment == null || segment.getState() == SegmentState.CREATING) {
            return false;
        }
        Placement placement = segment.getPlacements(shard.index());
        boolean placed = placement.getShard().getIncarnation() == shard.incarnation()
                && placement.getNode().equals(node.name());
        settle();
        return placed && othersImpaired(segment, placement) < policyOf(segment).m();
    }

    /** Whether a record may be damaged; false also where nobody needs it. */
    boolean mayDamage(SimulatedDrive drive, FoundRecord record) {
        Placement placement = placementOf(drive, record);
        Segment segment = world.metadata().segment(record.segment());
        if (placement == null
                || segment == null
                || !record.isSynced()
                || !record.isWhole()
                || !isKnown(drive, record, segment, placement)) {
            return false;
        }
        settle();
        return othersImpaired(segment, placement) < policyOf(segment).m();
    }

    /**
     * Whether a record belongs to the shard that is placed, not to one that is being rebuilt; and
     * whether its damage cannot be taken for a write that was cut short, where more may be written.
     */
    private boolean isKnown(
            SimulatedDrive drive, FoundRecord record, Segment segment, Placement placement) {
        CatalogueCopy.Shard place =
                FoundCatalogue.of(world, record.arena()).placeOf(placement.getShard());
        if (place == null || !record.isIn(place)) {
            return false;
        }
        boolean dying = world.nodeWith(drive).drives().stream().anyMatch(SimulatedDrive::kills);
        return segment.getState() == SegmentState.SEALED || (!dying && !place.uncleanStop());
    }

    /** Whether something may be written where nothing is in a shard; false also where nobody needs it. */
    boolean mayStray(SimulatedDrive drive, CatalogueCopy.Shard shard) {
        Segment segment = world.metadata().segment(shard.segment());
        if (segment == null) {
            return false;
        }
        Placement placement = segment.getPlacements(shard.index());
        boolean placed = placement.getShard().getIncarnation() == shard.incarnation()
                && DriveId.of(placement.getShard().getDrive()).equals(drive.id());
        settle();
        return placed
                && (segment.getState() == SegmentState.SEALED
                        || othersImpaired(segment, placement)
                                < policyOf(segment).m());
    }

    private long othersImpaired(Segment segment, Placement placement) {
        return segment.getPlacementsList().stream()
                .filter(other -> !other.equals(placement) && isImpaired(segment, other))
                .count();
    }

    /** Writes where nothing is. */
    void stray(SimulatedDrive drive, EmptyPlace place, byte[][] bytes) {
        strays.put(drive, place, bytes);
    }

    /** Enters a damage that was done. */
    void damaged(SimulatedDrive drive, FoundRecord record) {
        Placement placement = placementOf(drive, record);
        if (placement != null) {
            ledger.add(new Damage(drive, record, placement.getShard().getIncarnation()));
        }
    }

    /** Enters a shard that its drive's catalogue has lost. */
    void lost(CatalogueCopy.@Nullable Shard shard) {
        if (shard != null) {
            lost.add(shard);
        }
    }

    /** Whether a drive's catalogue has lost a shard. */
    boolean isLost(ShardRef shard) {
        return lost.stream()
                .anyMatch(one -> one.segment().equals(SegmentId.of(shard.getSegment()))
                        && one.index() == shard.getIndex()
                        && one.incarnation() == shard.getIncarnation());
    }

    /** Whether a node may be restarted, as far as its own drives know no better. */
    boolean mayKill(SimulatedNode node) {
        settle();
        return !isLossUnnoticedBy(node)
                && ledger.stream()
                        .noneMatch(damage ->
                                node.drives().contains(damage.drive()) && !isSealed(damage));
    }

    /**
     * Whether a node still answers from an arena that is lost. A takeover counts on what it says, so
     * that others which cannot be reached meanwhile are one too many.
     */
    boolean isLossUnnoticed() {
        return isLossUnnoticedBy(null);
    }

    private boolean isLossUnnoticedBy(@Nullable SimulatedNode except) {
        return world.nodes().stream()
                .filter(node -> node != except && node.isUp())
                .flatMap(node -> node.drives().stream())
                .anyMatch(
                        drive -> !drive.isAbsent() && !drive.hasFailed() && drive.arena() == null);
    }

    /** Whether of any of these segments so much cannot be had that a takeover has to wait. */
    boolean mayBlock(List<Segment> open) {
        settle();
        return open.stream()
                .anyMatch(segment -> segment.getPlacementsList().stream()
                                .filter(placement -> isImpaired(segment, placement))
                                .count()
                        > policyOf(segment).m());
    }

    private boolean isSealed(Damage damage) {
        Segment segment = world.metadata().segment(damage.record().segment());
        return segment == null || segment.getState() == SegmentState.SEALED;
    }

    /** Where a record's shard is placed, if that is on this drive. */
    private @Nullable Placement placementOf(SimulatedDrive drive, FoundRecord record) {
        Segment segment = world.metadata().segment(record.segment());
        DriveId id = drive.id();
        if (segment == null || id == null) {
            return null;
        }
        Placement placement = segment.getPlacements(record.shardIndex());
        return DriveId.of(placement.getShard().getDrive()).equals(id) ? placement : null;
    }

    /** Takes out what was repaired, or is not needed any more. */
    private void settle() {
        strays.settle();
        ledger.replaceAll(this::whereItIs);
        ledger.removeIf(damage -> {
            FoundRecord record = damage.record();
            Segment segment = world.metadata().segment(record.segment());
            if (segment == null) {
                return true;
            }
            Placement placement = segment.getPlacements(record.shardIndex());
            if (placement.getShard().getIncarnation() != damage.incarnation()) {
                return true;
            }
            FoundRecord now = FoundRecord.at(record.arena(), record.page());
            return damage.drive().arena() == record.arena()
                    && now != null
                    && now.stripe().sameAs(record.stripe())
                    && now.isWhole();
        });
    }

    /**
     * A repair that cannot ask the others copies what the shard's former place holds, whatever that
     * is: the damage is where the shard is placed then.
     */
    private Damage whereItIs(Damage damage) {
        FoundRecord record = damage.record();
        Segment segment = world.metadata().segment(record.segment());
        if (segment == null) {
            return damage;
        }
        ShardRef placed = segment.getPlacements(record.shardIndex()).getShard();
        FoundRecord there = placed.getIncarnation() == damage.incarnation()
                ? null
                : recordOf(placed, record.stripe());
        SimulatedDrive drive = there == null ? null : world.drive(DriveId.of(placed.getDrive()));
        return there == null || drive == null || there.stripe().sameAs(record.stripe())
                ? damage
                : new Damage(
                        drive,
                        new FoundRecord(there.arena(), there.page(), record.cell()),
                        placed.getIncarnation());
    }

    /** What a shard holds in the place of a stripe's cell. */
    private @Nullable FoundRecord recordOf(ShardRef shard, Stripe stripe) {
        SimulatedDrive drive = world.drive(DriveId.of(shard.getDrive()));
        SimulatedFile arena = drive == null ? null : drive.arena();
        CatalogueCopy.Shard place =
                arena == null ? null : FoundCatalogue.of(world, arena).placeOf(shard);
        return arena == null || place == null
                ? null
                : FoundRecord.at(
                        arena,
                        (place.firstByte() + stripe.identity().offset())
                                / SimulatedFile.PAGE_BYTES);
    }

    private boolean isImpaired(Segment segment, Placement placement) {
        SegmentId id = SegmentId.of(segment.getId());
        int index = placement.getShard().getIndex();
        boolean incomplete = segment.getState() == SegmentState.SEALED && !placement.getComplete();
        return incomplete
                || world.metadata().loss(id, index) != null
                || isDamaged(id, index)
                || strays.isIn(id, index)
                || isInTrouble(DriveId.of(placement.getShard().getDrive()));
    }

    /** Whether any of this segment was damaged in silence, and is not known to be mended. */
    boolean isDamaged(SegmentId segment) {
        return ledger.stream().anyMatch(damage -> damage.record().segment().equals(segment));
    }

    /** Whether a record of this shard was damaged in silence, and is not known to be mended. */
    boolean isDamaged(SegmentId segment, int index) {
        return ledger.stream()
                .anyMatch(damage -> damage.record().segment().equals(segment)
                        && damage.record().shardIndex() == index);
    }

    /** Whether another record lies where one was that was damaged. */
    boolean isOutOfPlace(FoundRecord found) {
        return ledger.stream()
                .map(Damage::record)
                .anyMatch(record -> record.arena() == found.arena()
                        && record.page() == found.page()
                        && record.segment().equals(found.segment())
                        && !record.stripe().sameAs(found.stripe()));
    }

    private boolean isInTrouble(DriveId id) {
        SimulatedDrive drive = world.drive(id);
        return drive == null
                || drive.isFailing()
                || drive.isFull()
                || drive.isSlow()
                || isInTrouble(world.nodeWith(drive));
    }

    /** Whether others may think that a node cannot be reached. */
    private boolean isInTrouble(SimulatedNode node) {
        long quietNanos = world.schedule().nowNanos() - node.lastTroubleNanos();
        return !node.isUp()
                || node.isPaused()
                || world.network().isCutOff(node.name())
                || world.network().slownessOf(node.name()) > 1
                || node.drives().stream().anyMatch(drive -> drive.kills() || !drive.isServed())
                || quietNanos < WorldSettings.TROUBLE_LASTS_NANOS;
    }

    private static Policy policyOf(Segment segment) {
        try {
            return Policy.parse(segment.getPolicy());
        } catch (AshlarException.Invalid e) {
            throw new IllegalStateException("a segment without a valid policy", e);
        }
    }
}
