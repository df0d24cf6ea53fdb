package io.ashlar.client.nbd;

import static org.assertj.core.api.Assertions.assertThat;

import org.junit.jupiter.api.Test;

import java.util.ArrayList;
import java.util.List;
import java.util.SplittableRandom;
import java.util.concurrent.CompletableFuture;

class WriteOrderTest {
    private final WriteOrder order = new WriteOrder(1_000);
    private final List<Started> started = new ArrayList<>();

    private record Started(int id, long from, long to, boolean alone, CompletableFuture<Void> end) {
        boolean overlaps(Started other) {
            return from < other.to && other.from < to;
        }
    }

    private CompletableFuture<Void> submit(int id, long from, long to, boolean alone, long size) {
        return order.submit(from, to, size, alone, () -> {
            CompletableFuture<Void> end = new CompletableFuture<>();
            started.add(new Started(id, from, to, alone, end));
            return end;
        });
    }

    private void end(int id) {
        Started one = started.stream().filter(s -> s.id == id).findFirst().orElseThrow();
        started.remove(one);
        one.end.complete(null);
    }

    private List<Integer> running() {
        return started.stream().map(Started::id).toList();
    }

    @Test
    void writesOfWholeBlocksPassEachOther() {
        var _ = submit(1, 0, 10, false, 1);
        var _ = submit(2, 5, 15, false, 1);
        assertThat(running()).containsExactly(1, 2);
    }

    @Test
    void oneThatReadsFirstIsAloneWhereItLies() {
        var _ = submit(1, 0, 10, false, 1);
        var _ = submit(2, 5, 15, true, 1);
        var _ = submit(3, 12, 20, false, 1);
        var _ = submit(4, 30, 40, true, 1);
        assertThat(running()).containsExactly(1, 4);
        end(1);
        assertThat(running()).containsExactly(4, 2);
        end(2);
        assertThat(running()).containsExactly(4, 3);
    }

    @Test
    void aLargeOneIsNotPassedForEver() {
        var _ = submit(1, 0, 1, false, 600);
        var _ = submit(2, 2, 3, false, 900);
        var _ = submit(3, 4, 5, false, 100);
        assertThat(running()).containsExactly(1);
        end(1);
        assertThat(running()).containsExactly(2, 3);
    }

    @Test
    void aSingleOneMayBeLargerThanAllThatMay() {
        var _ = submit(1, 0, 1, false, 5_000);
        assertThat(running()).containsExactly(1);
    }

    @Test
    void aFailureIsToldAndHoldsNobodyUp() {
        CompletableFuture<Void> failed = order.submit(0, 1, 1, true, () -> {
            throw new IllegalStateException("no");
        });
        assertThat(failed).isCompletedExceptionally();
        var _ = submit(1, 0, 1, true, 1);
        assertThat(running()).containsExactly(1);
    }

    @Test
    void thousandsThatFailAtOnceAllEnd() {
        List<CompletableFuture<Void>> all = new ArrayList<>();
        var _ = submit(1, 0, 10, true, 1);
        for (int i = 0; i < 5_000; i++) {
            all.add(order.submit(0, 10, 0, true, () -> {
                throw new AssertionError("fails at once");
            }));
        }
        end(1);
        assertThat(all).allMatch(CompletableFuture::isCompletedExceptionally);
    }

    @Test
    void everyWriteComesToItsTurnAndNoneDisturbsAnother() {
        SplittableRandom random = new SplittableRandom(7);
        List<CompletableFuture<Void>> all = new ArrayList<>();
        for (int i = 0; i < 5_000; i++) {
            long from = random.nextInt(200);
            long to = from + 1 + random.nextInt(20);
            all.add(submit(i, from, to, random.nextInt(3) == 0, random.nextInt(200)));
            for (Started one : started) {
                assertThat(started)
                        .as("beside " + one)
                        .noneMatch(other -> other.id != one.id
                                && (other.alone || one.alone)
                                && other.overlaps(one));
            }
            while (started.size() > random.nextInt(12)) {
                end(started.get(random.nextInt(started.size())).id);
            }
        }
        while (!started.isEmpty()) {
            end(started.getFirst().id);
        }
        assertThat(all).allMatch(CompletableFuture::isDone);
    }
}
