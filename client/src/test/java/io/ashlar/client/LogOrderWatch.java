package io.ashlar.client;

import static org.assertj.core.api.Assertions.assertThat;

import io.ashlar.client.fake.FakeCluster;
import io.ashlar.client.format.CellFormat;
import io.ashlar.client.model.SegmentId;
import io.ashlar.client.model.Stripe;
import io.ashlar.client.protocol.Request;
import io.ashlar.client.protocol.Segment;
import io.ashlar.client.protocol.SegmentState;

import java.lang.foreign.MemorySegment;
import java.util.HashMap;
import java.util.List;
import java.util.Map;

/**
 * Holds writers to INV-5 as their appends arrive: a segment follows another one at less than was
 * sent to that one only once it is sealed there, and what was sent to segments in between is sealed
 * at 0 by then. The outcome seldom tells: the seal has to be lost, and the writer to die.
 */
final class LogOrderWatch implements FakeCluster.Arrival {
    private final FakeCluster cluster;
    private final Map<SegmentId, Long> sentBytes = new HashMap<>();

    LogOrderWatch(FakeCluster cluster) {
        this.cluster = cluster;
    }

    @Override
    public void arrives(int to, Request request, MemorySegment bulk) {
        if (!request.hasAppendCell() || request.getAppendCell().getRecovery()) {
            return;
        }
        CellFormat.Cell cell = CellFormat.read(bulk);
        if (cell == null) {
            throw new AssertionError("an append without a right header arrived");
        }
        Stripe stripe = cell.stripe();
        if (sentBytes.merge(stripe.identity().segment(), stripe.endOffset(), Math::max)
                == stripe.endOffset()) {
            check(stripe);
        }
    }

    private void check(Stripe stripe) {
        Stripe.Links links = stripe.links();
        boolean between = links.predecessor().equals(SegmentId.NONE);
        for (Segment earlier : cluster.segments()) {
            SegmentId id = SegmentId.of(earlier.getId());
            if (id.equals(stripe.identity().segment())) {
                return;
            }
            if (id.equals(links.predecessor())) {
                assertSealedIfMoreWasSent(earlier, links.predecessorBytes(), stripe);
                between = true;
            } else if (between) {
                assertSealedIfMoreWasSent(earlier, 0, stripe);
            }
        }
    }

    private void assertSealedIfMoreWasSent(Segment earlier, long bytes, Stripe stripe) {
        if (sentBytes.getOrDefault(SegmentId.of(earlier.getId()), 0L) > bytes) {
            assertThat(List.of(earlier.getState(), earlier.getSealedBytes()))
                    .as(
                            "%s was sent while more than %d bytes had been sent to segment %d",
                            stripe, bytes, earlier.getSequence())
                    .isEqualTo(List.of(SegmentState.SEALED, bytes));
        }
    }
}
