package io.ashlar.client.stripe;

import io.ashlar.client.log.LogSegment;
import io.ashlar.client.model.Stripe;

/**
 * Where a stripe lies: what of it stays in memory while blocks of it are live.
 *
 * @param number counts the stripes of the segment from 0
 * @param offset of its records in every shard
 */
public record StripeRef(LogSegment segment, long number, long offset, Stripe.Geometry geometry) {

    public static StripeRef of(LogSegment segment, Stripe stripe) {
        return new StripeRef(
                segment, stripe.identity().number(), stripe.identity().offset(), stripe.geometry());
    }

    /** The shard that holds a participant's cell. */
    public LogSegment.Shard shardOfParticipant(int participant) {
        int role = geometry.roleOf(participant);
        return segment.shard(Stripe.shardOf(role, number, geometry.policy()));
    }

    /** Whether this is the stripe that a record's header tells of. */
    public boolean names(Stripe stripe) {
        Stripe.Identity identity = stripe.identity();
        return identity.segment().equals(segment.id())
                && identity.number() == number
                && identity.offset() == offset
                && identity.epoch() == segment.epoch()
                && stripe.geometry().equals(geometry);
    }

    @Override
    public String toString() {
        return "stripe " + number + " of " + segment + " at " + offset;
    }
}
