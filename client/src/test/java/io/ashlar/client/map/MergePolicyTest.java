package io.ashlar.client.map;

import static org.assertj.core.api.Assertions.assertThat;

import io.ashlar.client.format.RunDirectory;
import io.ashlar.client.log.LogSegment;

import org.junit.jupiter.api.Test;

import java.util.List;
import java.util.Set;

/** The rows of the table in {@link MergePolicy}, and the order of newer and older runs. */
class MergePolicyTest {
    private final MergePolicy policy = new MergePolicy(10);

    private static Run run(int pages) {
        return new Run(
                new RunDirectory(
                        1,
                        0,
                        pages,
                        64,
                        List.of(),
                        new long[0],
                        List.of(),
                        new RunDirectory.Batches(
                                new int[0], new int[0], new long[0], new long[0], new int[0]),
                        new RunDirectory.Fences(new long[0], new int[0], new int[0])),
                new LogSegment[0],
                List.of());
    }

    private static RunList list(RunList.Placed... placed) {
        return new RunList(List.of(placed));
    }

    private static RunList.Placed current(Run run, int level) {
        return new RunList.Placed(run, level, false);
    }

    private static RunList.Placed full(Run run, int level) {
        return new RunList.Placed(run, level, true);
    }

    @Test
    void nothingIsDoneWhereNothingWaits() {
        assertThat(policy.next(list(current(run(5), 0)), Set.of(), 0, true)).isNull();
    }

    @Test
    void aTableGoesToTheLevelThatHoldsIt() {
        assertThat(policy.next(RunList.EMPTY, Set.of(), 10, true))
                .isEqualTo(new MergePolicy.Flush(List.of(), 0));
        assertThat(policy.next(RunList.EMPTY, Set.of(), 11, true))
                .isEqualTo(new MergePolicy.Flush(List.of(), 1));
    }

    @Test
    void aTableTakesTheCurrentRunsAboveItsLevelAlong() {
        Run small = run(3);
        Run large = run(20);
        assertThat(policy.next(list(current(small, 0), current(large, 1)), Set.of(), 40, true))
                .isEqualTo(new MergePolicy.Flush(List.of(small, large), 1));
    }

    @Test
    void aCurrentRunWithoutRoomBecomesFullAndIsMergedDown() {
        Run old = run(70);
        Run below = run(100);
        RunList list = list(current(old, 1), current(below, 2));
        assertThat(policy.next(list, Set.of(), 40, true))
                .isEqualTo(new MergePolicy.Move(old, 1, true));
        RunList moved = list.moved(old, 1, true);
        assertThat(policy.next(moved, Set.of(), 40, true))
                .isEqualTo(new MergePolicy.Flush(List.of(), 1));
        assertThat(policy.next(moved, Set.of(), 0, true))
                .isEqualTo(new MergePolicy.Merge(List.of(old, below), 2));
    }

    @Test
    void aFullRunMovesAsItIsToALevelWithoutOne() {
        Run old = run(70);
        assertThat(policy.next(list(full(old, 1)), Set.of(), 0, true))
                .isEqualTo(new MergePolicy.Move(old, 2, false));
    }

    @Test
    void whileAFullRunIsMergedItsLevelMayHoldTwiceItsRoom() {
        Run full = run(80);
        Run below = run(600);
        Run current = run(60);
        RunList list = list(current(current, 1), full(full, 1), current(below, 2));
        assertThat(policy.next(list, Set.of(full, below), 70, true))
                .isEqualTo(new MergePolicy.Flush(List.of(current), 1));
        Run large = run(100);
        RunList fuller = list(current(large, 1), full(full, 1), current(below, 2));
        assertThat(policy.next(fuller, Set.of(full, below), 70, true)).isNull();
    }

    @Test
    void aTableNeverPassesAnOlderRun() {
        Run full = run(10);
        Run below = run(30);
        RunList list = list(full(full, 0), current(below, 1));
        assertThat(policy.next(list, Set.of(full, below), 40, true)).isNull();
        assertThat(policy.next(list, Set.of(full, below), 5, true))
                .isEqualTo(new MergePolicy.Flush(List.of(), 0));
        Run current = run(3);
        assertThat(policy.next(list(current(current, 0)), Set.of(current), 40, true))
                .isNull();
    }

    @Test
    void onlySoManyMergesRunAtATime() {
        Run full = run(10);
        Run below = run(30);
        assertThat(policy.next(list(full(full, 0), current(below, 1)), Set.of(), 0, false))
                .isNull();
    }
}
