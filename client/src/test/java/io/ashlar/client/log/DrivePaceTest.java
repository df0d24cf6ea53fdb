package io.ashlar.client.log;

import static org.assertj.core.api.Assertions.assertThat;

import io.ashlar.client.model.DriveId;

import org.junit.jupiter.api.Test;

import java.util.Arrays;

/** Which drives are slow, told from made-up latencies under a made-up clock. */
class DrivePaceTest {
    private static final long MILLI = 1_000_000;
    private static final long SECOND = 1_000 * MILLI;
    private static final DriveId SLOW = drive(2);

    private final DrivePace pace = new DrivePace();
    private long now;

    private static DriveId drive(int number) {
        return new DriveId(0, number);
    }

    /** A stripe whose cells are on drives 0, 1, 2 and so on, after so long. */
    private void stripe(long afterNanos, long... tookMillis) {
        now += afterNanos;
        DriveId[] on = new DriveId[tookMillis.length];
        Arrays.setAll(on, DrivePaceTest::drive);
        pace.stripeAnswered(
                on, Arrays.stream(tookMillis).map(took -> took * MILLI).toArray(), now);
    }

    /** A stripe every 50 ms. */
    private void stripesFor(long nanos, long... tookMillis) {
        for (long end = now + nanos; now < end; ) {
            stripe(50 * MILLI, tookMillis);
        }
    }

    @Test
    void aDriveIsSlowAfterThreeRoundsInWhichItIsLate() {
        stripesFor(SECOND, 2, 2, 100, 2);
        assertThat(pace.slow(now)).isEmpty();
        stripesFor(SECOND, 2, 2, 100, 2);
        assertThat(pace.slow(now)).containsOnlyKeys(SLOW);
        assertThat(pace.slow(now))
                .containsValue(new DrivePace.Slowness(100 * MILLI, 2 * MILLI, false));
    }

    @Test
    void seldomAppendsTakeLongerToTell() {
        for (int i = 0; i < 11; i++) {
            stripe(SECOND, 2, 2, 900, 2);
            assertThat(pace.slow(now)).isEmpty();
        }
        stripe(SECOND, 2, 2, 900, 2);
        assertThat(pace.slow(now)).containsOnlyKeys(SLOW);
    }

    @Test
    void belowTheFloorNothingIsSlow() {
        stripesFor(60 * SECOND, 1, 1, 25, 1);
        assertThat(pace.slow(now)).isEmpty();
        stripesFor(3 * SECOND, 1, 1, 26, 1);
        assertThat(pace.slow(now)).containsOnlyKeys(SLOW);
    }

    @Test
    void whatIsSlowAsAWholeHasNoSlowDrive() {
        stripesFor(60 * SECOND, 500, 400, 900, 300);
        assertThat(pace.slow(now)).isEmpty();
    }

    @Test
    void severalMayBeSlowAtOnce() {
        stripesFor(3 * SECOND, 2, 100, 100, 2, 2, 300);
        assertThat(pace.slow(now)).containsOnlyKeys(drive(1), drive(2), drive(5));
    }

    @Test
    void oneOfTwoIsComparedWithTheOther() {
        stripesFor(3 * SECOND, 2, 100);
        assertThat(pace.slow(now)).containsOnlyKeys(drive(1));
    }

    /** Shards that lie together on a drive say nothing of it beside themselves. */
    @Test
    void aDriveIsNotComparedWithItself() {
        DriveId[] on = {drive(0), drive(0)};
        for (int i = 0; i < 100; i++) {
            now += 50 * MILLI;
            pace.stripeAnswered(on, new long[] {2 * MILLI, 500 * MILLI}, now);
        }
        assertThat(pace.slow(now)).isEmpty();
    }

    @Test
    void outliersDoNotCount() {
        for (int i = 0; i < 1000; i++) {
            stripe(50 * MILLI, 2, 2, i % 2 == 0 ? 500 : 2, 2);
        }
        assertThat(pace.slow(now)).isEmpty();
    }

    @Test
    void hiccupsDoNotCount() {
        for (int i = 0; i < 100; i++) {
            stripesFor(SECOND, 2, 2, 100, 2);
            stripesFor(SECOND, 2, 2, 2, 2);
        }
        assertThat(pace.slow(now)).isEmpty();
    }

    @Test
    void aSlowDriveStaysSoUntilItWasFastForThreeRounds() {
        stripesFor(3 * SECOND, 2, 2, 100, 2);
        for (int i = 0; i < 10; i++) {
            stripesFor(SECOND, 2, 2, 2, 2);
            stripesFor(SECOND, 2, 2, 100, 2);
        }
        assertThat(pace.slow(now)).containsOnlyKeys(SLOW);
        stripesFor(3 * SECOND, 2, 2, 2, 2);
        assertThat(pace.slow(now)).isEmpty();
    }

    @Test
    void oneThatIsNotHeardOfGetsAnotherChanceLaterAndLater() {
        long forgetNanos = 60 * SECOND;
        for (int i = 0; i < 7; i++) {
            stripesFor(3 * SECOND, 2, 2, 100, 2);
            now += forgetNanos;
            assertThat(pace.slow(now)).containsOnlyKeys(SLOW);
            now += SECOND;
            assertThat(pace.slow(now)).isEmpty();
            forgetNanos = Math.min(2 * forgetNanos, 960 * SECOND);
        }
    }

    @Test
    void oneThatDidNotAnswerIsSlowAtOnceForLongerAndLonger() {
        for (long forgetNanos = 10 * SECOND; forgetNanos < 500 * SECOND; forgetNanos *= 2) {
            pace.silent(SLOW, SECOND, now);
            pace.silent(SLOW, SECOND, now);
            now += forgetNanos;
            assertThat(pace.slow(now)).containsValue(new DrivePace.Slowness(SECOND, 0, true));
            now++;
            assertThat(pace.slow(now)).isEmpty();
        }
        stripesFor(3 * SECOND, 2, 2, 2, 2);
        pace.silent(SLOW, SECOND, now);
        stripesFor(3 * SECOND, 2, 2, 2, 2);
        assertThat(pace.slow(now)).as("it answers again, and fast").isEmpty();
    }

    /** A round of long ago says nothing of now. */
    @Test
    void roundsThatLieFarApartDoNotAddUp() {
        for (int i = 0; i < 20; i++) {
            stripesFor(SECOND, 2, 2, 100, 2);
            now += 61 * SECOND;
        }
        assertThat(pace.slow(now)).isEmpty();
    }
}
