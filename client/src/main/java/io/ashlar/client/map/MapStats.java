package io.ashlar.client.map;

import java.util.Optional;

/**
 * What a map is made of now.
 *
 * @param tableBytes of both tables
 * @param directoryBytes of the runs' directories
 * @param cacheBytes of cached pages
 * @param mergeBytes set aside for the merges that run
 * @param entryCount of tables and runs, hidden ones included
 * @param runCount runs
 * @param runPages their data and index pages
 * @param pagesWritten since the map was opened, directories excluded
 * @param pagesRead by lookups since then
 * @param lastFailure of a write or a merge, for people
 */
public record MapStats(
        long tableBytes,
        long directoryBytes,
        long cacheBytes,
        long mergeBytes,
        long entryCount,
        int runCount,
        long runPages,
        long pagesWritten,
        long pagesRead,
        Optional<String> lastFailure) {

    /** All memory that is accounted. */
    public long memoryBytes() {
        return tableBytes + directoryBytes + cacheBytes + mergeBytes;
    }
}
