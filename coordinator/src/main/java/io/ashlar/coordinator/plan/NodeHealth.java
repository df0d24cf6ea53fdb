package io.ashlar.coordinator.plan;

import java.util.List;
import java.util.Locale;

/**
 * What the leader thinks of a node. Times are of the loop's monotonic clock.
 *
 * @param heardNanos when its last heartbeat came
 * @param sinceNanos when it came into this state
 * @param fallsNanos when it went down, within the window that counts for flapping
 */
public record NodeHealth(
        State state, String reason, long heardNanos, long sinceNanos, List<Long> fallsNanos) {

    /** Best first. */
    public enum State {
        /** Answers. */
        UP,
        /** Has been silent for a while: nothing new is placed on it. */
        SUSPECT,
        /** Answers, but has gone down too often: nothing new is placed on it for a while. */
        QUARANTINED,
        /** Silent: its shards do not count. */
        DOWN;

        /** As reports and the metadata say it. */
        public String text() {
            return name().toLowerCase(Locale.ROOT);
        }

        /** The state of a report. A state that this version does not know counts as up. */
        public static State of(String text) {
            for (State state : values()) {
                if (state.text().equals(text)) {
                    return state;
                }
            }
            return UP;
        }
    }

    /** As if it had been heard so much later. */
    public NodeHealth excused(long nanos) {
        return new NodeHealth(state, reason, heardNanos + nanos, sinceNanos, fallsNanos);
    }

    /** Whether new shards may go there. */
    public boolean takesShards() {
        return state == State.UP;
    }

    public boolean isDown() {
        return state == State.DOWN;
    }
}
