package io.ashlar.node;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.ashlar.client.AshlarException;
import io.ashlar.client.protocol.Headers;
import io.ashlar.client.protocol.Order;
import io.ashlar.client.protocol.OrderResult;
import io.ashlar.client.protocol.Placement;
import io.ashlar.client.protocol.Range;
import io.ashlar.client.protocol.ReadCell;
import io.ashlar.client.protocol.ReadHeaders;
import io.ashlar.client.protocol.RebuildShard;
import io.ashlar.client.protocol.Request;
import io.ashlar.client.protocol.ShardRef;
import io.ashlar.client.protocol.UnmadeStripes;
import io.ashlar.client.transport.Transport;

import org.junit.jupiter.api.Test;

import java.io.IOException;
import java.util.List;
import java.util.stream.IntStream;

/** Rebuilds of shards of which some cells cannot be made: everything else is. */
final class UndecodableStripesTest extends StorageNodeFixture {

    private TestSegment.Written full() {
        return stripes.stream()
                .filter(one -> one.stripe().geometry().d() == 4)
                .filter(one -> one.stripe().geometry().cellBytes() >= 8192)
                .findFirst()
                .orElseThrow();
    }

    private static long number(TestSegment.Written stripe) {
        return stripe.stripe().identity().number();
    }

    /** Whether the shard says that it does not know what was written where the stripe is. */
    private boolean isUnknown(int node, ShardRef shard, TestSegment.Written stripe)
            throws AshlarException {
        ReadHeaders read = ReadHeaders.newBuilder().setShard(shard).build();
        Transport.Answer answer = cluster.ask(
                cluster.nodes.get(node),
                Request.newBuilder().setReadHeaders(read).build(),
                List.of());
        answer.bulk().release();
        Headers headers = answer.response().getHeaders();
        long offset = stripe.stripe().identity().offset();
        for (Range range : headers.getUnknownList()) {
            if (range.getOffset() <= offset && offset < range.getOffset() + range.getLength()) {
                return true;
            }
        }
        return false;
    }

    private byte[] read(int node, ShardRef shard, TestSegment.Written stripe)
            throws AshlarException {
        ReadCell read = ReadCell.newBuilder()
                .setShard(shard)
                .setOffset(stripe.stripe().identity().offset())
                .setPieceCount(stripe.stripe().geometry().piecesPerCell())
                .build();
        Transport.Answer answer = cluster.ask(
                cluster.nodes.get(node), Request.newBuilder().setReadCell(read).build(), List.of());
        byte[] bytes = answer.bulk().segment().toArray(Little.BYTE);
        answer.bulk().release();
        return bytes;
    }

    @Test
    void neverDecodesFromCellsOfTwoGenerations() throws IOException {
        writeSegment();
        seal();
        var stripe = full();
        var identity = stripe.stripe().identity();
        int cellBytes = stripe.stripe().geometry().cellBytes();
        var other = segment.stripe(identity.number(), identity.offset(), 4, cellBytes);
        for (int shard = 4; shard < 6; shard++) {
            replace(shard, other);
        }
        rot(0, stripe);
        OrderResult result = rebuild(0);
        assertThat(result.getUnmadeList()).singleElement().satisfies(unmade -> {
            assertThat(unmade.getFirst()).isEqualTo(identity.number());
            assertThat(unmade.getAnswered()).isTrue();
            assertThat(unmade.getReason()).contains("another cell");
        });
    }

