package io.ashlar.tools.simulate;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.ashlar.client.transport.Buffer;

import org.junit.jupiter.api.Test;

import java.lang.foreign.ValueLayout;
import java.util.List;

class SentBytesTest {
    private final Schedule schedule = new Schedule();
    private final SimulatedProcess process =
            new SimulatedProcess(schedule, new SimulatedClock(schedule, 0), "k1");
    private final Buffer first = filled(100, (byte) 1);
    private final Buffer second = filled(50, (byte) 2);
    private final SentBytes sent = SentBytes.of(process, List.of(first, second));

    private static Buffer filled(int sizeBytes, byte value) {
        Buffer buffer = Buffer.allocate(sizeBytes);
        buffer.segment().fill(value);
        return buffer;
    }

    @Test
    void whatWasSentLeavesInOrder() {
        Buffer left = sent.leave();
        assertThat(left.sizeBytes()).isEqualTo(150);
        assertThat(left.segment().get(ValueLayout.JAVA_BYTE, 99)).isEqualTo((byte) 1);
        assertThat(left.segment().get(ValueLayout.JAVA_BYTE, 100)).isEqualTo((byte) 2);
        left.release();
    }

    @Test
    void aChangeBeforeThatIsFound() {
        second.segment().set(ValueLayout.JAVA_BYTE, 49, (byte) 3);
        assertThatThrownBy(sent::leave)
                .isInstanceOf(Violation.class)
                .hasMessageContaining("k1 changed bytes of a message that had not left yet");
        sent.release();
    }

    @Test
    void memoryThatWasGivenBackIsNotTakenForBytes() {
        first.release();
        assertThatThrownBy(sent::leave).isInstanceOf(RuntimeException.class);
        second.release();
        sent.copy().release();
    }
}
