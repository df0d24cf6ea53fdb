package io.ashlar.node;

import io.ashlar.client.AshlarException;
import io.ashlar.client.protocol.Done;
import io.ashlar.client.protocol.Order;
import io.ashlar.client.protocol.OrderResult;
import io.ashlar.client.protocol.RebuildShard;
import io.ashlar.client.protocol.SealShard;
import io.ashlar.client.protocol.ShardRef;
import io.ashlar.client.transport.Loop;
import io.ashlar.client.transport.Transport;

import java.util.ArrayDeque;
import java.util.List;
import java.util.Queue;

/**
 * Carries the coordinator's orders out; rebuilds only so many at once. Lives on the node's loop.
 */
final class OrderCarrier implements OrderBook.Carrier {
    private final Loop loop;
    private final Transport transport;
    private final Drives drives;
    private final Scrubber scrubber;
    private final TailSealer tails;
    private final int maxRebuilds;
    private final Queue<Rebuild> rebuildsWaiting = new ArrayDeque<>();
    private int rebuildsRunning;

    OrderCarrier(
            Loop loop,
            Transport transport,
            Drives drives,
            Scrubber scrubber,
            TailSealer tails,
            int maxRebuilds) {
        this.loop = loop;
        this.transport = transport;
        this.drives = drives;
        this.scrubber = scrubber;
        this.tails = tails;
        this.maxRebuilds = maxRebuilds;
    }

    /** A rebuild that waits for its turn. */
    private record Rebuild(RebuildShard order, Completion<OrderResult> completion) {}

    @Override
    public void carryOut(Order order, Completion<OrderResult> completion) {
        try {
            switch (order.getKindCase()) {
                case SEAL -> seal(order.getSeal(), completion);
                case DELETE -> delete(order.getDelete().getShard(), completion);
                case REBUILD -> {
                    rebuildsWaiting.add(new Rebuild(order.getRebuild(), completion));
                    startRebuild();
                }
                case SCRUB -> scrubber.scrub(order.getScrub(), completion);
                case COMPARE -> scrubber.compare(order.getCompare(), transport, completion);
                case SEAL_TAIL -> tails.seal(order.getSealTail().getVolume(), completion);
                case KIND_NOT_SET ->
                    throw new AshlarException.Incompatible("order " + order.getId()
                            + " is of a kind that this release does not know");
            }
        } catch (AshlarException e) {
            completion.failed(e);
        }
    }

    private void seal(SealShard order, Completion<OrderResult> completion) throws AshlarException {
        var seal = new ShardEntry.Seal(
                order.getSealedBytes(), order.getStripeCount(), order.getCells());
        drives.of(order.getShard()).seal(order.getShard(), seal, done(completion));
    }

    /** A rebuild of this shard that still waits would make it anew, behind its deletion. */
    private void delete(ShardRef shard, Completion<OrderResult> completion) throws AshlarException {
        List<Rebuild> cancelled = rebuildsWaiting.stream()
                .filter(rebuild -> rebuild.order().getShard().equals(shard))
                .toList();
        rebuildsWaiting.removeAll(cancelled);
        for (Rebuild rebuild : cancelled) {
            rebuild.completion().failed(ShardStore.notFound(ShardKey.of(shard)));
        }
        drives.of(shard).delete(shard, done(completion));
    }

    private static Completion<Done> done(Completion<OrderResult> completion) {
        return new Completion<>() {
            @Override
            public void done(Done value) {
                completion.done(OrderResult.getDefaultInstance());
            }

            @Override
            public void failed(AshlarException cause) {
                completion.failed(cause);
            }
        };
    }

    private void startRebuild() {
        if (rebuildsRunning < maxRebuilds && !rebuildsWaiting.isEmpty()) {
            rebuildsRunning++;
            rebuild(rebuildsWaiting.remove());
        }
    }

    private void rebuild(Rebuild rebuild) {
        Completion<OrderResult> completion = rebuild.completion();
        ShardRebuilder.start(loop, transport, drives, rebuild.order(), new Completion<>() {
            @Override
            public void done(OrderResult result) {
                completion.done(result);
                loop.execute(this::next);
            }

            @Override
            public void failed(AshlarException cause) {
                completion.failed(cause);
                loop.execute(this::next);
            }

            private void next() {
                rebuildsRunning--;
                startRebuild();
            }
        });
    }
}
