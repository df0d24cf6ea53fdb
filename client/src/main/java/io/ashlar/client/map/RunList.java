package io.ashlar.client.map;

import io.ashlar.client.model.MapRoot;

import org.jspecify.annotations.Nullable;

import java.util.ArrayList;
import java.util.Collection;
import java.util.Comparator;
import java.util.List;

/**
 * The runs of a map, newest first: by level, and within a level the current run before the full one.
 * Immutable, so that a lookup keeps seeing the list that it began with.
 */
record RunList(List<Placed> runs) {
    static final RunList EMPTY = new RunList(List.of());

    RunList {
        runs = runs.stream()
                .sorted(Comparator.comparingInt(Placed::level).thenComparing(Placed::full))
                .toList();
        for (int i = 1; i < runs.size(); i++) {
            Placed before = runs.get(i - 1);
            Placed placed = runs.get(i);
            if (before.level == placed.level && before.full == placed.full) {
                throw new IllegalStateException("two runs in one place of level " + placed.level);
            }
        }
    }

    /**
     * A run in its place.
     *
     * @param full whether it waits to be merged, or is being merged, into the next level
     */
    record Placed(Run run, int level, boolean full) {}

    List<Run> all() {
        return runs.stream().map(Placed::run).toList();
    }

    @Nullable
    Placed current(int level) {
        return at(level, false);
    }

    @Nullable
    Placed full(int level) {
        return at(level, true);
    }

    private @Nullable Placed at(int level, boolean full) {
        for (Placed placed : runs) {
            if (placed.level == level && placed.full == full) {
                return placed;
            }
        }
        return null;
    }

    int deepestLevel() {
        return runs.isEmpty() ? -1 : runs.getLast().level;
    }

    /** The list with some runs replaced by what they were merged to, if anything is left. */
    RunList merged(Collection<Run> inputs, @Nullable Run output, int level) {
        List<Placed> next = new ArrayList<>(runs);
        next.removeIf(placed -> inputs.contains(placed.run));
        if (output != null) {
            next.add(new Placed(output, level, false));
        }
        return new RunList(next);
    }

    /** The list with a run in another place. */
    RunList moved(Run run, int level, boolean full) {
        List<Placed> next = new ArrayList<>(runs);
        next.removeIf(placed -> placed.run == run);
        next.add(new Placed(run, level, full));
        return new RunList(next);
    }

    List<MapRoot.Run> roots() {
        return runs.stream()
                .map(placed -> placed.run.root(placed.level, placed.full))
                .toList();
    }
}
