package io.ashlar.client.log;

import com.google.protobuf.ByteString;
import com.google.protobuf.InvalidProtocolBufferException;

import io.ashlar.client.AshlarException;
import io.ashlar.client.model.LogPosition;
import io.ashlar.client.model.Policy;
import io.ashlar.client.model.SegmentId;
import io.ashlar.client.model.Stripe;
import io.ashlar.client.protocol.MapPlace;
import io.ashlar.client.stripe.StripeRef;

import java.util.Arrays;

/**
 * Where the map of a root lies: what the coordinator keeps for the client, without a look into it.
 *
 * @param crcs CRC32C of each of its pages, which fill the stripe from its beginning
 */
@SuppressWarnings("ArrayRecordComponent") // never compared
record MapRootPlace(StripeRef stripe, int[] crcs) {

    ByteString toBytes() {
        Stripe.Geometry geometry = stripe.geometry();
        return MapPlace.newBuilder()
                .setSegment(stripe.segment().id().toProto())
                .setStripe(stripe.number())
                .setOffset(stripe.offset())
                .setD(geometry.d())
                .setHeaderBytes(geometry.headerBytes())
                .setCellBytes(geometry.cellBytes())
                .addAllCrcs(Arrays.stream(crcs).boxed().toList())
                .build()
                .toByteString();
    }

    /** Behind its stripe. */
    LogPosition end() {
        Stripe.Geometry geometry = stripe.geometry();
        return new LogPosition(
                stripe.segment().id(),
                stripe.number() + 1,
                stripe.offset() + geometry.recordBytes());
    }

    /** Fails as corrupt where these bytes are no place in one of these segments. */
    static MapRootPlace of(ByteString bytes, LogSegments segments) throws AshlarException {
        MapPlace place;
        try {
            place = MapPlace.parseFrom(bytes);
        } catch (InvalidProtocolBufferException e) {
            throw new AshlarException.Corrupt("the root that the coordinator keeps tells no place");
        }
        LogSegment segment = segments.get(SegmentId.of(place.getSegment()));
        Policy policy = segment.policy();
        int pages = place.getCellBytes() / Stripe.PIECE_BYTES * place.getD();
        if (place.getD() < 1
                || place.getD() > policy.k()
                || place.getCrcsCount() < 1
                || place.getCrcsCount() > pages) {
            throw new AshlarException.Corrupt("the root that the coordinator keeps lies in no"
                    + " stripe that " + segment + " can hold");
        }
        Stripe.Geometry geometry = new Stripe.Geometry(
                policy, place.getD(), place.getHeaderBytes(), place.getCellBytes());
        return new MapRootPlace(
                new StripeRef(segment, place.getStripe(), place.getOffset(), geometry),
                place.getCrcsList().stream().mapToInt(Integer::intValue).toArray());
    }
}
