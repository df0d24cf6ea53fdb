package io.ashlar.client.map;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.ashlar.client.AshlarException;
import io.ashlar.client.fake.FakeLoop;
import io.ashlar.client.model.Extent;
import io.ashlar.client.model.MapRoot;
import io.ashlar.client.model.SegmentId;

import org.junit.jupiter.api.Test;

import java.util.ArrayList;
import java.util.HashSet;
import java.util.List;
import java.util.Random;
import java.util.Set;
import java.util.concurrent.CompletableFuture;

class BlockMapTest {
    private static final int BLOCKS = 200_000;
    private static final long MILLI_NANOS = 1_000_000L;
    private static final long LONG_NANOS = 3_600_000_000_000L;
    private static final MapLimits SMALL = new MapLimits(64 << 10, 64 << 10, 2, 4);

    private final Random random = new Random(1);
    private final FakeLoop loop = new FakeLoop();
    private final FakeMapStore store = new FakeMapStore(loop, random);
    private final MapModel model = new MapModel(store, random, BLOCKS);

    private BlockMap open(MapLimits limits) throws Exception {
        return await(BlockMap.open(loop, store, limits, store.root(BLOCKS)));
    }

    private <T> T await(CompletableFuture<T> future) throws Exception {
        loop.runUntil(future::isDone, LONG_NANOS);
        return future.get();
    }

    private void write(BlockMap map, int stripes) throws Exception {
        for (int i = 0; i < stripes; i++) {
            if (!map.hasRoom()) {
                await(map.whenRoom());
            }
            MapModel.Made made = model.stripe(32, 1);
            model.install(made);
            map.install(made.ref(), made.stripe());
        }
    }

    private void writeOne(BlockMap map, long firstBlock, int count, Extent.Kind kind) {
        boolean data = kind == Extent.Kind.DATA;
        MapModel.Made made = model.made(
                List.of(new Extent(
                        firstBlock, count, 0, data ? count * 4096 : 0, kind, Extent.Codec.RAW)),
                data ? count : 0);
        model.install(made);
        map.install(made.ref(), made.stripe());
    }

    private void expectAll(BlockMap map) throws Exception {
        assertThat(MapModel.flatten(await(map.lookUp(0, BLOCKS)), 0))
                .isEqualTo(model.blocks(0, BLOCKS));
    }

    @Test
    void aCheckpointCoversWhatWasInstalledAndIsFoundAgain() throws Exception {
        BlockMap map = open(new MapLimits(4 << 20, 64 << 10, 2, 4));
        write(map, 500);
        CompletableFuture<Void> checkpoint = map.checkpoint();
        var covered = map.position();
        List<Object> then = model.blocks(0, BLOCKS);
        write(map, 10);
        await(checkpoint);
        MapRoot root = store.root(BLOCKS);
        assertThat(root.position()).isEqualTo(covered).isEqualTo(map.root().position());
        assertThat(root.blockCount()).isEqualTo(BLOCKS);
        map.close(new AshlarException.Invalid("closed"));
        BlockMap again = open(SMALL);
        assertThat(again.position()).isEqualTo(covered);
        assertThat(MapModel.flatten(await(again.lookUp(0, BLOCKS)), 0)).isEqualTo(then);
    }

    @Test
    void aCheckpointOfNothingNewWritesNothing() throws Exception {
        BlockMap map = open(SMALL);
        write(map, 10);
        await(map.checkpoint());
        long pages = store.appendedPages();
        assertThat(map.checkpoint()).isDone();
        assertThat(store.appendedPages()).isEqualTo(pages);
    }

    @Test
    void aSmallCheckpointRewritesSmallRunsOnly() throws Exception {
        BlockMap map = open(SMALL);
        write(map, 4000);
        await(map.checkpoint());
        loop.runFor(LONG_NANOS);
        long pages = store.appendedPages();
        writeOne(map, 77, 1, Extent.Kind.DATA);
        await(map.checkpoint());
        assertThat(store.appendedPages() - pages).isEqualTo(3);
    }

