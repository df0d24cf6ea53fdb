package io.ashlar.tools.simulate;

import io.ashlar.client.protocol.HeartbeatReply;
import io.ashlar.client.protocol.Order;
import io.ashlar.client.protocol.ShardRef;
import io.ashlar.coordinator.metadata.Metadata;

/**
 * Nobody is told to make a shard that is doomed: it would be made behind its deletion, and nobody
 * would know of it. Only where a leader has applied all commands is it known what it knows.
 */
final class DoomCheck {
    private DoomCheck() {}

    /** A coordinator answers a node. */
    static void demand(Metadata metadata, HeartbeatReply reply) {
        if (reply.getAuthority().getAppliedIndex() != metadata.appliedIndex()) {
            return;
        }
        for (Order order : reply.getOrdersList()) {
            ShardRef shard = order.getRebuild().getShard();
            if (order.hasRebuild() && metadata.isDoomed(shard)) {
                throw new Violation(
                        "INV-9",
                        "shard " + shard.getIndex() + " of a segment is doomed, and ordered to be"
                                + " made: order " + order.getId());
            }
        }
    }
}
