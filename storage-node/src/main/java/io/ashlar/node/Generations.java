package io.ashlar.node;

import io.ashlar.client.model.Stripe;

import org.jspecify.annotations.Nullable;

import java.util.ArrayList;
import java.util.BitSet;
import java.util.List;

/**
 * What participants say that a stripe is, counted by what they agree on. Cells of one place that do
 * not agree are of different generations, each perhaps whole in itself; never are they decoded
 * together (INV-1). As an acknowledged stripe is on all its participants (INV-4), the one that most
 * of them hold is right, if they are enough to decode it.
 */
final class Generations {
    private final List<Stripe> stripes = new ArrayList<>();
    private final List<BitSet> holders = new ArrayList<>();

    /** A place of this participant says so; it counts once, however many of its places do. */
    void add(int participant, Stripe stripe) {
        int at = 0;
        while (at < stripes.size() && !stripes.get(at).sameAs(stripe)) {
            at++;
        }
        if (at == stripes.size()) {
            stripes.add(stripe);
            holders.add(new BitSet());
        }
        holders.get(at).set(participant);
    }

    /** Whether all agree. */
    boolean isOne() {
        return stripes.size() <= 1;
    }

    /** What prevails: the only one, or the one that more say than any other, enough to decode it. */
    @Nullable
    Stripe prevailing() {
        if (stripes.size() == 1) {
            return stripes.getFirst();
        }
        List<Integer> counts = holders.stream().map(BitSet::cardinality).toList();
        int most = counts.stream().mapToInt(Integer::intValue).max().orElse(0);
        int first = counts.indexOf(most);
        boolean prevails = first >= 0
                && counts.lastIndexOf(most) == first
                && most >= stripes.get(first).geometry().d();
        return prevails ? stripes.get(first) : null;
    }
}
