package io.ashlar.tools.simulate;

import io.ashlar.client.protocol.ListShards;
import io.ashlar.client.protocol.Placement;
import io.ashlar.client.protocol.Request;
import io.ashlar.client.protocol.Segment;
import io.ashlar.client.protocol.SegmentState;
import io.ashlar.client.protocol.ShardRef;
import io.ashlar.client.protocol.ShardState;

import java.util.Map;
import java.util.TreeMap;

/** Whether the nodes hold exactly the shards that the coordinators have recorded, all sealed. */
final class ShardAudit {
    private final World world;
    private final Checker checker;

    ShardAudit(World world, Checker checker) {
        this.world = world;
        this.checker = checker;
    }

    /** What is too much or too little somewhere; empty: nothing. */
    String difference() {
        Map<String, String> recorded = new TreeMap<>();
        for (Segment segment : world.segments()) {
            if (segment.getState() != SegmentState.SEALED) {
                return "segment " + name(segment.getPlacements(0).getShard()) + " is not sealed";
            }
            for (Placement placement : segment.getPlacementsList()) {
                recorded.put(name(placement.getShard()), "recorded and nowhere");
            }
        }
        for (SimulatedNode node : world.nodes()) {
            Checker.Answer answer = checker.node(
                    node.address(),
                    Request.newBuilder()
                            .setListShards(ListShards.getDefaultInstance())
                            .build());
            if (answer == null) {
                return node.name() + " does not tell its shards";
            }
            for (ShardState shard : answer.response().getShardList().getShardsList()) {
                String name = name(shard.getShard());
                if (recorded.remove(name) == null) {
                    recorded.put(name, "left over on " + node.name());
                } else if (!shard.getSealed()) {
                    recorded.put(name, "not sealed on " + node.name());
                }
            }
        }
        return recorded.isEmpty()
                ? ""
                : recorded.size() + " shards, the first: "
                        + recorded.entrySet().iterator().next();
    }

    private static String name(ShardRef shard) {
        return String.format(
                "%016x%016x/%d/%016x on %016x",
                shard.getSegment().getHigh(),
                shard.getSegment().getLow(),
                shard.getIndex(),
                shard.getIncarnation(),
                shard.getDrive().getHigh());
    }
}
