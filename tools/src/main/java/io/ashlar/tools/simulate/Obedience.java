package io.ashlar.tools.simulate;

import io.ashlar.client.model.DriveId;
import io.ashlar.client.protocol.Authority;
import io.ashlar.client.protocol.DriveInfo;
import io.ashlar.client.protocol.Heartbeat;
import io.ashlar.client.protocol.HeartbeatReply;
import io.ashlar.client.protocol.Order;
import io.ashlar.client.protocol.OrderResult;

import org.jspecify.annotations.Nullable;

import java.util.ArrayList;
import java.util.Comparator;
import java.util.HashMap;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;

/**
 * Nodes obey the highest authority that they have heard, and none below it, also after a restart
 * (INV-9). Known from what they are told and from the results that they tell: one of an order that
 * was to be refused says that it was not, and one of an order about a shard that the shard's drive
 * remembers the authority. Harm comes of a breach only where much coincides.
 */
final class Obedience {
    private static final Comparator<Authority> BY_RANK = Comparator.comparingLong(
                    Authority::getGeneration)
            .thenComparingLong(Authority::getTerm)
            .thenComparingLong(Authority::getAppliedIndex);

    private final Map<SimulatedProcess, Subject> subjects = new HashMap<>();
    private final Map<DriveId, Authority> remembered = new HashMap<>();

    /** One life of a node. */
    private static final class Subject {
        private Authority highest = Authority.getDefaultInstance();

        /** By the highest authority of their time, and their results are not told. */
        private final Map<Long, Given> obliging = new HashMap<>();

        /** Given by a lower one. */
        private final Set<Long> refused = new HashSet<>();

        void raise(Authority authority) {
            if (BY_RANK.compare(authority, highest) > 0) {
                highest = authority;
            }
        }
    }

    /** An order, and who gave it first. */
    private record Given(Order order, Authority by) {
        @Nullable
        DriveId drive() {
            return switch (order.getKindCase()) {
                case SEAL -> DriveId.of(order.getSeal().getShard().getDrive());
                case DELETE -> DriveId.of(order.getDelete().getShard().getDrive());
                case REBUILD -> DriveId.of(order.getRebuild().getShard().getDrive());
                case SCRUB, COMPARE, SEAL_TAIL, KIND_NOT_SET -> null;
            };
        }
    }

    private Subject subject(SimulatedProcess node) {
        return subjects.computeIfAbsent(node, ignored -> new Subject());
    }

    /** A node says which drives it serves: it starts from what they remember. */
    void serves(SimulatedProcess node, List<DriveInfo> drives) {
        for (DriveInfo drive : drives) {
            Authority authority = remembered.get(DriveId.of(drive.getId()));
            if (authority != null && drive.getFailure().isEmpty()) {
                subject(node).raise(authority);
            }
        }
    }

    /** A node hears the answer to its heartbeat, which it made after all answers before. */
    void heard(SimulatedProcess node, Heartbeat heartbeat, HeartbeatReply reply) {
        Subject subject = subject(node);
        heartbeat.getResultsList().forEach(result -> told(node, subject, result));
        List<Order> fresh = new ArrayList<>(reply.getOrdersList());
        heartbeat.getResultsList().forEach(result -> {
            fresh.removeIf(order -> order.getId() == result.getOrder());
            subject.obliging.remove(result.getOrder());
        });
        fresh.removeIf(order -> subject.obliging.containsKey(order.getId()));
        boolean obliges = BY_RANK.compare(reply.getAuthority(), subject.highest) >= 0;
        for (Order order : fresh) {
            if (obliges) {
                subject.highest = reply.getAuthority();
                subject.obliging.put(order.getId(), new Given(order, reply.getAuthority()));
                subject.refused.remove(order.getId());
            } else {
                subject.refused.add(order.getId());
            }
        }
    }

    private void told(SimulatedProcess node, Subject subject, OrderResult result) {
        if (subject.refused.contains(result.getOrder())) {
            throw new Violation(
                    "INV-9",
                    node.name() + " has obeyed order " + result.getOrder()
                            + " of an authority below " + subject.highest.getTerm() + "/"
                            + subject.highest.getAppliedIndex() + ", which it had heard");
        }
        Given given = subject.obliging.get(result.getOrder());
        DriveId drive = given == null ? null : given.drive();
        if (given != null && drive != null && !result.hasFailure()) {
            remembered.merge(
                    drive,
                    given.by(),
                    (one, other) -> BY_RANK.compare(one, other) >= 0 ? one : other);
        }
    }
}
