package io.ashlar.node;

import static org.assertj.core.api.Assertions.assertThat;

import io.ashlar.client.AshlarException;
import io.ashlar.client.model.Policy;
import io.ashlar.client.protocol.OrderResult;
import io.ashlar.client.protocol.ShardDamage;

import org.junit.jupiter.api.Test;

import java.io.IOException;

/** What a scrub finds by itself. */
final class NodeScrubTest extends StorageNodeFixture {
    @Test
    void aScrubCountsEveryCellOfEveryRole() throws AshlarException {
        writeSegment();
        seal();
        for (int node = 0; node < 6; node++) {
            OrderResult result = scrub(node);
            assertThat(result.getCellsChecked()).isEqualTo(cellsOf(node));
            assertThat(result.getDamagedCells()).isZero();
            assertThat(result.getBytesRead()).isPositive();
        }
        assertThat(cluster.damage).isEmpty();
    }

    @Test
    void aScrubFindsFlippedBitsErasedAndUnreadableCells() throws AshlarException {
        writeSegment();
        seal();
        arena(0).flipBit(place(stripeOf(0, 8192)) + 5000);
        var erased = stripeOf(1, 8192);
        arena(1).erase(place(erased), erased.stripe().geometry().recordBytes());
        arena(2).makeUnreadable(place(stripeOf(2, 8192)) + 4096);
        for (int node = 0; node < 3; node++) {
            assertThat(scrub(node).getDamagedCells()).as("node " + node).isEqualTo(1);
        }
        assertThat(cluster.damage)
                .extracting(ShardDamage::getShard)
                .containsExactlyInAnyOrder(shards.get(0), shards.get(1), shards.get(2));
    }

    /** A slice, then a pause in which the drive is its users' alone. */
    @Test
    void aScrubKeepsToItsRate() throws AshlarException, IOException {
        for (int number = 1; number <= 4; number++) {
            segment = new TestSegment(number, new Policy(4, 2));
            shards = cluster.place(segment);
            stripes.clear();
            sealedBytes = 0;
            writeSegment();
            seal();
        }
        cluster.nodes.getFirst().kill();
        cluster.scrubBytesPerSecond = DriveScrub.SLICE_BYTES / 10;
        cluster.nodes.getFirst().start();
        long begin = cluster.transport.nextLoop().nanoTime();
        long slices = scrub(0).getBytesRead() / DriveScrub.SLICE_BYTES;
        assertThat(slices).isPositive();
        assertThat(cluster.transport.nextLoop().nanoTime() - begin)
                .isBetween(slices * 10_000_000_000L, (slices + 1) * 10_000_000_000L);
    }

    @Test
    void aScrubFindsRotInAShardThatIsStillOpen() throws AshlarException {
        writeSegment();
        arena(0).flipBit(place(stripeOf(0, 8192)) + 5000);
        assertThat(scrub(0).getDamagedCells()).isEqualTo(1);
        assertThat(cluster.damage).extracting(ShardDamage::getShard).containsExactly(shards.get(0));
    }

    @Test
    void aScrubCountsAShardForWhichThereIsNoMemoryAndLaterOnesReadIt() throws AshlarException {
        writeSegment();
        seal();
        cluster.nodes.getFirst().drives.getFirst().refuseMemoryOnce();
        assertThat(scrub(0).getUnreadable()).isEqualTo(1);
        OrderResult again = scrub(0);
        assertThat(again.getUnreadable()).isZero();
        assertThat(again.getCellsChecked()).isEqualTo(cellsOf(0));
    }
}
