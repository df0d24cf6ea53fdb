package io.ashlar.client.model;

import io.ashlar.client.AshlarException;

import java.util.regex.Matcher;
import java.util.regex.Pattern;

/**
 * How stripes are coded: {@code k} data and {@code m} parity cells, of which any {@code k} suffice.
 * {@code rs-1-2} is three-way mirroring.
 */
public record Policy(int k, int m) {
    public static final int MAX_K = 32;
    public static final int MAX_M = 8;

    private static final Pattern NAME = Pattern.compile("rs-(\\d{1,2})-(\\d)");

    public Policy {
        if (k < 1 || k > MAX_K || m < 1 || m > MAX_M) {
            throw new IllegalArgumentException("no such policy: k=" + k + " m=" + m);
        }
    }

    /** The policy of a name such as {@code rs-4-2}. */
    public static Policy parse(String name) throws AshlarException.Invalid {
        Matcher matcher = NAME.matcher(name);
        if (matcher.matches()) {
            int k = Integer.parseInt(matcher.group(1));
            int m = Integer.parseInt(matcher.group(2));
            if (k >= 1 && k <= MAX_K && m >= 1 && m <= MAX_M) {
                return new Policy(k, m);
            }
        }
        throw new AshlarException.Invalid("unknown policy \"" + name
                + "\": expected rs-K-M with K from 1 to " + MAX_K + " and M from 1 to " + MAX_M
                + ", for example rs-4-2");
    }

    /** Shards of a segment. */
    public int n() {
        return k + m;
    }

    /** Failure domains without which no segment can be created: at most m shards in each. */
    public int minDomains() {
        return (n() + m - 1) / m;
    }

    @Override
    public String toString() {
        return "rs-" + k + "-" + m;
    }
}
