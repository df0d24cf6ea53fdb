package io.ashlar.tools.simulate;

import io.ashlar.client.protocol.CreateShard;
import io.ashlar.client.protocol.ErrorCode;
import io.ashlar.client.protocol.FenceShard;
import io.ashlar.client.protocol.Request;
import io.ashlar.client.protocol.Response;
import io.ashlar.client.protocol.ShardRef;
import io.ashlar.client.protocol.ShardState;

import java.util.HashMap;
import java.util.Map;

/**
 * What nodes have answered to those who take a volume over: that a shard is fenced, or is not there.
 * One that is fenced takes no append of an older epoch from then on, and is fenced still after its
 * node was started anew; one that is not there is never made for an older epoch. Known from what
 * nodes answer alone. Whether somebody was harmed by a broken promise is a matter of much
 * coincidence; whether it was broken is seen at once.
 */
final class Promises {
    private final Map<ShardRef, Promise> fences = new HashMap<>();

    /** The highest epoch that a shard which is not there is fenced at. */
    private final Map<ShardRef, Long> absent = new HashMap<>();

    /** The highest epoch that a shard is fenced at, and the process that said so. */
    private record Promise(long epoch, SimulatedProcess by) {}

    /** A node sends an answer. */
    void answered(SimulatedProcess by, Request request, Response response) {
        if (response.hasFailure()) {
            if (request.hasFenceShard() && response.getFailure().getCode() == ErrorCode.NOT_FOUND) {
                FenceShard fence = request.getFenceShard();
                absent.merge(fence.getShard(), fence.getEpoch(), Math::max);
            }
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
            case CREATE_SHARD -> demandNotAbsent(by, request.getCreateShard());
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

    private void demandNotAbsent(SimulatedProcess by, CreateShard create) {
        long epoch = absent.getOrDefault(create.getShard(), 0L);
        if (create.getEpoch() < epoch) {
            throw new Violation(
                    "a fence holds",
                    "shard " + create.getShard().getIndex() + " of a segment was made on "
                            + by.name() + " for epoch " + create.getEpoch()
                            + ", its node had said to epoch " + epoch + " that it is not there");
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
