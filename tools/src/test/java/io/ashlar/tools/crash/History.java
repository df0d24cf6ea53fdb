package io.ashlar.tools.crash;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;

/**
 * What a journal tells of a volume: what stood in it, what was issued since, how much of that was
 * acknowledged. A writer issues one stamp after the other, in the order of the log. So what a crash
 * leaves is what the first so many writes made, up to the last one acknowledged at least; the last
 * one there is may be there in part, as one that fills several stripes would be.
 */
final class History {
    private int[] base;
    private final List<Write> writes = new ArrayList<>();
    private int acknowledgedStamp;

    private History(String found) {
        this.base = stamps(found);
    }

    private record Write(int stamp, int firstBlock, int blockCount) {}

    /** What a check found: how many in flight survived, of how many. */
    record Survivors(int acknowledged, int inFlight, int survived) {}

    /** Reads a journal. It begins with what stood in the blocks, and says again what a check found. */
    static History read(Path journal) throws IOException {
        List<String> lines = Files.readAllLines(journal);
        History history = new History(lines.getFirst());
        lines.stream().skip(1).forEach(history::note);
        return history;
    }

    private static int[] stamps(String found) {
        String[] words = found.split(" ", -1);
        assertThat(words[0]).as("begin of a journal").isEqualTo("found");
        return Arrays.stream(words).skip(1).mapToInt(Integer::parseInt).toArray();
    }

    /** The line that begins a journal. */
    static String found(int[] stamps) {
        StringBuilder line = new StringBuilder("found");
        for (int stamp : stamps) {
            line.append(' ').append(stamp);
        }
        return line.toString();
    }

    private void note(String line) {
        String[] words = line.split(" ", -1);
        switch (words[0]) {
            case "issued" ->
                writes.add(new Write(
                        Integer.parseInt(words[1]),
                        Integer.parseInt(words[2]),
                        Integer.parseInt(words[3])));
            case "flushed" ->
                acknowledgedStamp = Math.max(acknowledgedStamp, Integer.parseInt(words[1]));
            case "acknowledged" -> {
                int stamp = Integer.parseInt(words[1]);
                assertThat(stamp)
                        .as("acknowledged in the order of the log: %s", line)
                        .isGreaterThanOrEqualTo(acknowledgedStamp);
                acknowledgedStamp = stamp;
            }
            case "found" -> {
                writes.clear();
                base = stamps(line);
            }
            case "closed" -> {}
            default -> throw new AssertionError("the writer says: " + line);
        }
    }

    int lastStamp() {
        int last = Arrays.stream(base).max().orElseThrow();
        return writes.isEmpty() ? last : Math.max(last, writes.getLast().stamp());
    }

    /** Fails unless the blocks hold what a crash may leave. */
    Survivors check(int[] stamps) {
        int newest = acknowledgedStamp;
        for (int block = 0; block < stamps.length; block++) {
            if (stamps[block] != base[block]) {
                newest = Math.max(newest, stamps[block]);
            }
        }
        int[] whole = after(newest);
        int[] without = after(newest - 1);
        for (int block = 0; block < stamps.length; block++) {
            if (newest == acknowledgedStamp) {
                assertThat(stamps[block])
                        .as("block %d, all is acknowledged up to %d", block, acknowledgedStamp)
                        .isEqualTo(whole[block]);
            } else {
                assertThat(stamps[block])
                        .as(
                                "block %d, acknowledged up to %d, something of %d is there",
                                block, acknowledgedStamp, newest)
                        .isIn(whole[block], without[block]);
            }
        }
        return survivors(newest);
    }

    /** What the blocks hold when everything up to the stamp is done, and nothing else. */
    private int[] after(int stamp) {
        int[] stamps = base.clone();
        for (Write write : writes) {
            if (write.stamp() <= stamp) {
                Arrays.fill(
                        stamps,
                        write.firstBlock(),
                        write.firstBlock() + write.blockCount(),
                        write.stamp());
            }
        }
        return stamps;
    }

    private Survivors survivors(int newest) {
        int acknowledged = 0;
        int survived = 0;
        for (Write write : writes) {
            acknowledged += write.stamp() <= acknowledgedStamp ? 1 : 0;
            survived += write.stamp() > acknowledgedStamp && write.stamp() <= newest ? 1 : 0;
        }
        return new Survivors(acknowledged, writes.size() - acknowledged, survived);
    }
}