    @Test
    void namesTheStripesThatCannotBeDecodedAndMakesTheRest() throws AshlarException {
        writeSegment();
        seal();
        List<TestSegment.Written> hopeless = stripes.stream()
                .filter(stripe -> stripe.has(0))
                .filter(stripe -> stripe.stripe().geometry().cellBytes() > 0)
                .limit(2)
                .toList();
        for (TestSegment.Written stripe : hopeless) {
            for (int shard = 0; shard < 6; shard++) {
                if (stripe.has(shard)) {
                    rot(shard, stripe);
                }
            }
        }
        var last = stripes.stream().filter(stripe -> stripe.has(0)).toList().getLast();
        arena(0).flipBit(place(last) + 30);

        OrderResult result = rebuild(0);
        assertThat(result.hasFailure()).isFalse();
        assertThat(result.getUnmadeCells()).isEqualTo(2);
        assertThat(result.getUnmadeList()).allMatch(UnmadeStripes::getAnswered);
        assertThat(result.getUnmade(0).getFirst()).isEqualTo(number(hopeless.getFirst()));
        assertThat(result.getCellsWritten()).isEqualTo(1);
        assertThat(result.getCellsChecked()).isEqualTo(cellsOf(0));
        assertThat(result.getBytesWritten()).isEqualTo(last.stripe().geometry().recordBytes());
        assertThat(verify(0).getDamagedCells()).isEqualTo(2);
    }

    @Test
    void rebuildsElsewhereWhateverCanBeMadeAndNeverDeniesTheRest() throws IOException {
        writeSegment();
        seal();
        delete(0);
        var lost = full();
        for (int shard = 1; shard < 4; shard++) {
            rot(shard, lost);
        }
        OrderResult result = rebuildElsewhere(0);
        assertThat(result.hasFailure()).isFalse();
        assertThat(result.getCellsWritten()).isEqualTo(cellsOf(0) - 1);
        assertThat(result.getUnmadeList()).singleElement().satisfies(unmade -> {
            assertThat(unmade.getFirst()).isEqualTo(number(lost));
            assertThat(unmade.getHeadless()).isFalse();
            assertThat(unmade.getAnswered()).isTrue();
        });
        for (int start = 0; start < 2; start++) {
            assertThat(isUnknown(6, copyOf(0), lost)).isTrue();
            assertThatThrownBy(() -> read(6, copyOf(0), lost))
                    .isInstanceOf(AshlarException.Corrupt.class);
            var whole = stripes.stream()
                    .filter(stripe -> stripe.has(0) && number(stripe) != number(lost))
                    .filter(stripe -> stripe.stripe().geometry().cellBytes() > 0)
                    .toList();
            for (TestSegment.Written stripe : whole) {
                assertThat(read(6, copyOf(0), stripe)).isEqualTo(stripe.cell(0));
            }
            cluster.nodes.get(6).kill();
            cluster.nodes.get(6).start();
        }
    }

    /** A shard from which a cell vanished denies it, until a rebuild has learnt better. */
    @Test
    void aCellThatVanishedIsNoNegativeOnceARebuildMissedIt() throws IOException {
        writeSegment();
        seal();
        var lost = full();
        arena(0).erase(place(lost), lost.stripe().geometry().recordBytes());
        rot(1, lost);
        rot(2, lost);
        assertThat(rebuild(0).getUnmadeCells()).isEqualTo(1);
        for (int start = 0; start < 2; start++) {
            assertThat(isUnknown(0, shards.getFirst(), lost)).isTrue();
            cluster.nodes.getFirst().kill();
            cluster.nodes.getFirst().start();
        }
    }

    @Test
    void numbersStripesOfWhichNoHeaderIsLeft() throws AshlarException {
        writeSegment();
        seal();
        var lost = stripeOf(0, 8192);
        for (int shard = 0; shard < 6; shard++) {
            if (lost.has(shard)) {
                arena(shard).flipBit(place(lost) + 30);
            }
        }
        delete(0);
        OrderResult result = rebuildElsewhere(0);
        assertThat(result.getUnmadeList()).singleElement().satisfies(unmade -> {
            assertThat(unmade.getFirst()).isEqualTo(number(lost));
            assertThat(unmade.getCount()).isEqualTo(1);
            assertThat(unmade.getHeadless()).isTrue();
            assertThat(unmade.getAnswered()).isTrue();
        });
        assertThat(result.getCellsWritten()).isEqualTo(cellsOf(0) - 1);
        assertThat(result.getUnmadeCells()).isEqualTo(1);
    }