    @Test
    void aLookupSeesWhatHeldWhenItWasAsked() throws Exception {
        BlockMap map = open(SMALL);
        write(map, 2000);
        await(map.checkpoint());
        List<Object> then = model.blocks(0, 50_000);
        CompletableFuture<List<MapExtent>> asked = map.lookUp(0, 50_000);
        assertThat(asked).isNotDone();
        writeOne(map, 0, 4000, Extent.Kind.DATA);
        await(map.mergeAll());
        assertThat(MapModel.flatten(await(asked), 0)).isEqualTo(then);
    }

    @Test
    void whatIsInMemoryIsAnsweredAtOnce() throws Exception {
        BlockMap map = open(SMALL);
        writeOne(map, 10, 5, Extent.Kind.DATA);
        assertThat(map.lookUp(10, 5)).isDone();
        await(map.checkpoint());
        await(map.lookUp(10, 5));
        long reads = store.reads();
        assertThat(map.lookUp(11, 2)).isDone();
        assertThat(store.reads()).isEqualTo(reads);
    }

    @Test
    void lookupsOfOnePageReadItOnce() throws Exception {
        BlockMap map = open(SMALL);
        writeOne(map, 10, 5, Extent.Kind.DATA);
        await(map.checkpoint());
        long reads = store.reads();
        CompletableFuture<List<MapExtent>> first = map.lookUp(10, 1);
        CompletableFuture<List<MapExtent>> second = map.lookUp(12, 3);
        await(first);
        await(second);
        assertThat(store.reads() - reads).isEqualTo(2);
    }

    @Test
    void aPageThatCouldNotBeReadIsReadAnew() throws Exception {
        BlockMap map = open(SMALL);
        write(map, 100);
        await(map.checkpoint());
        store.failAt(1);
        CompletableFuture<List<MapExtent>> asked = map.lookUp(0, BLOCKS);
        assertThatThrownBy(() -> await(asked))
                .hasCauseInstanceOf(AshlarException.Unavailable.class);
        store.failAt(0);
        expectAll(map);
    }

    @Test
    void rottenPagesAreCorruptAndNeverAnAnswer() throws Exception {
        BlockMap map = open(SMALL);
        write(map, 100);
        await(map.checkpoint());
        store.rotAt(1);
        CompletableFuture<List<MapExtent>> asked = map.lookUp(0, BLOCKS);
        assertThatThrownBy(() -> await(asked)).hasCauseInstanceOf(AshlarException.Corrupt.class);
        CompletableFuture<BlockMap> opening = BlockMap.open(loop, store, SMALL, store.root(BLOCKS));
        assertThatThrownBy(() -> await(opening)).hasCauseInstanceOf(AshlarException.Corrupt.class);
    }

    @Test
    void aFlipOfAnyByteOfAPageIsCorrupt() throws Exception {
        BlockMap map = open(SMALL);
        write(map, 20);
        await(map.checkpoint());
        long reads = store.reads();
        for (int at = 0; at < 2 * 4096; at++) {
            // First the index page, then, with that one in the cache, the data page.
            store.rotByte(at % 4096, at == 4096 ? 1 : 0);
            CompletableFuture<List<MapExtent>> asked = map.lookUp(0, BLOCKS);
            assertThatThrownBy(() -> await(asked))
                    .as("byte %d", at)
                    .hasCauseInstanceOf(AshlarException.Corrupt.class);
        }
        assertThat(store.reads() - reads).isEqualTo(2 * 4096 + 1);
        store.rotByte(-1, 0);
        expectAll(map);
    }

    @Test
    void zeroesAreDroppedWhereNothingIsLeftToHideAndLossesStay() throws Exception {
        BlockMap map = open(SMALL);
        writeOne(map, 0, 1000, Extent.Kind.DATA);
        await(map.checkpoint());
        writeOne(map, 0, 1000, Extent.Kind.ZERO);
        await(map.mergeAll());
        assertThat(map.stats().runCount()).isZero();
        assertThat(await(map.lookUp(0, 10))).containsExactly(new MapExtent.Zero(0, 10));
        map.loseAll();
        await(map.mergeAll());
        assertThat(await(map.lookUp(5, 10))).containsExactly(new MapExtent.Lost(5, 10));
        assertThat(await(map.lostBlocks())).isEqualTo(BLOCKS);
    }

