package io.ashlar.client.map;

import static org.assertj.core.api.Assertions.assertThat;

import io.ashlar.client.AshlarException;
import io.ashlar.client.fake.FakeLoop;
import io.ashlar.client.model.LogPosition;
import io.ashlar.client.model.MapRoot;
import io.ashlar.client.model.SegmentId;

import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

import java.util.ArrayList;
import java.util.List;
import java.util.Random;
import java.util.concurrent.CompletableFuture;
import java.util.stream.LongStream;

/**
 * A map against a plain array, under random operations, faults and reopenings; whatever it does not
 * refer to is freed at once. Repeat a seed with {@code -Dtest=BlockMapRandomTest
 * -Dashlar.map.seed=SEED}.
 */
class BlockMapRandomTest {
    private static final int BLOCKS = 4000;
    private static final int OPERATIONS = 3000;
    private static final long LONG_NANOS = 3_600_000_000_000L;

    static LongStream seeds() {
        Long one = Long.getLong("ashlar.map.seed");
        return one != null ? LongStream.of(one) : LongStream.range(0, 30);
    }

    @ParameterizedTest
    @MethodSource("seeds")
    void saysWhatAnArrayWouldSay(long seed) throws Exception {
        new Course(seed).run();
    }

    private static final class Course {
        final Random random;
        final FakeLoop loop = new FakeLoop();
        final FakeMapStore store;
        final MapModel model;
        final MapLimits limits;
        final List<Told> log = new ArrayList<>();
        final List<CompletableFuture<?>> asked = new ArrayList<>();
        final boolean faulty;
        BlockMap map;
        long failed;
        long answered;

        /** Something that was told to the map, and where the log stood behind it. */
        record Told(LogPosition position, Runnable again) {}

        Course(long seed) throws Exception {
            random = new Random(seed);
            store = new FakeMapStore(loop, random);
            model = new MapModel(store, random, BLOCKS);
            limits = new MapLimits(
                    4096 + random.nextInt(20_000),
                    4096L * (1 + random.nextInt(40)),
                    1 + random.nextInt(3),
                    1 + random.nextInt(3));
            faulty = random.nextBoolean();
            map = opened();
        }

        private BlockMap opened() throws Exception {
            CompletableFuture<BlockMap> opening =
                    BlockMap.open(loop, store, limits, store.root(BLOCKS));
            loop.runUntil(opening::isDone, LONG_NANOS);
            return opening.join();
        }

        void run() throws Exception {
            int maxBlocks = random.nextBoolean() ? 1 : 1 + random.nextInt(300);
            for (int i = 0; i < OPERATIONS; i++) {
                switch (random.nextInt(1000)) {
                    case 0 -> reopen();
                    case 1 -> loseAll();
                    case 2, 3, 4 -> asked.add(map.checkpoint());
                    case 5 -> asked.add(map.mergeAll());
                    case 6 -> store.failAt(faulty ? random.nextDouble(0.2) : 0);
                    case 7 -> store.rotAt(faulty ? random.nextDouble(0.1) : 0);
                    case 8, 9 -> lose(maxBlocks);
                    default -> {
                        if (random.nextInt(3) == 0) {
                            lookUp();
                        } else if (map.hasRoom()) {
                            install(maxBlocks);
                        }
                    }
                }
                for (int steps = random.nextInt(8); steps > 0; steps--) {
                    loop.step();
                }
                if (i % 50 == 0) {
                    freeWhatNothingNeeds();
                }
            }
            settle();
        }

        private void install(int maxBlocks) {
            MapModel.Made made = model.stripe(6, maxBlocks);
            model.install(made);
            tell(() -> map.install(made.ref(), made.stripe()));
        }

        private void lose(int maxBlocks) {
            MapModel.Made made = model.stripe(2, maxBlocks);
            model.lose(made);
            tell(() -> map.lose(made.stripe()));
        }

        private void loseAll() {
            model.loseAll();
            tell(() -> map.loseAll());
        }

        private void tell(Runnable again) {
            again.run();
            log.add(new Told(map.position(), again));
        }

