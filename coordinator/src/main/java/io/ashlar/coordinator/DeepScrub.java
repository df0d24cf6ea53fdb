package io.ashlar.coordinator;

import io.ashlar.client.model.DriveId;
import io.ashlar.client.model.SegmentId;
import io.ashlar.client.protocol.CompareShards;
import io.ashlar.client.protocol.Placement;
import io.ashlar.client.protocol.Segment;
import io.ashlar.client.protocol.SegmentState;

import org.jspecify.annotations.Nullable;

import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Collection;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Queue;

/**
 * The comparisons of a deep scrub: each sealed segment goes to one node that holds a shard of it, a
 * few to a node at a time, and to another node where that one goes down, fails, or does not reach
 * all others.
 */
final class DeepScrub {
    private static final int MAX_PER_NODE = 4;
    private static final int MAX_ATTEMPTS = 3;

    /** Segments that are looked at in a row: each ended comparison has the next ones looked at. */
    private static final int MAX_LOOKED_AT = 64;

    private final LeaderContext leader;
    private final LiveNodes nodes;
    private final Queue<SegmentId> waiting = new ArrayDeque<>();
    private final Map<SegmentId, String> given = new LinkedHashMap<>();
    private final Map<SegmentId, Integer> attempts = new HashMap<>();
    private long uncompared;

    DeepScrub(LeaderContext leader, LiveNodes nodes, Collection<SegmentId> segments) {
        this.leader = leader;
        this.nodes = nodes;
        waiting.addAll(segments);
    }

    boolean isDone() {
        return waiting.isEmpty() && given.isEmpty();
    }

    /** Segments that no node could compare since this was last asked. */
    long takeUncompared() {
        long count = uncompared;
        uncompared = 0;
        return count;
    }

    /** Gives out what can be, and takes back what was given to a node that is down. */
    void tick() {
        for (Map.Entry<SegmentId, String> entry : List.copyOf(given.entrySet())) {
            LiveNode node = nodes.get(entry.getValue());
            if (sealed(entry.getKey()) == null) {
                given.remove(entry.getKey());
            } else if (node == null || node.health().isDown()) {
                failed(entry.getKey());
            }
        }
        Map<String, Integer> load = new HashMap<>();
        given.values().forEach(node -> load.merge(node, 1, Integer::sum));
        int looks = Math.min(waiting.size(), MAX_LOOKED_AT);
        for (int i = 0; i < looks && anyoneIsFree(load); i++) {
            give(waiting.remove(), load);
        }
    }

    private boolean anyoneIsFree(Map<String, Integer> load) {
        long busy =
                load.values().stream().filter(count -> count >= MAX_PER_NODE).count();
        return busy < nodes.all().size();
    }

    private void give(SegmentId id, Map<String, Integer> load) {
        Segment segment = sealed(id);
        if (segment == null) {
            return;
        }
        List<String> holders = new ArrayList<>();
        for (Placement placement : segment.getPlacementsList()) {
            DriveId drive = DriveId.of(placement.getShard().getDrive());
            String node = leader.metadata().nodeOf(drive);
            if (node != null && nodes.isUp(drive)) {
                holders.add(node);
            }
        }
        if (holders.isEmpty()) {
            uncompared++;
            return;
        }
        int first = attempts.getOrDefault(id, 0) + Math.floorMod(id.low(), holders.size());
        String chosen = holders.get(first % holders.size());
        for (String node : holders) {
            boolean idler = load.getOrDefault(node, 0) < load.getOrDefault(chosen, 0);
            chosen = idler ? node : chosen;
        }
        if (load.getOrDefault(chosen, 0) >= MAX_PER_NODE) {
            waiting.add(id);
            return;
        }
        given.put(id, chosen);
        load.merge(chosen, 1, Integer::sum);
    }

    private @Nullable Segment sealed(SegmentId id) {
        Segment segment = leader.metadata().segment(id);
        return segment != null && segment.getState() == SegmentState.SEALED ? segment : null;
    }

    /** What a node is to compare, as placed now. */
    List<CompareShards> ordersFor(String node, long scrub) {
        List<CompareShards> orders = new ArrayList<>();
        given.forEach((id, holder) -> {
            Segment segment = sealed(id);
            if (holder.equals(node) && segment != null) {
                orders.add(CompareShards.newBuilder()
                        .setScrub(scrub)
                        .setSegment(nodes.present(segment))
                        .build());
            }
        });
        return orders;
    }

    /** Whether this node was to do it, and has. */
    boolean ended(SegmentId segment, String node) {
        return given.remove(segment, node);
    }

    /** It could not be compared by a node. */
    void failed(SegmentId segment) {
        if (!triesElsewhere(segment)) {
            uncompared++;
        }
    }

    /** Another node is to do it, which a few are. */
    boolean triesElsewhere(SegmentId segment) {
        given.remove(segment);
        boolean again = attempts.merge(segment, 1, Integer::sum) < MAX_ATTEMPTS;
        if (again) {
            waiting.add(segment);
        }
        return again;
    }
}