    @Test
    void everyRootTellsHowManyBlocksAreLost() throws Exception {
        BlockMap map = open(SMALL);
        write(map, 100);
        await(map.checkpoint());
        assertThat(store.lostBlocks()).isZero();
        map.loseAll();
        await(map.checkpoint());
        assertThat(store.lostBlocks()).isEqualTo(BLOCKS);
        writeOne(map, 5, 100, Extent.Kind.DATA);
        await(map.checkpoint());
        assertThat(store.lostBlocks()).as("in an older run too").isEqualTo(BLOCKS - 100);
        map.close(new AshlarException.Invalid("closed"));
        BlockMap again = open(SMALL);
        writeOne(again, 105, 100, Extent.Kind.ZERO);
        await(again.checkpoint());
        assertThat(store.lostBlocks()).isEqualTo(BLOCKS - 200);
        for (int block = 0; block < BLOCKS; block += 1 << 14) {
            writeOne(again, block, Math.min(1 << 14, BLOCKS - block), Extent.Kind.ZERO);
        }
        await(again.checkpoint());
        assertThat(store.lostBlocks()).isZero();
    }

    @Test
    void aRootTellsOfAsManyAsThereMayBeWhereTheyCannotBeCounted() throws Exception {
        BlockMap map = open(SMALL);
        write(map, 1000);
        MapModel.Made lost = model.stripe(1, 100);
        model.lose(lost);
        map.lose(lost.stripe());
        await(map.mergeAll());
        Extent extent = lost.stripe().extents().getFirst();
        long before = store.lostBlocks();
        assertThat(before).isEqualTo(extent.blockCount());
        store.hide(store.segments());
        writeOne(map, extent.firstBlock(), 1, Extent.Kind.DATA);
        CompletableFuture<Void> checkpoint = map.checkpoint();
        loop.runFor(1000 * MILLI_NANOS);
        assertThat(checkpoint).isDone();
        assertThat(store.lostBlocks()).as("at most").isEqualTo(before);
        store.hide(Set.of());
        writeOne(map, extent.firstBlock(), 1, Extent.Kind.DATA);
        await(map.checkpoint());
        assertThat(store.lostBlocks()).isEqualTo(before - 1);
    }

    @Test
    void appendsAndCommitsThatFailAreTriedAgain() throws Exception {
        BlockMap map = open(SMALL);
        store.failAt(1);
        write(map, 20);
        CompletableFuture<Void> checkpoint = map.checkpoint();
        loop.runFor(60_000_000_000L);
        assertThat(checkpoint).isNotDone();
        assertThat(map.stats().lastFailure()).contains("no answer");
        store.failAt(0);
        await(checkpoint);
        expectAll(map);
    }

    @Test
    void aRunThatCannotBeReadDelaysMergesOnly() throws Exception {
        BlockMap map = open(SMALL);
        write(map, 1000);
        await(map.mergeAll());
        Set<SegmentId> old = store.segments();
        store.hide(old);
        while (map.stats().lastFailure().isEmpty()) {
            write(map, 20);
            loop.runFor(MILLI_NANOS);
        }
        loop.runFor(60_000 * MILLI_NANOS);
        for (int i = 0; i < 5; i++) {
            writeOne(map, random.nextInt(BLOCKS), 1, Extent.Kind.DATA);
            CompletableFuture<Void> checkpoint = map.checkpoint();
            loop.runFor(100 * MILLI_NANOS);
            assertThat(checkpoint).as("checkpoint %d", i).isDone();
            loop.runFor(700 * MILLI_NANOS);
        }
        int runs = map.stats().runCount();
        store.hide(Set.of());
        loop.runFor(60_000 * MILLI_NANOS);
        assertThat(map.stats().runCount()).isLessThan(runs);
        expectAll(map);
    }

    @Test
    void aFencedMapEndsItsWritingAndStillReads() throws Exception {
        BlockMap map = open(SMALL);
        write(map, 20);
        store.fence();
        CompletableFuture<Void> checkpoint = map.checkpoint();
        assertThatThrownBy(() -> await(checkpoint))
                .hasCauseInstanceOf(AshlarException.Fenced.class);
        assertThat(map.checkpoint()).isCompletedExceptionally();
        assertThat(store.root(BLOCKS).runs()).isEmpty();
        assertThat(MapModel.flatten(await(map.lookUp(0, BLOCKS)), 0))
                .isEqualTo(model.blocks(0, BLOCKS));
    }

