package io.ashlar.tools.simulate;

import io.ashlar.client.protocol.Authority;
import io.ashlar.client.protocol.Heartbeat;
import io.ashlar.client.protocol.HeartbeatReply;
import io.ashlar.client.protocol.Order;
import io.ashlar.client.protocol.OrderResult;

import java.util.Comparator;
import java.util.HashMap;
import java.util.HashSet;
import java.util.Map;
import java.util.Set;
import java.util.stream.Collectors;

/**
 * Nodes obey the highest authority that they have heard, and none below it (INV-9). Known from what
 * they are told and from the results that they tell: one of an order that was to be refused says
 * that it was not. Harm comes of that only where much coincides.
 */
final class Obedience {
    private static final Comparator<Authority> BY_RANK = Comparator.comparingLong(
                    Authority::getGeneration)
            .thenComparingLong(Authority::getTerm)
            .thenComparingLong(Authority::getAppliedIndex);

    private final Map<SimulatedProcess, Subject> subjects = new HashMap<>();

    /** One life of a node. */
    private static final class Subject {
        private Authority highest = Authority.getDefaultInstance();

        /** Orders given by the highest authority of their time, whose results are not told. */
        private final Set<Long> obliging = new HashSet<>();

        /** Orders given by a lower one. */
        private final Set<Long> refused = new HashSet<>();
    }

    private Subject subject(SimulatedProcess node) {
        return subjects.computeIfAbsent(node, ignored -> new Subject());
    }

    /** A node hears the answer to its heartbeat. */
    void heard(SimulatedProcess node, Heartbeat heartbeat, HeartbeatReply reply) {
        Subject subject = subject(node);
        Set<Long> told = heartbeat.getResultsList().stream()
                .map(OrderResult::getOrder)
                .collect(Collectors.toSet());
        Set<Long> given = reply.getOrdersList().stream()
                .map(Order::getId)
                .filter(order -> !told.contains(order) && !subject.obliging.contains(order))
                .collect(Collectors.toSet());
        if (BY_RANK.compare(reply.getAuthority(), subject.highest) < 0) {
            subject.refused.addAll(given);
        } else if (!given.isEmpty()) {
            subject.highest = reply.getAuthority();
            subject.obliging.addAll(given);
            subject.refused.removeAll(given);
        }
        subject.obliging.removeAll(told);
    }

    /** A node tells what it has done. */
    void told(SimulatedProcess node, Heartbeat heartbeat) {
        Subject subject = subject(node);
        for (OrderResult result : heartbeat.getResultsList()) {
            if (subject.refused.contains(result.getOrder())) {
                throw new Violation(
                        "INV-9",
                        node.name() + " has obeyed order " + result.getOrder()
                                + " of an authority below " + subject.highest.getTerm() + "/"
                                + subject.highest.getAppliedIndex() + ", which it had heard");
            }
        }
    }
}
