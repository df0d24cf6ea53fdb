package io.ashlar.bench.load;

import static org.assertj.core.api.Assertions.assertThat;

import org.junit.jupiter.api.Test;

import java.lang.foreign.MemorySegment;

class ReadCheckTest {
    private static final int BLOCK_BYTES = 4096;
    private static final long SEED = 42;
    private static final long EARLIER_SEED = 41;

    private final Generations generations = new Generations(4);
    private final ReadCheck check = new ReadCheck(generations, SEED, 2);
    private final byte[] array = new byte[2 * BLOCK_BYTES];
    private final MemorySegment bytes = MemorySegment.ofArray(array);

    private void write(int unit) {
        assertThat(generations.begin(unit)).isPositive();
        generations.acknowledge(unit);
    }

    private void stamp(long block, long seed, long generation) {
        StampFormat.write(bytes, 0, block, seed, generation);
        StampFormat.write(bytes, BLOCK_BYTES, block + 1, seed, generation);
    }

    @Test
    void verifiesWhatThisRunWrote() {
        write(1);
        write(1);
        stamp(2, SEED, 2);
        check.check(1, generations.acknowledged(1), bytes);
        assertThat(check.outcome().problems()).isEmpty();
        assertThat(check.outcome().verifiedBytes()).isEqualTo(2 * BLOCK_BYTES);
    }

    @Test
    void takesOldAndNewWhileAWriteIsInFlight() {
        write(1);
        int before = generations.acknowledged(1);
        assertThat(generations.begin(1)).isEqualTo(2);
        stamp(2, SEED, 1);
        check.check(1, before, bytes);
        stamp(2, SEED, 2);
        check.check(1, before, bytes);
        assertThat(check.outcome().problems()).isEmpty();
        assertThat(check.outcome().verifiedBytes()).isEqualTo(4 * BLOCK_BYTES);
    }

    @Test
    void noticesAStaleGeneration() {
        write(1);
        write(1);
        stamp(2, SEED, 1);
        check.check(1, generations.acknowledged(1), bytes);
        assertThat(check.outcome().wrongBytes()).isEqualTo(2 * BLOCK_BYTES);
        assertThat(check.outcome().problems())
                .first()
                .isEqualTo("block 2 holds generation 1, expected 2 to 2");
    }

    @Test
    void noticesAGenerationThatWasNeverWritten() {
        write(1);
        stamp(2, SEED, 2);
        check.check(1, generations.acknowledged(1), bytes);
        assertThat(check.outcome().wrongBytes()).isEqualTo(2 * BLOCK_BYTES);
    }

    @Test
    void noticesAFlippedBit() {
        write(1);
        stamp(2, SEED, 1);
        array[BLOCK_BYTES + 1000] ^= 4;
        check.check(1, 1, bytes);
        assertThat(check.outcome().problems())
                .containsExactly("block 3 was changed since it was written");
        assertThat(check.outcome().verifiedBytes()).isEqualTo(BLOCK_BYTES);
    }

    @Test
    void noticesContentInTheWrongPlace() {
        stamp(4, EARLIER_SEED, 9);
        check.check(1, 0, bytes);
        assertThat(check.outcome().problems())
                .first()
                .isEqualTo("block 2 holds the content of block 4");
    }

    @Test
    void noticesALostWrite() {
        write(1);
        check.check(1, 1, bytes);
        stamp(2, EARLIER_SEED, 9);
        check.check(1, 1, bytes);
        array[0] ^= 1;
        check.check(1, 1, bytes);
        assertThat(check.outcome().verifiedBytes()).isZero();
        assertThat(check.outcome().problems())
                .contains(
                        "block 2 reads as zeroes, but was written 1 times",
                        "block 2 holds what an earlier run wrote, this one wrote it 1 times",
                        "block 2 holds bytes that were never written to it");
    }

    @Test
    void verifiesWhatAnEarlierRunWrote() {
        stamp(2, EARLIER_SEED, 9);
        check.check(1, 0, bytes);
        assertThat(check.outcome().verifiedBytes()).isEqualTo(2 * BLOCK_BYTES);
    }

    @Test
    void countsWhatNobodyWroteAndWhatOthersDid() {
        array[BLOCK_BYTES] = 1;
        check.check(1, 0, bytes);
        assertThat(check.outcome())
                .isEqualTo(new ReadCheck.Outcome(
                        0, BLOCK_BYTES, BLOCK_BYTES, 0, check.outcome().problems()));
        assertThat(check.outcome().problems()).isEmpty();
    }

    @Test
    void oneWriteOfAUnitIsInFlightAtATime() {
        assertThat(generations.begin(0)).isEqualTo(1);
        assertThat(generations.begin(0)).isZero();
        generations.acknowledge(0);
        assertThat(generations.begin(0)).isEqualTo(2);
        assertThat(generations.acknowledged(0)).isEqualTo(1);
    }
}