    @Test
    void installsAreHeldBackWhileTheFrozenTableIsNotDurable() throws Exception {
        BlockMap map = open(SMALL);
        store.failAt(1);
        while (map.hasRoom()) {
            writeOne(map, random.nextInt(BLOCKS), 1, Extent.Kind.DATA);
        }
        assertThat(map.stats().tableBytes()).isLessThan(2 * SMALL.tableBytes() + 4096);
        CompletableFuture<Void> room = map.whenRoom();
        assertThat(room).isNotDone();
        store.failAt(0);
        await(room);
        assertThat(map.hasRoom()).isTrue();
    }

    @Test
    void pagesOfAMergeUnderWayAreReferredTo() throws Exception {
        BlockMap map = open(new MapLimits(4 << 20, 64 << 10, 2, 4));
        write(map, 4000);
        CompletableFuture<Void> checkpoint = map.checkpoint();
        Set<SegmentId> pageSegments = new HashSet<>();
        while (!checkpoint.isDone()) {
            loop.step();
            SegmentReferences references = map.references();
            references.segments().stream()
                    .filter(segment -> references.of(segment).pages() > 0)
                    .forEach(pageSegments::add);
            assertThat(pageSegments).allMatch(references.segments()::contains);
        }
        assertThat(pageSegments).hasSizeGreaterThan(1);
    }

    @Test
    void aRootThatIsNotTheNewestTellsItsReferencesToo() throws Exception {
        BlockMap map = open(SMALL);
        write(map, 300);
        await(map.checkpoint());
        MapRoot old = store.root(BLOCKS);
        SegmentReferences then = map.references();
        write(map, 300);
        await(map.mergeAll());
        SegmentReferences found = await(BlockMap.references(store, old));
        assertThat(found.segments()).isEqualTo(then.segments());
    }

    @Test
    void memoryStaysWithinItsBoundWhateverIsWritten() throws Exception {
        MapLimits limits = new MapLimits(128 << 10, 256 << 10, 2, 4);
        BlockMap map = open(limits);
        long most = 0;
        for (int i = 0; i < 600; i++) {
            write(map, 10);
            var _ = map.lookUp(random.nextInt(BLOCKS - 64), 64);
            loop.runFor(2_000_000);
            most = Math.max(most, map.stats().memoryBytes());
        }
        assertThat(most).isBetween(300L << 10, limits.totalBytes());
        expectAll(map);
    }

    @Test
    void itsOwnStripesAreThoseThatReadingAllOfItReads() throws Exception {
        BlockMap written = open(SMALL);
        write(written, 700);
        await(written.checkpoint());
        loop.runFor(LONG_NANOS);
        store.stripesRead().clear();
        BlockMap map = open(SMALL);
        expectAll(map);
        assertThat(map.ownStripes())
                .hasSizeGreaterThan(3)
                .containsExactlyInAnyOrderElementsOf(store.stripesRead());
    }

    @Test
    void everyLiveStripeIsFoundOnce() throws Exception {
        BlockMap map = open(SMALL);
        write(map, 700);
        await(map.checkpoint());
        Set<List<Object>> expected = new HashSet<>();
        for (Object content : model.blocks(0, BLOCKS)) {
            if (content instanceof MapModel.Pointer pointer) {
                expected.add(List.of(pointer.segment(), pointer.number()));
            }
        }
        map.ownStripes().forEach(ref -> expected.add(List.of(ref.segment().id(), ref.number())));
        LiveStripes live = new LiveStripes(map);
        List<List<Object>> found = new ArrayList<>();
        while (!live.isAtEnd()) {
            await(live.next()).forEach(ref -> found.add(List.of(ref.segment().id(), ref.number())));
        }
        assertThat(found).doesNotHaveDuplicates();
        assertThat(new HashSet<>(found)).isEqualTo(expected);
    }

    @Test
    void theDefaultIsWithin64MiB() {
        assertThat(MapLimits.DEFAULT.totalBytes()).isLessThanOrEqualTo(64L << 20);
    }
}
