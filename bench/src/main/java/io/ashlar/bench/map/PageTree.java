package io.ashlar.bench.map;

import java.util.Arrays;
import java.util.BitSet;

/**
 * How many pages a copy-on-write tree of 4 KiB pages would write: the alternative to runs. Changes
 * wait in memory; a checkpoint writes every leaf that has a change, and every page on the way from
 * there to the root. Only the counts are kept. In the tree's favour: changes may take all the memory
 * that a map's two tables may take, leaves hold entries as densely as the pages of runs do, and no
 * page is ever read.
 *
 * <p>A leaf covers whole cells of 256 blocks and is halved when it has too many entries. Of the pages
 * above, it is expected how many are on the way, as changes are spread evenly.
 */
final class PageTree {
    private static final int CELL_BLOCKS = 256;

    /** Children of a page above the leaves, filled as the pages of a B-tree usually are. */
    private static final int CHILDREN = 170;

    private final int leafEntries;
    private final int batchEntries;
    private final BitSet written = new BitSet();
    private final short[] cellEntries;
    private final int[] leafOfCell;
    private int[] leafCells;
    private int[] leafFirstCell;
    private int[] leafCount;
    private int[] dirtyIn;
    private int leaves = 1;
    private int batch = 1;
    private int inBatch;
    private int dirtyLeaves;
    private long pagesWritten;

    PageTree(long blockCount, int leafEntries, int batchEntries) {
        this.leafEntries = leafEntries;
        this.batchEntries = batchEntries;
        int cells = Math.toIntExact(Math.ceilDiv(blockCount, CELL_BLOCKS));
        cellEntries = new short[cells];
        leafOfCell = new int[cells];
        leafCells = new int[] {cells};
        leafFirstCell = new int[1];
        leafCount = new int[1];
        dirtyIn = new int[1];
    }

    void write(long block) {
        int cell = (int) (block / CELL_BLOCKS);
        int leaf = leafOfCell[cell];
        if (!written.get((int) block)) {
            written.set((int) block);
            cellEntries[cell]++;
            leafCount[leaf]++;
            while (leafCount[leaf] > leafEntries && leafCells[leaf] > 1) {
                split(leaf);
                leaf = leafOfCell[cell];
            }
        }
        if (dirtyIn[leaf] != batch) {
            dirtyIn[leaf] = batch;
            dirtyLeaves++;
        }
        if (++inBatch == batchEntries) {
            checkpoint();
        }
    }

    private void split(int leaf) {
        if (leaves == leafCells.length) {
            leafCells = Arrays.copyOf(leafCells, 2 * leaves);
            leafFirstCell = Arrays.copyOf(leafFirstCell, 2 * leaves);
            leafCount = Arrays.copyOf(leafCount, 2 * leaves);
            dirtyIn = Arrays.copyOf(dirtyIn, 2 * leaves);
        }
        int added = leaves++;
        int kept = leafCells[leaf] / 2;
        leafFirstCell[added] = leafFirstCell[leaf] + kept;
        leafCells[added] = leafCells[leaf] - kept;
        leafCells[leaf] = kept;
        for (int i = 0; i < leafCells[added]; i++) {
            int cell = leafFirstCell[added] + i;
            leafOfCell[cell] = added;
            leafCount[added] += cellEntries[cell];
        }
        leafCount[leaf] -= leafCount[added];
        if (dirtyIn[leaf] == batch) {
            dirtyIn[added] = batch;
            dirtyLeaves++;
        }
    }

    private void checkpoint() {
        double dirty = dirtyLeaves;
        double pages = leaves;
        double written = dirty;
        while (pages > 1) {
            pages = Math.ceil(pages / CHILDREN);
            dirty = pages * (1 - Math.pow(1 - 1 / pages, dirty));
            written += dirty;
        }
        pagesWritten += Math.round(written);
        batch++;
        inBatch = 0;
        dirtyLeaves = 0;
    }

    /** Whether something waits for the next checkpoint. */
    boolean hasChanges() {
        return inBatch > 0;
    }

    long pagesWritten() {
        return pagesWritten;
    }
}
