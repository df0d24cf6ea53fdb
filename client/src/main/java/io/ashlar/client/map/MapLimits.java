package io.ashlar.client.map;

/**
 * What memory a map may take. The default is 64 MiB for a mounted volume of any contents, written in
 * any order:
 *
 * <ul>
 *   <li>16 MiB for the table that takes installs and 16 MiB for the frozen one that is being
 *       written; what is installed while both are full (see {@link BlockMap#hasRoom}) comes on top:
 *       at most what the writer has in flight;
 *   <li>24 MiB for cached pages and the runs' directories together. Of every index page (of up to
 *       510 data pages) the directories keep 16 bytes, of every batch of 64 pages 28 bytes, and of
 *       every segment a run refers to 36: 0.7 MiB for a run of 1 TiB written at random. Index pages
 *       themselves go through the cache, in which they have precedence over data pages. While a
 *       merge runs, the old and the new run have one each. As directories grow the cache shrinks,
 *       down to an eighth; that is reached at about 12 TiB written at random;
 *   <li>8 MiB for merges: {@link #maxMerges} at most, each with read-ahead and two appends in
 *       flight. Merging everything at once takes them all.
 * </ul>
 *
 * <p>Pages that a lookup needs are held by it until it is done, in addition to the cache: at most 1
 * page for every level of a one-block read.
 *
 * @param tableBytes accounted bytes at which a table is frozen
 * @param pageBytes of cached pages and directories
 * @param maxMerges merges at a time, besides the writing of the frozen table
 * @param basePages capacity of level 0, in pages; each level holds {@link MergePolicy#FAN_OUT} times
 *     the one above
 */
public record MapLimits(long tableBytes, long pageBytes, int maxMerges, int basePages) {
    public static final MapLimits DEFAULT = new MapLimits(16L << 20, 24L << 20, 3, 128);

    public MapLimits {
        if (tableBytes < 1 || pageBytes < 1 || maxMerges < 1 || basePages < 1) {
            throw new IllegalArgumentException("a map of no memory");
        }
    }

    /** All of it. */
    public long totalBytes() {
        return 2 * tableBytes + pageBytes + (maxMerges + 1L) * RunMerge.MAX_BYTES;
    }
}
