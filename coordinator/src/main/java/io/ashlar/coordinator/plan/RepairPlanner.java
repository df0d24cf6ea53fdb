package io.ashlar.coordinator.plan;

import io.ashlar.client.model.DriveId;
import io.ashlar.client.model.SegmentId;
import io.ashlar.client.protocol.Placement;
import io.ashlar.client.protocol.SegmentState;
import io.ashlar.coordinator.plan.DamageSurvey.AffectedSegment;
import io.ashlar.coordinator.plan.DamageSurvey.Remedy;
import io.ashlar.coordinator.plan.DamageSurvey.ShardNeed;

import java.util.ArrayList;
import java.util.Collection;
import java.util.HashMap;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;

/**
 * What is repaired next: what is wrong and what is running in, repairs to begin out.
 *
 * <p>A segment has one repair at a time, so that its version says whether that repair still holds;
 * many segments are repaired at once, bounded in all and per node. What cannot begin now (no drive
 * free, its node busy, tried in vain a moment ago) is passed over and never holds up another.
 */
public final class RepairPlanner {
    private final int maxRunning;
    private final int maxRunningPerNode;
    private final Set<ShardSlot> stuck = new HashSet<>();

    public RepairPlanner(int maxRunning, int maxRunningPerNode) {
        this.maxRunning = maxRunning;
        this.maxRunningPerNode = maxRunningPerNode;
    }

    /**
     * Repairs to begin.
     *
     * @param running node that each segment's running repair works on
     * @param resting shards whose last repair failed a moment ago
     * @param tried drives that failed to rebuild a shard
     */
    public List<Repair> next(
            DamageSurvey survey,
            ClusterView cluster,
            Map<SegmentId, String> running,
            Set<ShardSlot> resting,
            Map<ShardSlot, Set<DriveId>> tried) {
        stuck.clear();
        List<Repair> repairs = new ArrayList<>();
        Map<String, Integer> load = new HashMap<>();
        running.values().forEach(node -> load.merge(node, 1, Integer::sum));
        for (AffectedSegment segment : survey.inOrder()) {
            if (running.size() + repairs.size() >= maxRunning) {
                break;
            }
            if (segment.segment().getState() != SegmentState.SEALED
                    || running.containsKey(segment.id())) {
                continue;
            }
            first(segment, cluster, load, resting, tried).ifPresent(repair -> {
                repairs.add(repair);
                load.merge(repair.drive().node(), 1, Integer::sum);
            });
        }
        return repairs;
    }

    /** Shards of the last plan for which no drive was found in any domain that may take one more. */
    public Set<ShardSlot> stuck() {
        return stuck;
    }

    /**
     * Shards that are wholly gone come first: they cost a loss in every stripe. One whose repair
     * failed rests, and keeps no other of its segment waiting.
     */
    private Optional<Repair> first(
            AffectedSegment segment,
            ClusterView cluster,
            Map<String, Integer> load,
            Set<ShardSlot> resting,
            Map<ShardSlot, Set<DriveId>> triedBy) {
        for (Remedy remedy : List.of(Remedy.ELSEWHERE, Remedy.IN_PLACE)) {
            for (ShardNeed need : segment.needs().values()) {
                ShardSlot slot = ShardSlot.of(need.shard());
                if (need.remedy() == remedy && !resting.contains(slot)) {
                    Set<DriveId> tried = triedBy.getOrDefault(slot, Set.of());
                    boolean there = remedy == Remedy.IN_PLACE
                            && !tried.contains(DriveId.of(need.shard().getDrive()));
                    Optional<Repair> repair = there
                            ? inPlace(segment, need, cluster, load)
                            : elsewhere(segment, need, cluster, load, tried);
                    if (repair.isPresent()) {
                        return repair;
                    }
                }
            }
        }
        ShardNeed spread = segment.spread();
        if (spread == null || resting.contains(ShardSlot.of(spread.shard()))) {
            return Optional.empty();
        }
        Set<DriveId> tried = triedBy.getOrDefault(ShardSlot.of(spread.shard()), Set.of());
        return spread(segment, spread, cluster, load, tried);
    }

    private Optional<Repair> inPlace(
            AffectedSegment segment,
            ShardNeed need,
            ClusterView cluster,
            Map<String, Integer> load) {
        return cluster.drive(DriveId.of(need.shard().getDrive()))
                .filter(drive -> hasTime(drive, load))
                .map(drive -> new Repair(segment, need, drive, true, false));
    }

    private Optional<Repair> elsewhere(
            AffectedSegment segment,
            ShardNeed need,
            ClusterView cluster,
            Map<String, Integer> load,
            Set<DriveId> tried) {
        List<DriveView> others = others(segment, need, cluster);
        Collection<DriveView> candidates = cluster.placeable(segment.segment().getShardBytes());
        List<DriveView> untried =
                candidates.stream().filter(drive -> !tried.contains(drive.id())).toList();
        Optional<DriveView> chosen = PlacementPlanner.replace(
                segment.id(), segment.policy(), others, untried.isEmpty() ? candidates : untried);
        if (chosen.isEmpty()) {
            stuck.add(ShardSlot.of(need.shard()));
        }
        return chosen.filter(drive -> hasTime(drive, load)).map(drive -> {
            List<DriveView> all = new ArrayList<>(others);
            all.add(drive);
            return new Repair(segment, need, drive, false, PlacementPlanner.isWeaker(all));
        });
    }

    /** Only a free domain makes it worth the work. */
    private Optional<Repair> spread(
            AffectedSegment segment,
            ShardNeed need,
            ClusterView cluster,
            Map<String, Integer> load,
            Set<DriveId> tried) {
        Set<String> taken = new HashSet<>();
        others(segment, need, cluster).forEach(drive -> taken.add(drive.domain()));
        boolean free = cluster.placeable(segment.segment().getShardBytes()).stream()
                .anyMatch(drive -> !taken.contains(drive.domain()));
        return free ? elsewhere(segment, need, cluster, load, tried) : Optional.empty();
    }

    private static List<DriveView> others(
            AffectedSegment segment, ShardNeed need, ClusterView cluster) {
        List<DriveView> others = new ArrayList<>();
        for (Placement placement : segment.segment().getPlacementsList()) {
            if (placement.getShard().getIndex() != need.shard().getIndex()) {
                DriveId drive = DriveId.of(placement.getShard().getDrive());
                others.add(cluster.drive(drive)
                        .orElseGet(() -> new DriveView(
                                drive, placement.getNode(), placement.getNode(), 1, 0, false)));
            }
        }
        return others;
    }

    private boolean hasTime(DriveView drive, Map<String, Integer> load) {
        return load.getOrDefault(drive.node(), 0) < maxRunningPerNode;
    }

    /**
     * A repair to begin.
     *
     * @param drive where the shard is made complete
     * @param inPlace whether that is where it is
     * @param weaker whether the segment has two shards in one domain afterwards
     */
    public record Repair(
            AffectedSegment segment,
            ShardNeed need,
            DriveView drive,
            boolean inPlace,
            boolean weaker) {}
}
