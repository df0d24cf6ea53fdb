package io.ashlar.client.map;

import io.ashlar.client.stripe.StripeRef;

/**
 * Where pages of the map lie: in consecutive pieces of a stripe.
 *
 * @param firstPiece among the pieces of the stripe's data cells taken together
 */
public record PagePlace(StripeRef stripe, int firstPiece) {
    PagePlace plus(int pages) {
        return new PagePlace(stripe, firstPiece + pages);
    }

    @Override
    public String toString() {
        return "piece " + firstPiece + " of " + stripe;
    }
}