        private void lookUp() {
            long first = random.nextLong(BLOCKS);
            long count =
                    Math.min(BLOCKS - first, 1 + random.nextInt(random.nextBoolean() ? 3 : 900));
            List<Object> expected = model.blocks(first, count);
            asked.add(map.lookUp(first, count).handle((extents, failure) -> {
                if (failure == null) {
                    answered++;
                    assertThat(MapModel.flatten(extents, first)).isEqualTo(expected);
                } else {
                    failed++;
                    assertThat(AshlarException.in(failure))
                            .isInstanceOfAny(
                                    AshlarException.Unavailable.class,
                                    AshlarException.Corrupt.class);
                }
                return null;
            }));
        }

        /** As after a crash: only the last committed root and the log behind it are left. */
        private void reopen() throws Exception {
            map.close(new AshlarException.Invalid("closed"));
            store.failAt(0);
            store.rotAt(0);
            loop.runFor(LONG_NANOS);
            MapRoot root = store.root(BLOCKS);
            map = opened();
            int from = 0;
            for (int i = 0; i < log.size(); i++) {
                if (log.get(i).position().equals(root.position())) {
                    from = i + 1;
                    break;
                }
            }
            for (Told told : log.subList(from, log.size())) {
                told.again().run();
            }
            assertThat(map.position())
                    .isEqualTo(log.isEmpty() ? LogPosition.START : log.getLast().position());
        }

        private void freeWhatNothingNeeds() {
            SegmentReferences references = map.references();
            for (SegmentId segment : store.segments()) {
                long needed = model.blocksBySegment().getOrDefault(segment, 0L);
                assertThat(references.of(segment).blocks()).isGreaterThanOrEqualTo(needed);
                if (!references.segments().contains(segment)
                        && !store.isOpen(segment)
                        && !model.isOpen(segment)
                        && isBeforeReplay(segment)) {
                    store.free(segment);
                }
            }
        }

        private boolean isBeforeReplay(SegmentId segment) {
            int from = 0;
            for (int i = 0; i < log.size(); i++) {
                if (log.get(i).position().equals(map.root().position())) {
                    from = i;
                }
            }
            return log.subList(from, log.size()).stream()
                    .noneMatch(told -> told.position().segment().equals(segment));
        }

        /** Once the faults are over everything comes to rest, in one run. */
        private void settle() throws Exception {
            store.failAt(0);
            store.rotAt(0);
            CompletableFuture<Void> merged = map.mergeAll();
            loop.runUntil(merged::isDone, LONG_NANOS);
            merged.join();
            loop.runFor(LONG_NANOS);
            assertThat(asked).allMatch(CompletableFuture::isDone);
            for (CompletableFuture<?> one : asked) {
                if (one.isCompletedExceptionally()) {
                    assertThat(one.exceptionNow()).hasStackTraceContaining("closed");
                }
            }
            assertThat(answered).isPositive();
            if (!faulty) {
                assertThat(failed).isZero();
            }
            assertThat(map.isIdle()).isTrue();
            assertThat(map.stats().runCount()).isLessThanOrEqualTo(1);
            var exact = model.blocksBySegment();
            SegmentReferences references = map.references();
            for (SegmentId segment : store.segments()) {
                assertThat(references.of(segment).blocks())
                        .isEqualTo(exact.getOrDefault(segment, 0L));
            }
            freeWhatNothingNeeds();
            CompletableFuture<Long> lost = map.lostBlocks();
            loop.runUntil(lost::isDone, LONG_NANOS);
            assertThat(lost.join()).isEqualTo(model.lostBlocks());
            assertThat(store.lostBlocks()).isEqualTo(model.lostBlocks());
            reopen();
            CompletableFuture<List<MapExtent>> all = map.lookUp(0, BLOCKS);
            loop.runUntil(all::isDone, LONG_NANOS);
            assertThat(MapModel.flatten(all.join(), 0)).isEqualTo(model.blocks(0, BLOCKS));
        }
    }
}
