package io.ashlar.coordinator.plan;

import static org.assertj.core.api.Assertions.assertThat;

import io.ashlar.coordinator.plan.NodeHealth.State;

import org.junit.jupiter.api.Test;

import java.time.Duration;
import java.util.List;

final class HealthPolicyTest {
    private static final long SECOND = 1_000_000_000L;

    private final HealthPolicy policy = new HealthPolicy(
            Duration.ofSeconds(2),
            Duration.ofSeconds(4),
            Duration.ofSeconds(600),
            3,
            Duration.ofSeconds(60));
    private final NodeHealth up = new NodeHealth(State.UP, "registered", 0, 0, List.of());

    @Test
    void goesFromUpOverSuspectToDownAndBack() {
        assertThat(policy.elapsed(up, 2 * SECOND - 1).state()).isEqualTo(State.UP);
        NodeHealth suspect = policy.elapsed(up, 2 * SECOND);
        assertThat(suspect.state()).isEqualTo(State.SUSPECT);
        assertThat(suspect.reason()).contains("no heartbeat");
        NodeHealth down = policy.elapsed(suspect, 4 * SECOND);
        assertThat(down.state()).isEqualTo(State.DOWN);
        assertThat(policy.heard(down, 5 * SECOND).state()).isEqualTo(State.UP);
        assertThat(policy.heard(suspect, 3 * SECOND).state()).isEqualTo(State.UP);
    }

    @Test
    void quarantinesANodeThatFlaps() {
        NodeHealth health = up;
        long now = 0;
        for (int fall = 1; fall <= 3; fall++) {
            now += 10 * SECOND;
            health = policy.heard(policy.elapsed(health, now), now);
            assertThat(health.state()).isEqualTo(State.UP);
        }
        now += 10 * SECOND;
        health = policy.heard(policy.elapsed(health, now), now);
        assertThat(health.state()).isEqualTo(State.QUARANTINED);
        assertThat(health.reason()).contains("4 times");
        assertThat(health.takesShards()).isFalse();
        for (int second = 0; second < 59; second++) {
            now += SECOND;
            health = policy.heard(health, now);
            assertThat(health.state()).isEqualTo(State.QUARANTINED);
        }
        assertThat(policy.heard(health, now + 2 * SECOND).state()).isEqualTo(State.UP);
    }

    @Test
    void forgetsFallsThatAreLongAgo() {
        NodeHealth health = up;
        long now = 0;
        for (int fall = 0; fall < 20; fall++) {
            now += 300 * SECOND;
            health = policy.heard(policy.elapsed(health, now), now);
        }
        assertThat(health.state()).isEqualTo(State.UP);
    }
}
