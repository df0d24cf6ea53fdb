package io.ashlar.bench.map;

import static org.assertj.core.api.Assertions.assertThat;

import org.junit.jupiter.api.Test;

class PageTreeTest {
    @Test
    void aTreeOfOneLeafWritesItOnceACheckpoint() {
        PageTree tree = new PageTree(256, 300, 10);
        for (int i = 0; i < 100; i++) {
            tree.write(i);
        }
        assertThat(tree.pagesWritten()).isEqualTo(10);
    }

    @Test
    void changesOfOneLeafShareItsPageAndThoseOfManyDoNot() {
        PageTree together = filled();
        PageTree apart = filled();
        long before = together.pagesWritten();
        for (int i = 0; i < 100; i++) {
            together.write(i);
            apart.write(i * 512L);
        }
        assertThat(together.pagesWritten() - before).as("a leaf and the root").isEqualTo(2);
        assertThat(apart.pagesWritten() - before).as("100 leaves and the root").isEqualTo(101);
    }

    /** 128 leaves of 512 blocks under one root. */
    private static PageTree filled() {
        PageTree tree = new PageTree(128 * 512, 600, 100);
        for (int block = 0; block < 128 * 512; block++) {
            tree.write(block);
        }
        while (tree.hasChanges()) {
            tree.write(0);
        }
        return tree;
    }
}
