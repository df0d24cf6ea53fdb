package io.ashlar.node;

import io.ashlar.client.model.DriveId;
import io.ashlar.client.protocol.ShardDamage;
import io.ashlar.client.protocol.ShardRef;

import java.util.ArrayList;
import java.util.HashSet;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;

/**
 * What reads and scrubs found damaged since the coordinator last heard of it. Bounded: what does
 * not fit is found again by the next scrub. Safe for any thread.
 */
final class DamageLog {
    private static final int MAX_FINDINGS = 16 * 1024;
    private static final int MAX_CELLS = 4096;

    private final Map<Place, Finding> findings = new LinkedHashMap<>();

    private record Place(DriveId drive, ShardKey shard, ShardDamage.Kind kind) {}

    private record Finding(Set<Long> offsets, int uncounted, String detail) {}

    /** A cell that is not what it should be; one place is counted once. */
    synchronized void cell(
            DriveId drive, ShardKey shard, ShardDamage.Kind kind, long offset, String detail) {
        Place place = new Place(drive, shard, kind);
        Finding finding = findings.get(place);
        if (finding == null) {
            finding = new Finding(new HashSet<>(), 0, detail);
            put(place, finding);
        }
        if (finding.offsets().size() < MAX_CELLS) {
            finding.offsets().add(offset);
        }
    }

    /** So many cells of a shard, whose places are not known or do not matter. */
    synchronized void cells(
            DriveId drive, ShardKey shard, ShardDamage.Kind kind, int cells, String detail) {
        put(new Place(drive, shard, kind), new Finding(new HashSet<>(), cells, detail));
    }

    private void put(Place place, Finding finding) {
        if (findings.size() < MAX_FINDINGS || findings.containsKey(place)) {
            findings.put(place, finding);
        }
    }

    /** All that was found since this was last asked. */
    synchronized List<ShardDamage> take() {
        List<ShardDamage> taken = new ArrayList<>(findings.size());
        findings.forEach((place, finding) -> taken.add(toProto(place, finding)));
        findings.clear();
        return taken;
    }

    /** Takes back what could not be told, unless there is newer word of it. */
    synchronized void putBack(List<ShardDamage> untold) {
        for (ShardDamage damage : untold) {
            Place place = new Place(
                    DriveId.of(damage.getShard().getDrive()),
                    ShardKey.of(damage.getShard()),
                    damage.getKind());
            if (!findings.containsKey(place)) {
                put(place, new Finding(new HashSet<>(), damage.getCells(), damage.getDetail()));
            }
        }
    }

    private static ShardDamage toProto(Place place, Finding finding) {
        return ShardDamage.newBuilder()
                .setShard(refOf(place.drive(), place.shard()))
                .setKind(place.kind())
                .setCells(Math.max(finding.uncounted(), finding.offsets().size()))
                .setDetail(finding.detail())
                .build();
    }

    static ShardRef refOf(DriveId drive, ShardKey shard) {
        return ShardRef.newBuilder()
                .setSegment(shard.segment().toProto())
                .setIndex(shard.index())
                .setIncarnation(shard.incarnation())
                .setDrive(drive.toProto())
                .build();
    }
}
