package io.ashlar.node;

import io.ashlar.client.protocol.RegisterNode;
import io.ashlar.client.protocol.ShardState;

import java.util.List;

/** A registration with an inventory of one moment, cut into pages that fit a frame each. */
final class InventoryPages {
    private final RegisterNode head;
    private final List<ShardState> shards;
    private final int pageShards;
    private int number;

    /**
     * @param head all but the shards
     * @param pageShards at most in one page
     */
    InventoryPages(RegisterNode head, List<ShardState> shards, int pageShards) {
        this.head = head;
        this.shards = shards;
        this.pageShards = pageShards;
    }

    /** The present page; the first one has everything but the other shards. */
    RegisterNode page() {
        int from = number * pageShards;
        int to = Math.min(shards.size(), from + pageShards);
        return head.toBuilder()
                .addAllShards(shards.subList(from, to))
                .setPage(number)
                .setMore(to < shards.size())
                .build();
    }

    /** Goes on to the next page; false where there is none. */
    boolean next() {
        if ((number + 1L) * pageShards >= shards.size()) {
            return false;
        }
        number++;
        return true;
    }
}
