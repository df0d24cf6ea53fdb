package io.ashlar.client;

import java.util.List;

/**
 * What verifying a volume found.
 *
 * @param stripes that hold live blocks or the map
 * @param cells of theirs that were read and are right
 * @param damagedCells missing, unreachable or wrong
 * @param bytes read
 * @param patterns decodes that were tried and gave the right bytes
 * @param lostBlocks blocks that read as errors
 * @param problems the first of them, a line each
 */
public record VerifyReport(
        long stripes,
        long cells,
        long damagedCells,
        long bytes,
        long patterns,
        long lostBlocks,
        List<String> problems) {

    public boolean isClean() {
        return damagedCells == 0 && lostBlocks == 0 && problems.isEmpty();
    }
}
