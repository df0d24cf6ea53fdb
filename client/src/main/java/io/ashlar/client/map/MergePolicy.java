package io.ashlar.client.map;

import org.jspecify.annotations.Nullable;

import java.util.ArrayList;
import java.util.List;
import java.util.Set;

/**
 * Decides what is merged next. A pure function of the runs, of which of them are being merged, and
 * of the size of a frozen table that waits to be written.
 *
 * <p>Level j holds {@code basePages * FAN_OUT^j} pages in its current run. A table goes to the first
 * level that can hold all of it, merged with the current runs of that level and of those above:
 * small checkpoints rewrite small runs only. A current run that has no room for what comes next
 * becomes the level's full run, which is merged into the next level while a new current run grows.
 * So an entry is rewritten about {@code FAN_OUT / 2} times in each level, at most half as many times
 * as there would be page writes in a tree whose pages hold one change each.
 *
 * <table>
 * <caption>What happens to a run that comes into level j</caption>
 * <tr><th>it fits with the current run</th><th>full run</th><th>then</th></tr>
 * <tr><td>there is no current run</td><td>any</td><td>it becomes the current run</td></tr>
 * <tr><td>yes</td><td>any</td><td>they are merged</td></tr>
 * <tr><td>no</td><td>none</td><td>the current run becomes full; asked again</td></tr>
 * <tr><td>no, but into twice the room</td><td>one</td><td>they are merged</td></tr>
 * <tr><td>no</td><td>one</td><td>it waits</td></tr>
 * </table>
 *
 * <p>Newer runs never pass older ones: a table waits for full runs above its level to be merged, and
 * for current runs that are being merged. Those are at most as large as what it would rewrite.
 */
final class MergePolicy {
    static final int FAN_OUT = 8;
    private static final int MAX_LEVEL = 12;

    private final int basePages;

    MergePolicy(int basePages) {
        this.basePages = basePages;
    }

    /** What to do next. */
    sealed interface Step {}

    /** A frozen table is written, merged with these runs, as the current run of a level. */
    record Flush(List<Run> runs, int level) implements Step {}

    /** Runs are merged to the current run of a level. */
    record Merge(List<Run> runs, int level) implements Step {}

    /** A run changes its place, as it is. */
    record Move(Run run, int level, boolean full) implements Step {}

    private long capacity(int level) {
        long pages = basePages;
        for (int i = 0; i < level; i++) {
            pages *= FAN_OUT;
        }
        return pages;
    }

    /** The first level that holds so many pages. */
    int levelOf(long pages) {
        int level = 0;
        while (level < MAX_LEVEL && capacity(level) < pages) {
            level++;
        }
        return level;
    }

    /**
     * The next step that can be taken.
     *
     * @param busy runs that are being merged
     * @param tablePages size of the frozen table as a run, or 0 where none waits
     * @param mayMerge whether another merge may begin
     */
    @Nullable
    Step next(RunList list, Set<Run> busy, long tablePages, boolean mayMerge) {
        Step flush = tablePages > 0 ? flush(list, busy, tablePages) : null;
        if (flush != null) {
            return flush;
        }
        for (int level = 0; level <= list.deepestLevel(); level++) {
            RunList.Placed full = list.full(level);
            if (full != null && !busy.contains(full.run())) {
                Step step = down(list, busy, full.run(), level + 1, mayMerge);
                if (step != null) {
                    return step;
                }
            }
        }
        return null;
    }

    private @Nullable Step flush(RunList list, Set<Run> busy, long tablePages) {
        int level = levelOf(tablePages);
        List<Run> runs = new ArrayList<>();
        long pages = tablePages;
        for (int i = 0; i < level; i++) {
            RunList.Placed current = list.current(i);
            if (list.full(i) != null || (current != null && busy.contains(current.run()))) {
                return null;
            }
            if (current != null) {
                runs.add(current.run());
                pages += current.run().pageCount();
            }
        }
        RunList.Placed current = list.current(level);
        if (current == null) {
            return new Flush(runs, level);
        }
        if (busy.contains(current.run())) {
            return null;
        }
        return switch (meet(pages, current.run(), level, list.full(level) != null)) {
            case MERGE -> {
                runs.add(current.run());
                yield new Flush(runs, level);
            }
            case MAKE_ROOM -> new Move(current.run(), level, true);
            case WAIT -> null;
        };
    }

    private @Nullable Step down(RunList list, Set<Run> busy, Run run, int level, boolean mayMerge) {
        RunList.Placed current = list.current(level);
        if (current == null) {
            return new Move(run, level, false);
        }
        if (busy.contains(current.run())) {
            return null;
        }
        return switch (meet(run.pageCount(), current.run(), level, list.full(level) != null)) {
            case MERGE -> mayMerge ? new Merge(List.of(run, current.run()), level) : null;
            case MAKE_ROOM -> new Move(current.run(), level, true);
            case WAIT -> null;
        };
    }

    private enum Meeting {
        MERGE,
        MAKE_ROOM,
        WAIT
    }

    private Meeting meet(long pages, Run current, int level, boolean hasFull) {
        long together = pages + current.pageCount();
        if (together <= capacity(level)) {
            return Meeting.MERGE;
        }
        if (!hasFull) {
            return Meeting.MAKE_ROOM;
        }
        return together <= 2 * capacity(level) ? Meeting.MERGE : Meeting.WAIT;
    }
}
