package io.ashlar.coordinator.plan;

import io.ashlar.client.protocol.UnmadeStripes;

import java.util.List;
import java.util.stream.Collectors;

/** Stripes that a rebuild could not make, in words. Pure. */
public final class UnmadeText {
    private static final int MAX_RUNS = 16;

    private UnmadeText() {}

    /** Which stripes, why, and whether they are lost for good. */
    public static String of(List<UnmadeStripes> unmade) {
        boolean lost = unmade.stream().anyMatch(UnmadeStripes::getAnswered);
        UnmadeStripes cause = unmade.stream()
                .filter(run -> run.getAnswered() == lost)
                .findFirst()
                .orElseThrow();
        return numbers(unmade)
                + (lost ? " cannot be decoded: " : " cannot be decoded now: ")
                + cause.getReason();
    }

    /** "stripe 3", "stripes 3, 7 to 9". */
    public static String numbers(List<UnmadeStripes> unmade) {
        long count = unmade.stream().mapToLong(UnmadeStripes::getCount).sum();
        String numbers = unmade.stream()
                .limit(MAX_RUNS)
                .map(run -> run.getCount() == 1
                        ? String.valueOf(run.getFirst())
                        : run.getFirst() + " to " + (run.getFirst() + run.getCount() - 1))
                .collect(Collectors.joining(", "));
        return (count == 1 ? "stripe " : "stripes ")
                + numbers
                + (unmade.size() > MAX_RUNS ? " and others" : "");
    }
}
