package io.ashlar.tools.simulate;

import io.ashlar.client.protocol.Authority;

/**
 * Orders follow from what a leader has applied. Where a later leader has decided some of that, they
 * rank below those of a leader in between, who knows less: nobody may give them (INV-9).
 */
final class AuthorityCheck {
    private AuthorityCheck() {}

    /** A coordinator answers a node with this authority; terms only rise along the order. */
    static void demand(TotalOrder order, Authority authority) {
        long index = authority.getAppliedIndex();
        long decidedIn = index == 0 ? 0 : order.entry(index).term();
        if (decidedIn > authority.getTerm()) {
            throw new Violation(
                    "INV-9",
                    "orders of term " + authority.getTerm() + " follow from command " + index
                            + ", which was decided in term " + decidedIn);
        }
    }
}
