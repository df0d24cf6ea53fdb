package io.ashlar.node;

import io.ashlar.client.AshlarException;
import io.ashlar.client.protocol.AbandonedVolume;
import io.ashlar.client.protocol.Done;
import io.ashlar.client.protocol.OpenVolume;
import io.ashlar.client.protocol.Request;
import io.ashlar.client.protocol.Response;
import io.ashlar.client.protocol.SealSegments;
import io.ashlar.client.protocol.Segment;
import io.ashlar.client.protocol.SegmentState;
import io.ashlar.client.protocol.VolumeInfo;
import io.ashlar.client.protocol.VolumeOpened;
import io.ashlar.client.transport.Buffer;
import io.ashlar.client.transport.Transport;

import java.util.ArrayList;
import java.util.List;

/** The coordinator's contract with a worker that takes one volume over (coordinator.proto). */
final class FakeVolume implements Transport.Service {
    private final Segment open;
    private long epoch = TestSegment.EPOCH;

    /** What was asked, in order. */
    final List<Request> asked = new ArrayList<>();

    /**
     * A volume with one segment.
     *
     * @param placed the segment, which is open
     */
    FakeVolume(Segment placed) {
        this.open = placed.toBuilder()
                .setState(SegmentState.OPEN)
                .clearSealedBytes()
                .clearStripeCount()
                .build();
    }

    AbandonedVolume abandoned() {
        return AbandonedVolume.newBuilder()
                .setId(TestSegment.VOLUME.toProto())
                .setName("disk0")
                .setEpoch(epoch)
                .build();
    }

    List<Request.BodyCase> kinds() {
        return asked.stream().map(Request::getBodyCase).toList();
    }

    List<SealSegments> seals() {
        return asked.stream()
                .filter(Request::hasSealSegments)
                .map(Request::getSealSegments)
                .toList();
    }

    @Override
    public void handle(Request request, Buffer bulk, Transport.Responder responder) {
        bulk.release();
        asked.add(request);
        switch (request.getBodyCase()) {
            case OPEN_VOLUME -> open(request.getOpenVolume(), responder);
            case SEAL_SEGMENTS, CLOSE_VOLUME, REPORT_DAMAGE ->
                responder.reply(
                        Response.newBuilder().setDone(Done.getDefaultInstance()).build());
            default ->
                responder.fail(new AshlarException.Invalid(
                        "not asked by a worker: " + request.getBodyCase()));
        }
    }

    private void open(OpenVolume request, Transport.Responder responder) {
        if (!request.getAbandoned().equals(abandoned())) {
            responder.fail(new AshlarException.Fenced("it is at epoch " + epoch));
            return;
        }
        epoch++;
        responder.reply(Response.newBuilder()
                .setVolumeOpened(VolumeOpened.newBuilder()
                        .setLeaseMillis(5000)
                        .addSegments(open)
                        .setVolume(VolumeInfo.newBuilder()
                                .setId(TestSegment.VOLUME.toProto())
                                .setName("disk0")
                                .setSizeBytes(1 << 30)
                                .setPolicy(open.getPolicy())
                                .setEpoch(epoch)))
                .build());
    }
}
