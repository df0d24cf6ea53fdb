package io.ashlar.node;

import static org.assertj.core.api.Assertions.assertThat;

import io.ashlar.client.AshlarException;
import io.ashlar.client.model.Policy;
import io.ashlar.client.protocol.CompareShards;
import io.ashlar.client.protocol.ErrorCode;
import io.ashlar.client.protocol.Order;
import io.ashlar.client.protocol.OrderResult;
import io.ashlar.client.protocol.Request;
import io.ashlar.client.protocol.ShardDamage;

import org.junit.jupiter.api.Test;

import java.io.IOException;

/** What only a comparison of a segment's shards finds. */
final class DeepScrubTest extends StorageNodeFixture {

    private OrderResult compare(int node) {
        return order(
                node,
                Order.newBuilder()
                        .setCompare(CompareShards.newBuilder().setScrub(9).setSegment(placed())));
    }

    /** A full stripe, of which these shards hold another generation, each cell whole. */
    private TestSegment.Written split(int... others) throws IOException {
        var stripe = stripes.stream()
                .filter(one -> one.stripe().geometry().d() == segment.policy.k())
                .filter(one -> one.stripe().geometry().cellBytes() >= 8192)
                .findFirst()
                .orElseThrow();
        var identity = stripe.stripe().identity();
        var geometry = stripe.stripe().geometry();
        var other = segment.stripe(
                identity.number(), identity.offset(), geometry.d(), geometry.cellBytes());
        for (int shard : others) {
            replace(shard, other);
        }
        return stripe;
    }

    @Test
    void comparesEveryStripeAndDecodesSome() throws AshlarException {
        writeSegment();
        seal();
        OrderResult result = compare(2);
        assertThat(result.hasFailure()).isFalse();
        assertThat(result.getStripesCompared()).isEqualTo(stripes.size());
        assertThat(result.getStripesDecoded()).isEqualTo(SegmentComparison.DECODED_STRIPES);
        assertThat(result.getDamagedCells()).isZero();
        assertThat(result.getUnreadable()).isZero();
        assertThat(result.getBytesRead()).isPositive();
        assertThat(cluster.damage).isEmpty();
    }

    @Test
    void findsAndRepairsACellOfAnotherGenerationThatAPlainScrubTakesForWhole() throws IOException {
        writeSegment();
        seal();
        var stripe = split(4);
        assertThat(scrub(4).getDamagedCells()).isZero();
        assertThat(cluster.damage).isEmpty();

        assertThat(compare(1).getDamagedCells()).isEqualTo(1);
        assertThat(cluster.damage).singleElement().satisfies(damage -> {
            assertThat(damage.getShard()).isEqualTo(shards.get(4));
            assertThat(damage.getKind()).isEqualTo(ShardDamage.Kind.CORRUPT_CELL);
            assertThat(damage.getDetail())
                    .contains("stripe " + stripe.stripe().identity().number() + ":");
        });
        OrderResult repaired = rebuild(4);
        assertThat(repaired.getUnmadeCells()).isZero();
        assertThat(repaired.getCellsWritten()).isEqualTo(1);
        assertWhole(4);
        assertThat(compare(1).getDamagedCells()).isZero();
    }

    @Test
    void repairsTheMinorityWhicheverShardIsAskedFirst() throws IOException {
        writeSegment();
        seal();
        split(0);
        for (int shard = 0; shard < 6; shard++) {
            OrderResult result = rebuild(shard);
            assertThat(result.getUnmadeCells()).as("shard " + shard).isZero();
            assertThat(result.getCellsWritten()).as("shard " + shard).isEqualTo(shard == 0 ? 1 : 0);
            assertWhole(shard);
        }
    }

    @Test
    void neverMakesAMirrorFromAnOutvotedCell() throws IOException {
        segment = new TestSegment(5, new Policy(1, 3));
        shards = cluster.place(segment);
        writeSegment();
        seal();
        split(0);
        delete(1);
        assertThat(rebuild(1).getUnmadeCells()).isZero();
        assertWhole(1);
        assertThat(rebuild(0).getCellsWritten()).isEqualTo(1);
        assertWhole(0);
    }

    @Test
    void choosesNoneOfTwoMirrorsThatDiffer() throws IOException {
        segment = new TestSegment(5, new Policy(1, 2));
        shards = cluster.place(segment);
        writeSegment();
        seal();
        split(0);
        delete(1);
        OrderResult result = rebuild(1);
        assertThat(result.getUnmadeCells()).isEqualTo(1);
        assertThat(result.getUnmade(0).getAnswered()).isTrue();
    }

    @Test
    void accusesAllWhereNoGenerationPrevails() throws IOException {
        writeSegment();
        seal();
        split(0, 1, 2);
        assertThat(compare(5).getDamagedCells()).isEqualTo(6);
        assertThat(cluster.damage)
                .extracting(ShardDamage::getShard)
                .containsExactlyInAnyOrderElementsOf(shards);
    }

    @Test
    void findsParityThatIsNotOfItsData() throws AshlarException {
        for (int i = 0; i < shards.size(); i++) {
            cluster.tell(
                    cluster.nodes.get(i),
                    Request.newBuilder()
                            .setCreateShard(segment.create(shards.get(i)))
                            .build());
        }
        for (int number = 0; number < 2; number++) {
            var stripe = segment.inconsistentStripe(number, sealedBytes, 4, 8192);
            stripes.add(stripe);
            sealedBytes = stripe.stripe().endOffset();
            for (int i = 0; i < shards.size(); i++) {
                append(i, stripe);
            }
        }
        seal();
        for (int node = 0; node < 6; node++) {
            assertThat(scrub(node).getDamagedCells()).isZero();
        }
        OrderResult result = compare(0);
        assertThat(result.getStripesDecoded()).isEqualTo(2);
        assertThat(result.getDamagedCells()).isPositive();
        assertThat(cluster.damage)
                .isNotEmpty()
                .allSatisfy(
                        damage -> assertThat(damage.getDetail()).contains("decode to other bytes"));
    }

    @Test
    void saysWhichShardsItCouldNotCompareAndComparesTheRest() throws IOException {
        writeSegment();
        seal();
        split(4);
        cluster.transport.silent.add(cluster.nodes.get(2).address());
        OrderResult result = compare(1);
        assertThat(result.getUnreadable()).isEqualTo(1);
        assertThat(result.getDamagedCells()).isEqualTo(1);
    }

    @Test
    void comparesNoSegmentThatIsOpen() throws AshlarException {
        writeSegment();
        CompareShards compare = CompareShards.newBuilder()
                .setSegment(placed().toBuilder().clearState())
                .build();
        assertThat(order(0, Order.newBuilder().setCompare(compare)).getFailure().getCode())
                .isEqualTo(ErrorCode.INVALID);
    }
}
