package io.ashlar.bench;

import java.util.regex.Matcher;
import java.util.regex.Pattern;

/** How many data and parity cells a stripe has; as text the name of a policy, {@code rs-4-2}. */
public record CodeShape(int k, int m) {
    private static final Pattern NAME = Pattern.compile("rs-(\\d{1,2})-(\\d{1,2})");

    /**
     * The shape of that policy.
     *
     * @throws IllegalArgumentException when it is not of the form {@code rs-4-2}
     */
    public static CodeShape of(String policyName) {
        Matcher matcher = NAME.matcher(policyName);
        if (!matcher.matches()) {
            throw new IllegalArgumentException("a policy is of the form rs-4-2: " + policyName);
        }
        return new CodeShape(
                Integer.parseInt(matcher.group(1)), Integer.parseInt(matcher.group(2)));
    }

    @Override
    public String toString() {
        return "rs-" + k + "-" + m;
    }
}
