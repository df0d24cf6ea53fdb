package io.ashlar.client.log;

import static org.assertj.core.api.Assertions.assertThat;

import io.ashlar.client.model.Extent;
import io.ashlar.client.model.LogPosition;
import io.ashlar.client.model.Policy;
import io.ashlar.client.model.SegmentId;
import io.ashlar.client.model.Stripe;
import io.ashlar.client.model.VolumeId;
import io.ashlar.client.protocol.BlockRange;
import io.ashlar.client.protocol.LostStripes;

import org.junit.jupiter.api.Test;

import java.util.ArrayList;
import java.util.List;

class LostListTest {
    private final LostList list = new LostList();

    /** Of 8 KiB of each shard. */
    private static Stripe stripe(long number, long... blocks) {
        Policy policy = new Policy(1, 2);
        List<Extent> extents = new ArrayList<>();
        for (long block : blocks) {
            extents.add(new Extent(block, 1, 0, 0, Extent.Kind.ZERO, Extent.Codec.RAW));
        }
        var geometry = new Stripe.Geometry(policy, 1, 4096, 4096);
        return new Stripe(
                Stripe.Type.DATA,
                new Stripe.Identity(
                        new VolumeId(1, 1), new SegmentId(9, 1), number, number * 8192, 1),
                new Stripe.Links(SegmentId.NONE, 0, LogPosition.START, 0),
                geometry,
                extents,
                new int[0],
                new int[geometry.participants() * geometry.piecesPerCell()]);
    }

    private static BlockRange range(long first, long count) {
        return BlockRange.newBuilder().setFirst(first).setCount(count).build();
    }

    @Test
    void neighboursAreToldTogether() {
        list.add(stripe(3, 10, 11), "rot");
        list.add(stripe(4, 12, 40), "rot too");
        list.add(stripe(6, 7), "rot again");
        assertThat(list.entries()).hasSize(2);
        LostStripes both = list.entries().getFirst();
        assertThat(both.getFirst()).isEqualTo(3);
        assertThat(both.getCount()).isEqualTo(2);
        assertThat(both.getOffset()).isEqualTo(3 * 8192);
        assertThat(both.getLengthBytes()).isEqualTo(2 * 8192);
        assertThat(both.getBlocksList()).containsExactly(range(10, 3), range(40, 1));
        assertThat(both.getReason()).isEqualTo("rot");
        assertThat(list.entries().getLast().getFirst()).isEqualTo(6);
    }

    @Test
    void aRangeOfWhichNothingIsKnownIsOneOfItsOwn() {
        list.add(stripe(0, 10), "rot");
        list.add(1, 0, 8192, 3 * 8192, "no header");
        list.add(stripe(3, 11), "rot");
        assertThat(list.entries())
                .extracting(LostStripes::getHeadless)
                .containsExactly(false, true, false);
        assertThat(list.entries().get(1).getCount()).isZero();
        assertThat(list.entries().get(1).getLengthBytes()).isEqualTo(2 * 8192);
    }

    @Test
    void whatIsTooMuchIsCounted() {
        for (int number = 0; number < 200; number += 2) {
            list.add(stripe(number, number), "rot");
        }
        assertThat(list.entries()).hasSize(LostList.MAX_ENTRIES);
        LostStripes rest = list.entries().getLast();
        assertThat(rest.getScattered()).isTrue();
        assertThat(rest.getCount()).isEqualTo(100 - LostList.MAX_ENTRIES + 1);
        assertThat(rest.getOffset() + rest.getLengthBytes()).isEqualTo(199 * 8192);
        assertThat(rest.getBlocksCount()).isEqualTo(LostList.MAX_RANGES);
        assertThat(rest.getMoreBlocks())
                .isEqualTo(100 - LostList.MAX_ENTRIES + 1 - LostList.MAX_RANGES);
    }
}
