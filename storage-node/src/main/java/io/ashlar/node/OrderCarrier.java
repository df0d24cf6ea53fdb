package io.ashlar.node;

import io.ashlar.client.AshlarException;
import io.ashlar.client.protocol.Done;
import io.ashlar.client.protocol.Order;
import io.ashlar.client.protocol.OrderResult;
import io.ashlar.client.protocol.RebuildShard;
import io.ashlar.client.protocol.SealShard;
import io.ashlar.client.transport.Loop;
import io.ashlar.client.transport.Transport;

import java.util.ArrayDeque;
import java.util.Queue;

/**
 * Carries the coordinator's orders out; rebuilds only so many at once. Lives on the node's loop.
 */
final class OrderCarrier implements OrderBook.Carrier {
    private final Loop loop;
    private final Transport transport;
    private final Drives drives;
    private final Scrubber scrubber;
    private final int maxRebuilds;
    private final Queue<Runnable> rebuildsWaiting = new ArrayDeque<>();
    private int rebuildsRunning;

    OrderCarrier(
            Loop loop, Transport transport, Drives drives, Scrubber scrubber, int maxRebuilds) {
        this.loop = loop;
        this.transport = transport;
        this.drives = drives;
        this.scrubber = scrubber;
        this.maxRebuilds = maxRebuilds;
    }

    @Override
    public void carryOut(Order order, Completion<OrderResult> completion) {
        try {
            switch (order.getKindCase()) {
                case SEAL -> seal(order.getSeal(), completion);
                case DELETE ->
                    drives.of(order.getDelete().getShard())
                            .delete(order.getDelete().getShard(), done(completion));
                case REBUILD -> {
                    rebuildsWaiting.add(() -> rebuild(order.getRebuild(), completion));
                    startRebuild();
                }
                case SCRUB -> scrubber.scrub(order.getScrub(), completion);
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
            rebuildsWaiting.remove().run();
        }
    }

    private void rebuild(RebuildShard order, Completion<OrderResult> completion) {
        ShardRebuilder.start(loop, transport, drives, order, new Completion<>() {
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
