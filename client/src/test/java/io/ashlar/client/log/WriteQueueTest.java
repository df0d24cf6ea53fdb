package io.ashlar.client.log;

import static org.assertj.core.api.Assertions.assertThat;

import org.junit.jupiter.api.Test;

import java.lang.foreign.MemorySegment;
import java.util.concurrent.CompletableFuture;

class WriteQueueTest {
    private static final int BATCH_BLOCKS = 4;
    private static final MemorySegment ZEROES = MemorySegment.ofArray(new byte[0]);

    private final WriteQueue queue = new WriteQueue(BATCH_BLOCKS);

    private CompletableFuture<Void> write(long firstBlock, int blockCount) {
        return queue.add(
                firstBlock, blockCount, MemorySegment.ofArray(new byte[blockCount * 4096]));
    }

    @Test
    void aRunOfZeroesTakesOneBlockOfABatch() {
        for (int i = 0; i < BATCH_BLOCKS - 1; i++) {
            var _ = queue.add(i * 1000L, 1000, ZEROES);
        }
        assertThat(queue.hasFullBatch()).isFalse();
        var _ = write(5, 2);
        assertThat(queue.hasFullBatch()).isTrue();
        assertThat(queue.take().runs()).hasSize(BATCH_BLOCKS);
        assertThat(queue.hasFullBatch()).isFalse();
        assertThat(queue.take().runs()).hasSize(1);
        assertThat(queue.isEmpty()).isTrue();
    }

    @Test
    void zeroesOfMoreBlocksThanAnExtentCountsAreSeveralBatchesAndOneWrite() {
        long blocks = (1L << 31) + 5;
        CompletableFuture<Void> done = queue.add(7, blocks, ZEROES);
        long next = 7;
        while (!queue.isEmpty()) {
            assertThat(done).isNotDone();
            WriteQueue.Batch batch = queue.take();
            assertThat(batch.runs().getFirst().firstBlock()).isEqualTo(next);
            next += batch.runs().getFirst().blockCount();
            batch.acknowledge();
        }
        assertThat(next).isEqualTo(7 + blocks);
        assertThat(done).isCompleted();
    }
}
