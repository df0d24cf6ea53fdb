package io.ashlar.tools.cluster;

import static org.assertj.core.api.Assertions.assertThat;

import org.junit.jupiter.api.Test;

import java.util.Optional;

class StallTest {
    private final Stall stall = new Stall();

    private static boolean mustNotBeAsked() {
        throw new AssertionError("work that gets on needs no coordinator's answer");
    }

    @Test
    void workThatGetsOnAsksNobody() {
        assertThat(stall.look(0, StallTest::mustNotBeAsked)).isEmpty();
        assertThat(stall.look(1, StallTest::mustNotBeAsked)).isEmpty();
    }

    @Test
    void slowWorkIsNoStallWhileACoordinatorAnswers() {
        stall.look(5, StallTest::mustNotBeAsked);
        assertThat(stall.look(5, () -> true)).isEmpty();
        assertThat(stall.look(5, () -> true)).isEmpty();
    }

    @Test
    void aStallIsSaidOnceAndItsEndOnce() {
        stall.look(5, StallTest::mustNotBeAsked);
        assertThat(stall.look(5, () -> false)).isEqualTo(Optional.of(true));
        assertThat(stall.look(5, () -> false)).isEmpty();
        assertThat(stall.look(5, () -> true)).isEqualTo(Optional.of(false));
        assertThat(stall.look(5, () -> true)).isEmpty();
        assertThat(stall.look(5, () -> false)).isEqualTo(Optional.of(true));
        assertThat(stall.look(6, StallTest::mustNotBeAsked)).isEqualTo(Optional.of(false));
    }
}
