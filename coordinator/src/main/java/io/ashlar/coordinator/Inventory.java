package io.ashlar.coordinator;

import io.ashlar.client.model.DriveId;
import io.ashlar.client.model.SegmentId;
import io.ashlar.client.protocol.DriveInfo;
import io.ashlar.client.protocol.Id;
import io.ashlar.client.protocol.Placement;
import io.ashlar.client.protocol.Segment;
import io.ashlar.client.protocol.SegmentState;
import io.ashlar.client.protocol.ShardDamage;
import io.ashlar.client.protocol.ShardRef;
import io.ashlar.client.protocol.ShardState;
import io.ashlar.coordinator.metadata.MetadataReader;
import io.ashlar.coordinator.record.LossRecord;
import io.ashlar.coordinator.record.NodeRecord;
import io.ashlar.coordinator.record.RebuildRecord;

import org.jspecify.annotations.Nullable;

import java.util.ArrayList;
import java.util.HashMap;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;

/**
 * What a node's list of its shards says against the metadata. Shards that nobody knows are kept:
 * only those with a tombstone are ever ordered to be deleted.
 *
 * <p>A list may be older than the metadata it is compared with: a registration is repeated until it
 * is answered. So a shard that it merely does not name may have been created since, and counts as
 * lost only when a list made later does not name it either.
 *
 * @param losses shards that the node knows to be missing, or that have bad cells
 * @param unnamed shards that should be there, are not recorded as missing, and are not in the list
 * @param returned shards recorded as missing that are there
 * @param unsealed shards of sealed segments that the node has not sealed
 * @param unknown shards that are neither placed there, nor doomed, nor being rebuilt, nor kept for
 *     what others lack
 */
record Inventory(
        List<ShardDamage> losses,
        List<ShardRef> unnamed,
        List<ShardRef> returned,
        List<Unsealed> unsealed,
        List<ShardRef> unknown) {

    /** A shard that its node has to seal. */
    record Unsealed(Segment segment, Placement placement) {}

    /** Compares; a drive that failed is not asked, since its shards cannot be had anyway. */
    static Inventory compare(
            MetadataReader metadata,
            NodeRecord node,
            List<DriveInfo> drives,
            List<ShardState> shards) {
        Inventory inventory = new Inventory(
                new ArrayList<>(),
                new ArrayList<>(),
                new ArrayList<>(),
                new ArrayList<>(),
                new ArrayList<>());
        Map<ShardRef, ShardState> held = new HashMap<>();
        shards.forEach(shard -> held.put(shard.getShard(), shard));
        Set<Id> failed = new HashSet<>();
        drives.stream()
                .filter(drive -> !drive.getFailure().isEmpty())
                .forEach(drive -> failed.add(drive.getId()));
        Set<ShardRef> placed = new HashSet<>();
        for (Id drive : node.getDrivesList()) {
            for (ShardRef shard : metadata.shardsOn(DriveId.of(drive))) {
                placed.add(shard);
                if (!failed.contains(drive)) {
                    inventory.check(metadata, shard, held.get(shard));
                }
            }
        }
        for (ShardState state : shards) {
            if (!placed.contains(state.getShard())) {
                inventory.checkUnplaced(metadata, state.getShard());
            }
        }
        return inventory;
    }

    private void check(MetadataReader metadata, ShardRef shard, @Nullable ShardState held) {
        SegmentId id = SegmentId.of(shard.getSegment());
        Segment segment = metadata.segment(id);
        if (segment == null || segment.getState() == SegmentState.CREATING) {
            return;
        }
        LossRecord loss = metadata.loss(id, shard.getIndex());
        boolean knownMissing = loss != null && loss.getKind() == ShardDamage.Kind.MISSING_SHARD;
        if (held == null) {
            if (!knownMissing) {
                unnamed.add(shard);
            }
            return;
        }
        if (held.getMissing()) {
            if (!knownMissing) {
                losses.add(missing(shard));
            }
            return;
        }
        if (knownMissing) {
            returned.add(shard);
        } else if (held.getDamagedCells() > 0 && loss == null) {
            losses.add(damage(
                    shard,
                    ShardDamage.Kind.CORRUPT_CELL,
                    held.getDamagedCells(),
                    "damaged in its node's inventory"));
        }
        if (segment.getState() == SegmentState.SEALED && !held.getSealed()) {
            unsealed.add(new Unsealed(segment, segment.getPlacements(shard.getIndex())));
        }
    }

    private void checkUnplaced(MetadataReader metadata, ShardRef shard) {
        RebuildRecord rebuild =
                metadata.rebuild(SegmentId.of(shard.getSegment()), shard.getIndex());
        boolean beingRebuilt = rebuild != null && rebuild.getTarget().equals(shard);
        if (!beingRebuilt && !metadata.isDoomed(shard) && !metadata.isFormer(shard)) {
            unknown.add(shard);
        }
    }

    /** What is recorded of a shard that is not there. */
    static ShardDamage missing(ShardRef shard) {
        return damage(shard, ShardDamage.Kind.MISSING_SHARD, 0, "not in its node's inventory");
    }

    private static ShardDamage damage(
            ShardRef shard, ShardDamage.Kind kind, int cells, String detail) {
        return ShardDamage.newBuilder()
                .setShard(shard)
                .setKind(kind)
                .setCells(cells)
                .setDetail(detail)
                .build();
    }
}
