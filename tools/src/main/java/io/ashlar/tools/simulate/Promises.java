package io.ashlar.tools.simulate;

import io.ashlar.client.protocol.Request;
import io.ashlar.client.protocol.Response;
import io.ashlar.client.protocol.ShardRef;
import io.ashlar.client.protocol.ShardState;

import java.util.HashMap;
import java.util.Map;

/**
 * What nodes have answered to those who take a volume over: that a shard is fenced. From then on it
 * takes no append of an older epoch, and it is fenced still after its node was started anew. Known
 * from what nodes answer alone. Whether somebody was harmed by a broken promise is a matter of much
 * coincidence; whether it was broken is seen at once.
 */
final class Promises {
    private final Map<ShardRef, Promise> fences = new HashMap<>();

    /** The highest epoch that a shard is fenced at, and the process that said so. */
    private record Promise(long epoch, SimulatedProcess by) {}

    /** A node sends an answer. */
    void answered(SimulatedProcess by, Request request, Response response) {
        if (response.hasFailure()) {
            return;
        }
        switch (request.getBodyCase()) {
            case FENCE_SHARD ->
                promise(
                        by,
                        request.getFenceShard().getShard(),
                        request.getFenceShard().getEpoch());
            case READ_HEADERS ->
                promise(
                        by,
                        request.getReadHeaders().getShard(),
                        request.getReadHeaders().getEpoch());
            case READ_CELL ->
                promise(
                        by,
                        request.getReadCell().getShard(),
                        request.getReadCell().getEpoch());
            case APPEND_CELL ->
                demand(
                        by,
                        request.getAppendCell().getShard(),
                        request.getAppendCell().getEpoch(),
                        "has taken an append of epoch ");
            default -> {}
        }
    }

    private void promise(SimulatedProcess by, ShardRef shard, long epoch) {
        Promise before = fences.get(shard);
        if (epoch > 0 && (before == null || epoch > before.epoch())) {
            fences.put(shard, new Promise(epoch, by));
        }
    }

    /**
     * A node says what it holds. What it promised while this was on its way is not in it; what an
     * earlier process of its has promised is.
     */
    void told(SimulatedProcess by, ShardState shard) {
        Promise promise = fences.get(shard.getShard());
        if (promise != null && promise.by() != by) {
            demand(by, shard.getShard(), shard.getFenceEpoch(), "is fenced at epoch ");
        }
    }

    private void demand(SimulatedProcess by, ShardRef shard, long epoch, String what) {
        Promise promise = fences.get(shard);
        if (promise != null && epoch < promise.epoch()) {
            throw new Violation(
                    "a fence holds",
                    "shard " + shard.getIndex() + " of a segment on " + by.name() + " " + what
                            + epoch + ", its node had said that it is fenced at epoch "
                            + promise.epoch());
        }
    }
}
