package io.ashlar.node;

import io.ashlar.client.AshlarException;
import io.ashlar.client.protocol.Authority;
import io.ashlar.client.protocol.Done;
import io.ashlar.client.protocol.HeartbeatReply;
import io.ashlar.client.protocol.Order;
import io.ashlar.client.protocol.OrderResult;
import io.ashlar.client.transport.Loop;

import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

import java.util.ArrayList;
import java.util.Comparator;
import java.util.HashSet;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;

/**
 * The coordinator's orders: only those of the highest authority ever seen are obeyed, which is
 * remembered durably before the first of them is (INV-9). Each is carried out once at a time and
 * its result is kept until the coordinator has it. Lives on the node's loop.
 */
final class OrderBook {
    private static final Logger log = LoggerFactory.getLogger(OrderBook.class);
    private static final int MAX_RUNNING = 1024;

    private static final Comparator<Authority> BY_RANK = Comparator.comparingLong(
                    Authority::getGeneration)
            .thenComparingLong(Authority::getTerm)
            .thenComparingLong(Authority::getAppliedIndex);

    private final Loop loop;
    private final Drives drives;
    private final Carrier carrier;
    private final Runnable finished;
    private final Set<Long> running = new HashSet<>();
    private final Map<Long, OrderResult> results = new LinkedHashMap<>();
    private Authority highest;

    /**
     * Starts from what the drives remember.
     *
     * @param finished called when a result is there to be told
     */
    OrderBook(Loop loop, Drives drives, Carrier carrier, Runnable finished) {
        this.loop = loop;
        this.drives = drives;
        this.carrier = carrier;
        this.finished = finished;
        this.highest = drives.all().stream()
                .map(Drive::authority)
                .max(BY_RANK)
                .orElse(Authority.getDefaultInstance());
    }

    /** Carries orders out. Completes on any thread. */
    interface Carrier {
        void carryOut(Order order, Completion<OrderResult> completion);
    }

    /**
     * Obeys, or refuses, what a coordinator answered to a heartbeat. Before {@link #told} is called
     * for the results in that heartbeat, whose orders the reply may still repeat.
     */
    void take(HeartbeatReply reply) {
        Authority authority = reply.getAuthority();
        if (BY_RANK.compare(authority, highest) < 0) {
            if (reply.getOrdersCount() > 0) {
                log.warn(
                        "orders={} refused: their authority {} is below {}",
                        reply.getOrdersCount(),
                        ranks(authority),
                        ranks(highest));
            }
            return;
        }
        List<Order> fresh = reply.getOrdersList().stream()
                .filter(order -> !running.contains(order.getId()))
                .filter(order -> !results.containsKey(order.getId()))
                .toList();
        if (fresh.isEmpty()) {
            return;
        }
        if (BY_RANK.compare(authority, highest) == 0) {
            obey(fresh);
            return;
        }
        highest = authority;
        remember(authority, () -> {
            if (highest.equals(authority)) {
                obey(fresh);
            }
        });
    }

    private static String ranks(Authority authority) {
        return authority.getGeneration() + "/" + authority.getTerm() + "/"
                + authority.getAppliedIndex();
    }

    /** Goes on, on the loop, once every drive remembers it or has failed. */
    private void remember(Authority authority, Runnable then) {
        int[] waiting = {drives.all().size()};
        for (Drive drive : drives.all()) {
            drive.remember(authority, new Completion<>() {
                @Override
                public void done(Done value) {
                    loop.execute(this::answered);
                }

                @Override
                public void failed(AshlarException cause) {
                    log.warn(
                            "drive={} does not remember an authority: {}",
                            drive.path(),
                            cause.getMessage());
                    loop.execute(this::answered);
                }

                private void answered() {
                    waiting[0]--;
                    if (waiting[0] == 0) {
                        then.run();
                    }
                }
            });
        }
    }

    private void obey(List<Order> orders) {
        for (Order order : orders) {
            if (running.size() >= MAX_RUNNING || !running.add(order.getId())) {
                continue; // it is given again as long as its result has not come
            }
            carrier.carryOut(order, new Completion<>() {
                @Override
                public void done(OrderResult result) {
                    loop.execute(() -> finish(order, result));
                }

                @Override
                public void failed(AshlarException cause) {
                    OrderResult failure = OrderResult.newBuilder()
                            .setFailure(cause.toFailure())
                            .build();
                    loop.execute(() -> finish(order, failure));
                }
            });
        }
    }

    private void finish(Order order, OrderResult result) {
        running.remove(order.getId());
        results.put(order.getId(), result.toBuilder().setOrder(order.getId()).build());
        if (result.hasFailure()) {
            log.warn(
                    "order={} kind={} state=failed reason=\"{}\"",
                    order.getId(),
                    order.getKindCase(),
                    result.getFailure().getMessage());
        } else {
            log.info("order={} kind={} state=done", order.getId(), order.getKindCase());
        }
        finished.run();
    }

    /** Orders that are being carried out. */
    Set<Long> running() {
        return running;
    }

    /** Results that the coordinator has not confirmed. */
    List<OrderResult> results() {
        return new ArrayList<>(results.values());
    }

    /** The coordinator has these. */
    void told(List<OrderResult> told) {
        told.forEach(result -> results.remove(result.getOrder()));
    }
}