    @Test
    void aStripeThatNobodyKnowsIsNoLossOfAShardThatHasNoCellOfIt() throws AshlarException {
        writeSegment();
        seal();
        var lost = stripes.stream().filter(stripe -> !stripe.has(0)).findFirst().orElseThrow();
        for (int shard = 1; shard < 6; shard++) {
            if (lost.has(shard)) {
                arena(shard).flipBit(place(lost) + 30);
            }
        }
        delete(0);
        OrderResult result = rebuildElsewhere(0);
        assertThat(result.getUnmadeCells()).isZero();
        assertThat(result.getUnmadeList()).isEmpty();
        assertThat(result.getCellsWritten()).isEqualTo(cellsOf(0));
    }

    @Test
    void saysThatACellMayStillBeMadeWhileANodeIsSilent() throws AshlarException {
        writeSegment();
        seal();
        delete(0);
        var stripe = full();
        rot(1, stripe);
        cluster.transport.silent.add(cluster.nodes.get(2).address());
        rot(3, stripe);
        OrderResult result = rebuildElsewhere(0);
        assertThat(result.getUnmadeList())
                .singleElement()
                .satisfies(unmade -> assertThat(unmade.getAnswered()).isFalse());
    }

    @Test
    void takesFromAFormerPlaceWhatNobodyElseCanMake() throws AshlarException {
        writeSegment();
        seal();
        var stripe = full();
        for (int shard = 1; shard < 4; shard++) {
            rot(shard, stripe);
        }
        cluster.transport.silent.add(cluster.nodes.getFirst().address());
        OrderResult first = rebuildElsewhere(0);
        assertThat(first.getUnmadeList())
                .singleElement()
                .satisfies(unmade -> assertThat(unmade.getAnswered()).isFalse());

        cluster.transport.silent.clear();
        cluster.transport.runFor(60_000_000_000L / 2);
        var former = placed().getPlacements(0);
        var placed = placed().toBuilder()
                .setPlacements(
                        0,
                        Placement.newBuilder()
                                .setShard(copyOf(0))
                                .setNode("n6")
                                .setAddress(cluster.nodes.get(6).address().toString()))
                .build();
        OrderResult second = order(
                6,
                Order.newBuilder()
                        .setRebuild(RebuildShard.newBuilder()
                                .setSegment(placed)
                                .setShard(copyOf(0))
                                .setCells(cellsOf(0))
                                .addFormer(former)));
        assertThat(second.getUnmadeCells()).isZero();
        assertThat(second.getCellsWritten()).isEqualTo(1);
        assertThat(read(6, copyOf(0), stripe)).isEqualTo(stripe.cell(0));
    }

    @Test
    void aFormerPlaceTellsWhichGenerationIsRight() throws IOException {
        writeSegment();
        seal();
        var stripe = ofTwoCells();
        List<Integer> holders = holders(stripe);
        putOtherGeneration(holders.get(0), stripe);
        arena(holders.get(1)).flipBit(place(stripe) + 30);
        int moved = holders.get(2);
        OrderResult result = rebuildElsewhere(moved);
        assertThat(result.getUnmadeList()).isEmpty();
        assertThat(read(6, copyOf(moved), stripe)).isEqualTo(stripe.cell(moved));
    }

    private TestSegment.Written ofTwoCells() {
        return stripes.stream()
                .filter(one -> one.stripe().geometry().d() == 2)
                .filter(one -> one.stripe().geometry().cellBytes() >= 8192)
                .findFirst()
                .orElseThrow();
    }

    private static List<Integer> holders(TestSegment.Written stripe) {
        return IntStream.range(0, 6).filter(stripe::has).boxed().toList();
    }

    private void putOtherGeneration(int shard, TestSegment.Written stripe) throws IOException {
        var identity = stripe.stripe().identity();
        int cellBytes = stripe.stripe().geometry().cellBytes();
        replace(shard, segment.stripe(identity.number(), identity.offset(), 2, cellBytes));
    }

