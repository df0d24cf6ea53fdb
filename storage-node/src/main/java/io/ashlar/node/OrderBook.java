package io.ashlar.node;

import io.ashlar.client.AshlarException;
import io.ashlar.client.protocol.Authority;
import io.ashlar.client.protocol.Done;
import io.ashlar.client.protocol.HeartbeatReply;
import io.ashlar.client.protocol.Order;
import io.ashlar.client.protocol.OrderResult;
import io.ashlar.client.protocol.ShardRef;
import io.ashlar.client.transport.Loop;

import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

import java.util.ArrayList;
import java.util.Comparator;
import java.util.HashSet;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.Set;

/**
 * The coordinator's orders: only those of the highest authority ever seen are obeyed, which is
 * remembered durably before the first of them is (INV-9). An order waits until the drive that it
 * names remembers, so a drive that hangs holds up nobody else's; one that names none waits for any
 * drive. A start takes the highest authority of all drives. Each order is carried out once at a
 * time and its result is kept until the coordinator has it. Lives on the node's loop.
 */
final class OrderBook {
    private static final Logger log = LoggerFactory.getLogger(OrderBook.class);

    /** More are not taken up; they are given again as long as their results have not come. */
    private static final int MAX_ORDERS_PER_LANE = 1024;

    private static final Comparator<Authority> BY_RANK = Comparator.comparingLong(
                    Authority::getGeneration)
            .thenComparingLong(Authority::getTerm)
            .thenComparingLong(Authority::getAppliedIndex);

    private final Loop loop;
    private final Drives drives;
    private final Carrier carrier;
    private final Runnable finished;
    private final Map<Drive, Lane> lanes = new LinkedHashMap<>();
    private final Lane anyDrive = new Lane(Authority.getDefaultInstance());
    private final Set<Long> running = new HashSet<>();
    private final Map<Long, OrderResult> results = new LinkedHashMap<>();
    private Authority highest = Authority.getDefaultInstance();

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
        for (Drive drive : drives.all()) {
            Lane lane = new Lane(drive.authority());
            lanes.put(drive, lane);
            anyDrive.remember(lane.durable);
        }
        highest = anyDrive.durable;
    }

    /** Carries orders out. Completes on any thread. */
    interface Carrier {
        void carryOut(Order order, Completion<OrderResult> completion);
    }

    /** An order that waits until the authority that gave it first is remembered. */
    private record Waiting(Order order, Authority authority) {}

    /** The orders of a drive, or of none, and the authority remembered durably for them. */
    private static final class Lane {
        private final Map<Long, Waiting> waiting = new LinkedHashMap<>();
        private Authority durable;
        private boolean asked;
        private int running;

        Lane(Authority durable) {
            this.durable = durable;
        }

        void remember(Authority authority) {
            if (!remembers(authority)) {
                durable = authority;
            }
        }

        boolean remembers(Authority authority) {
            return BY_RANK.compare(authority, durable) <= 0;
        }

        boolean isFull() {
            return waiting.size() + running >= MAX_ORDERS_PER_LANE;
        }
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
        Map<Long, Order> fresh = new LinkedHashMap<>();
        reply.getOrdersList().stream()
                .filter(order -> !running.contains(order.getId()))
                .filter(order -> !results.containsKey(order.getId()))
                .forEach(order -> fresh.put(order.getId(), order));
        anyDrive.waiting.keySet().retainAll(fresh.keySet());
        lanes.values().forEach(lane -> lane.waiting.keySet().retainAll(fresh.keySet()));
        if (fresh.isEmpty()) {
            return;
        }
        highest = authority;
        fresh.values().forEach(this::await);
        lanes.forEach(this::ask);
        lanes.values().forEach(this::obeyRemembered);
        obeyRemembered(anyDrive);
    }

    private static String ranks(Authority authority) {
        return authority.getGeneration() + "/" + authority.getTerm() + "/"
                + authority.getAppliedIndex();
    }

    private void await(Order order) {
        Lane lane;
        try {
            lane = laneOf(order);
        } catch (AshlarException e) {
            finish(order, failure(e));
            return;
        }
        if (!lane.isFull()) {
            lane.waiting.putIfAbsent(order.getId(), new Waiting(order, highest));
        }
    }

    private Lane laneOf(Order order) throws AshlarException {
        return switch (order.getKindCase()) {
            case SEAL -> laneOf(order.getSeal().getShard());
            case DELETE -> laneOf(order.getDelete().getShard());
            case REBUILD -> laneOf(order.getRebuild().getShard());
            case SCRUB, COMPARE, SEAL_TAIL, KIND_NOT_SET -> anyDrive;
        };
    }

    private Lane laneOf(ShardRef shard) throws AshlarException {
        return Objects.requireNonNull(lanes.get(drives.of(shard)));
    }

    /** One question at a time: a drive that hangs gathers no more than that. */
    private void ask(Drive drive, Lane lane) {
        if (lane.asked || lane.remembers(highest)) {
            return;
        }
        lane.asked = true;
        Authority authority = highest;
        drive.remember(authority, new Completion<>() {
            @Override
            public void done(Done value) {
                loop.execute(() -> {
                    lane.asked = false;
                    lane.remember(authority);
                    anyDrive.remember(authority);
                    obeyRemembered(lane);
                    obeyRemembered(anyDrive);
                    if (!lane.waiting.isEmpty()) {
                        ask(drive, lane);
                    }
                });
            }

            @Override
            public void failed(AshlarException cause) {
                log.warn(
                        "drive={} does not remember an authority: {}",
                        drive.path(),
                        cause.getMessage());
                loop.execute(() -> {
                    lane.asked = false;
                    refuse(lane, cause);
                    if (lanes.values().stream().noneMatch(other -> other.asked)) {
                        refuse(anyDrive, cause);
                    }
                });
            }
        });
    }

    private void refuse(Lane lane, AshlarException cause) {
        List<Waiting> refused = List.copyOf(lane.waiting.values());
        lane.waiting.clear();
        refused.forEach(one -> finish(one.order(), failure(cause)));
    }

    private void obeyRemembered(Lane lane) {
        List<Waiting> remembered = lane.waiting.values().stream()
                .filter(one -> lane.remembers(one.authority()))
                .toList();
        for (Waiting one : remembered) {
            lane.waiting.remove(one.order().getId());
            obey(lane, one.order());
        }
    }

    private void obey(Lane lane, Order order) {
        running.add(order.getId());
        lane.running++;
        carrier.carryOut(order, new Completion<>() {
            @Override
            public void done(OrderResult result) {
                loop.execute(() -> end(result));
            }

            @Override
            public void failed(AshlarException cause) {
                loop.execute(() -> end(failure(cause)));
            }

            private void end(OrderResult result) {
                running.remove(order.getId());
                lane.running--;
                finish(order, result);
            }
        });
    }

    private static OrderResult failure(AshlarException cause) {
        return OrderResult.newBuilder().setFailure(cause.toFailure()).build();
    }

    private void finish(Order order, OrderResult result) {
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

    /** Results that the coordinator has not confirmed. */
    List<OrderResult> results() {
        return new ArrayList<>(results.values());
    }

    /** The coordinator has these. */
    void told(List<OrderResult> told) {
        told.forEach(result -> results.remove(result.getOrder()));
    }
}
