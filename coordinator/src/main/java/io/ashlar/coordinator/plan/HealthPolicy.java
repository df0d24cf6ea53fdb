package io.ashlar.coordinator.plan;

import io.ashlar.coordinator.plan.NodeHealth.State;

import java.time.Duration;
import java.util.ArrayList;
import java.util.List;

/**
 * When a node counts as up, suspect, down or quarantined: a health and a time in, a health out.
 *
 * @param suspectAfter silence after which nothing new is placed on a node
 * @param downAfter silence after which its shards do not count
 * @param flapWindow in which falls are counted
 * @param maxFalls in the window that are forgiven
 * @param quarantine how long a flapping node is kept from new shards
 */
public record HealthPolicy(
        Duration suspectAfter,
        Duration downAfter,
        Duration flapWindow,
        int maxFalls,
        Duration quarantine) {

    /** A heartbeat came. */
    public NodeHealth heard(NodeHealth before, long nowNanos) {
        List<Long> falls = recent(before.fallsNanos(), nowNanos);
        State state = State.UP;
        String reason = "answers";
        if (before.state() == State.DOWN && falls.size() > maxFalls) {
            state = State.QUARANTINED;
            reason = "went down " + falls.size() + " times within " + seconds(flapWindow) + " s";
        } else if (before.state() == State.QUARANTINED
                && nowNanos - before.sinceNanos() < quarantine.toNanos()) {
            state = State.QUARANTINED;
            reason = before.reason();
        } else if (before.state() == State.UP) {
            reason = before.reason();
        }
        long since = state == before.state() ? before.sinceNanos() : nowNanos;
        return new NodeHealth(state, reason, nowNanos, since, falls);
    }

    /** Time has passed. */
    public NodeHealth elapsed(NodeHealth before, long nowNanos) {
        long silenceNanos = nowNanos - before.heardNanos();
        if (before.state() != State.DOWN && silenceNanos >= downAfter.toNanos()) {
            List<Long> falls = new ArrayList<>(recent(before.fallsNanos(), nowNanos));
            falls.add(nowNanos);
            return new NodeHealth(
                    State.DOWN,
                    "no heartbeat for " + seconds(downAfter) + " s",
                    before.heardNanos(),
                    nowNanos,
                    List.copyOf(falls));
        }
        if (before.state() == State.UP && silenceNanos >= suspectAfter.toNanos()) {
            return new NodeHealth(
                    State.SUSPECT,
                    "no heartbeat for " + seconds(suspectAfter) + " s",
                    before.heardNanos(),
                    nowNanos,
                    before.fallsNanos());
        }
        return before;
    }

    private List<Long> recent(List<Long> falls, long nowNanos) {
        return falls.stream()
                .filter(fall -> nowNanos - fall < flapWindow.toNanos())
                .toList();
    }

    private static String seconds(Duration duration) {
        return String.valueOf(duration.toMillis() / 1000.0);
    }
}