    /** Rebuilds a shard while another has been placed on the node that has none. */
    private OrderResult rebuildAfterMove(int shard, int moved) {
        Placement former = placed().getPlacements(moved);
        Placement now = former.toBuilder()
                .setShard(copyOf(moved))
                .setNode("n6")
                .setAddress(cluster.nodes.get(6).address().toString())
                .build();
        RebuildShard rebuild = RebuildShard.newBuilder()
                .setSegment(placed().toBuilder().setPlacements(moved, now))
                .setShard(shards.get(shard))
                .setCells(cellsOf(shard))
                .addFormer(former)
                .build();
        return order(shard, Order.newBuilder().setRebuild(rebuild));
    }

    @Test
    void theFormerPlaceOfAnotherShardTellsWhichGenerationIsRight() throws IOException {
        writeSegment();
        seal();
        var stripe = ofTwoCells();
        List<Integer> holders = holders(stripe);
        int damaged = holders.get(2);
        putOtherGeneration(holders.get(0), stripe);
        arena(damaged).flipBit(place(stripe) + 30);
        assertThat(rebuildAfterMove(damaged, holders.get(1)).getUnmadeList()).isEmpty();
        assertThat(read(damaged, stripe)).isEqualTo(stripe.cell(damaged));
    }

    @Test
    void twoPlacesOfOneShardCountOnce() throws IOException {
        writeSegment();
        seal();
        var stripe = ofTwoCells();
        List<Integer> holders = holders(stripe);
        int damaged = holders.get(2);
        int moved = holders.get(1);
        assertThat(rebuildElsewhere(moved).getUnmadeCells()).isZero();
        putOtherGeneration(holders.get(0), stripe);
        arena(damaged).flipBit(place(stripe) + 30);
        rot(holders.get(3), stripe);
        OrderResult result = rebuildAfterMove(damaged, moved);
        assertThat(result.hasFailure()).isFalse();
        assertThat(result.getUnmadeList())
                .singleElement()
                .satisfies(unmade -> assertThat(unmade.getReason()).contains("1 of 2 cells"));
    }

    /** A replay asks placed shards alone, and would take for lost what none of them tells of. */
    @Test
    void whatOnlyAFormerPlaceOfAnotherShardTellsOfHasNoHeader() throws AshlarException {
        writeSegment();
        seal();
        var stripe = ofTwoCells();
        List<Integer> holders = holders(stripe);
        int moved = holders.get(1);
        int damaged = holders.get(2);
        for (int holder : List.of(holders.get(0), damaged, holders.get(3))) {
            arena(holder).flipBit(place(stripe) + 30);
        }
        OrderResult result = rebuildAfterMove(damaged, moved);
        assertThat(result.getUnmadeList()).singleElement().satisfies(unmade -> {
            assertThat(unmade.getFirst()).isEqualTo(number(stripe));
            assertThat(unmade.getHeadless()).isTrue();
        });
    }

    /** Which generation is tried first must not decide which one is made. */
    @Test
    void allPlacesOfAShardAreHeardWhereAGenerationHasToPrevail() throws IOException {
        writeSegment();
        seal();
        var stripe = stripes.stream()
                .filter(one -> one.stripe().geometry().d() == 1)
                .filter(one -> one.stripe().geometry().cellBytes() >= 8192)
                .findFirst()
                .orElseThrow();
        List<Integer> holders = holders(stripe);
        int moved = holders.get(1);
        assertThat(rebuildElsewhere(moved).getUnmadeCells()).isZero();
        var identity = stripe.stripe().identity();
        int cellBytes = stripe.stripe().geometry().cellBytes();
        replaceOn(6, moved, segment.stripe(identity.number(), identity.offset(), 1, cellBytes));
        arena(holders.get(0)).flipBit(place(stripe) + 30);
        arena(holders.get(2)).flipBit(place(stripe) + 30);
        assertThat(rebuildAfterMove(holders.get(0), moved).getUnmadeCells()).isEqualTo(1);
    }
}
