package io.ashlar.coordinator.plan;

import java.util.Collection;

/**
 * How far the shards of a segment lie apart: how many domains, nodes and drives hold some. Placement
 * fills domains evenly, so the number of domains says how many of them may be lost.
 */
public record Spread(long domains, long nodes, long drives) {

    public static Spread of(Collection<DriveView> shards) {
        return new Spread(
                shards.stream().map(DriveView::domain).distinct().count(),
                shards.stream().map(DriveView::node).distinct().count(),
                shards.stream().map(DriveView::id).distinct().count());
    }

    /** Whether they lie closer in any way. */
    public boolean isCloserThan(Spread other) {
        return domains < other.domains || nodes < other.nodes || drives < other.drives;
    }
}
