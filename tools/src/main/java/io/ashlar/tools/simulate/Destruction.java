package io.ashlar.tools.simulate;

import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import java.util.random.RandomGenerator;

/**
 * Destroys more of some stripes than their parity makes up for: cells rot until fewer than d are
 * whole, or the arenas of so many drives are gone that some stripe is.
 */
final class Destruction {
    private static final int MAX_STRIPES = 6;
    private static final int PAGE_BITS = SimulatedFile.PAGE_BYTES * 8;

    private final World world;
    private final RandomGenerator random;

    Destruction(World world, RandomGenerator random) {
        this.world = world;
        this.random = random;
    }

    void destroy(StripeCensus before) {
        if (random.nextInt(4) == 0) {
            loseArenas(before);
        } else {
            rot(before);
        }
    }

    /** Of data alone in most runs: where the map is hit, nearly everything may be unreadable. */
    private void rot(StripeCensus before) {
        boolean dataOnly = random.nextInt(4) > 0;
        List<StripeCensus.Entry> candidates = new ArrayList<>(before.entries().stream()
                .filter(entry -> entry.stripe().geometry().cellBytes() > 0)
                .filter(entry -> !dataOnly || !entry.stripe().extents().isEmpty())
                .toList());
        int stripes = Math.min(candidates.size(), 1 + random.nextInt(MAX_STRIPES));
        for (int i = 0; i < stripes; i++) {
            rot(candidates.remove(random.nextInt(candidates.size())));
        }
    }

    private void rot(StripeCensus.Entry entry) {
        List<StripeCensus.Held> cells = new ArrayList<>(entry.cells().values());
        int least = cells.size() - entry.d() + 1;
        int damaged = least + random.nextInt(cells.size() - least + 1);
        for (int i = 0; i < damaged; i++) {
            StripeCensus.Held victim = cells.remove(random.nextInt(cells.size()));
            world.note("BEYOND a cell of " + entry.stripe() + " rots on "
                    + victim.drive().name());
            rot(victim.record());
        }
    }

    private void rot(FoundRecord record) {
        int page = random.nextInt(record.pageCount());
        switch (random.nextInt(3)) {
            case 0 ->
                record.arena()
                        .flipBit(
                                record.page() + page,
                                page == 0 ? DriveFaults.HEADER_BIT : random.nextInt(PAGE_BITS));
            case 1 -> record.arena().makeUnreadable(record.page() + page);
            default -> {
                for (int i = 0; i < record.pageCount(); i++) {
                    record.arena().overwrite(record.page() + i, null);
                }
            }
        }
    }

    private void loseArenas(StripeCensus before) {
        List<SimulatedNode> nodes = new ArrayList<>(world.nodes());
        Collections.sort(nodes, (one, other) -> one.name().compareTo(other.name()));
        while (!nodes.isEmpty() && StripeCensus.take(world).lostSince(before).isEmpty()) {
            SimulatedNode node = nodes.remove(random.nextInt(nodes.size()));
            node.kill();
            for (SimulatedDrive drive : node.drives()) {
                world.note("BEYOND the arena of " + drive.name() + " is gone");
                drive.loseArena();
            }
        }
        for (SimulatedNode node : world.nodes()) {
            if (!node.isUp() && !node.start()) {
                throw new Violation("liveness", node.name() + " does not start anew");
            }
        }
    }
}
