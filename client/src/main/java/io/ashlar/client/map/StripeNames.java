package io.ashlar.client.map;

import io.ashlar.client.log.LogSegment;
import io.ashlar.client.model.Stripe;

/** What the numbers in entries of one source stand for. */
interface StripeNames {
    /** The segment that entries name by this number. */
    LogSegment segment(int index);

    /** The geometry that entries name by this number. */
    Stripe.Geometry geometry(int index);
}
