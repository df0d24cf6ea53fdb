package io.ashlar.tools.crash;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Map;
import java.util.TreeMap;

/**
 * What a journal tells of volumes that were made and deleted: which are there, which are not, and of
 * which one cannot know, as nobody was told what became of the command.
 */
final class VolumeHistory {
    private final Map<String, Known> volumes = new TreeMap<>();
    private int acknowledged;

    private VolumeHistory() {}

    /** Whether a volume is there. */
    enum Fate {
        THERE,
        GONE,
        PERHAPS_MADE,
        PERHAPS_DELETED
    }

    /** What is known of a volume; the id is empty where nobody was told it. */
    private record Known(Fate fate, String id) {}

    /** Reads a journal. */
    static VolumeHistory read(Path journal) throws IOException {
        VolumeHistory history = new VolumeHistory();
        Files.readAllLines(journal).forEach(history::note);
        return history;
    }

    /** The line that says that a check found a volume. */
    static String found(String name, String id) {
        return "found " + name + " " + id;
    }

    private void note(String line) {
        String[] words = line.split(" ", -1);
        switch (words[0]) {
            case "found" -> put(words[1], Fate.THERE, words[2]);
            case "issued" -> {
                boolean makes = words[1].equals("create");
                put(
                        words[2],
                        makes ? Fate.PERHAPS_MADE : Fate.PERHAPS_DELETED,
                        makes ? "" : idOf(words[2]));
            }
            case "unanswered" -> {}
            case "acknowledged" -> {
                acknowledged++;
                boolean made = words[1].equals("create");
                put(words[2], made ? Fate.THERE : Fate.GONE, made ? words[3] : "");
            }
            default -> throw new AssertionError("who makes volumes says: " + line);
        }
    }

    private void put(String name, Fate fate, String id) {
        volumes.put(name, new Known(fate, id));
    }

    /** A volume that was in doubt is there now for sure. */
    void settledAsMade(String name, String id) {
        put(name, Fate.THERE, id);
    }

    /** Such a one is gone for sure. */
    void settledAsDeleted(String name) {
        put(name, Fate.GONE, "");
    }

    /** The id that such a volume is known to have; empty where it is not known. */
    String idOf(String name) {
        Known known = volumes.get(name);
        return known == null ? "" : known.id();
    }

    /** Commands that were answered. */
    int acknowledged() {
        return acknowledged;
    }

    /** All that were ever spoken of, and what is known of them. */
    Map<String, Fate> fates() {
        Map<String, Fate> fates = new TreeMap<>();
        volumes.forEach((name, known) -> fates.put(name, known.fate()));
        return fates;
    }

    /** Fails unless these are there, and of what is in doubt any; by name, their ids. */
    void check(Map<String, String> found) {
        assertThat(volumes.keySet())
                .as("every volume there is was asked for")
                .containsAll(found.keySet());
        volumes.forEach((name, known) -> {
            if (known.fate() == Fate.GONE) {
                assertThat(found).as("deleted for good").doesNotContainKey(name);
            } else if (known.fate() == Fate.THERE) {
                assertThat(found).as("made for good").containsKey(name);
            }
            if (found.containsKey(name) && !known.id().isEmpty()) {
                assertThat(found).as("the same volume").containsEntry(name, known.id());
            }
        });
    }
}
