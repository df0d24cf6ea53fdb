package io.ashlar.node;

import io.ashlar.client.model.Stripe;
import io.ashlar.client.protocol.OrderResult;
import io.ashlar.client.protocol.UnmadeStripes;

import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;

/**
 * The stripes whose cell a rebuild could not make, to be told to the coordinator: each run of them
 * that failed in the same way once, and only the first runs of many.
 */
final class UnmadeCells {
    /** Runs that are told. */
    static final int MAX_TOLD = 64;

    private final TreeMap<Long, UnmadeStripes> runs = new TreeMap<>();
    private int locatedCount;

    /** A stripe that another shard tells of. */
    void add(Stripe stripe, CellUnmadeException cause) {
        locatedCount++;
        put(stripe.identity().number(), 1, false, cause);
    }

    /** Stripes that no other shard tells of: this one may hold a cell of them or not. */
    void addHeadless(long first, long count, CellUnmadeException cause) {
        put(first, count, true, cause);
    }

    private void put(long first, long count, boolean headless, CellUnmadeException cause) {
        runs.put(
                first,
                UnmadeStripes.newBuilder()
                        .setFirst(first)
                        .setCount(count)
                        .setHeadless(headless)
                        .setAnswered(cause.answered())
                        .setReason(String.valueOf(cause.getMessage()))
                        .build());
    }

    /** The shard turned out to hold all its cells but those of stripes that are known. */
    void dropHeadless() {
        runs.values().removeIf(UnmadeStripes::getHeadless);
    }

    boolean hasHeadless() {
        return runs.values().stream().anyMatch(UnmadeStripes::getHeadless);
    }

    /** Stripes that others tell of. */
    int locatedCount() {
        return locatedCount;
    }

    /** Stripes that no other shard tells of. */
    long headlessCount() {
        return runs.values().stream()
                .filter(UnmadeStripes::getHeadless)
                .mapToLong(UnmadeStripes::getCount)
                .sum();
    }

    /** Tells of them in a result. */
    void addTo(OrderResult.Builder result) {
        List<UnmadeStripes> told = new ArrayList<>();
        for (Map.Entry<Long, UnmadeStripes> next : runs.entrySet()) {
            UnmadeStripes run = next.getValue();
            UnmadeStripes last = told.isEmpty() ? null : told.getLast();
            if (last != null
                    && last.getFirst() + last.getCount() == run.getFirst()
                    && last.getHeadless() == run.getHeadless()
                    && last.getAnswered() == run.getAnswered()) {
                told.set(
                        told.size() - 1,
                        last.toBuilder()
                                .setCount(last.getCount() + run.getCount())
                                .build());
            } else if (told.size() < MAX_TOLD) {
                told.add(run);
            } else {
                break;
            }
        }
        result.addAllUnmade(told);
    }
}
