package io.ashlar.client.log;

import io.ashlar.client.model.LogPosition;
import io.ashlar.client.protocol.Root;

import java.util.ArrayList;
import java.util.List;

/**
 * What a volume's roots tell of its log. A root is committed once its own stripe is acknowledged, and
 * that comes after the place from which its map is replayed, with the pages of the map in between,
 * maybe segments later. What is sealed below that loses the map.
 *
 * @param replayedFrom the position of the newest one
 * @param acknowledged all that lies before any of these was acknowledged
 */
record RootPositions(LogPosition replayedFrom, List<LogPosition> acknowledged) {
    static final RootPositions NONE = new RootPositions(LogPosition.START, List.of());

    RootPositions {
        acknowledged = List.copyOf(acknowledged);
    }

    /** Of those that the coordinator retains. */
    static RootPositions of(List<Root> newestFirst) {
        List<LogPosition> acknowledged = new ArrayList<>();
        for (Root root : newestFirst) {
            acknowledged.add(LogPosition.of(root.getPosition()));
            acknowledged.add(LogPosition.of(root.getEnd()));
        }
        return newestFirst.isEmpty()
                ? NONE
                : new RootPositions(acknowledged.getFirst(), acknowledged);
    }
}
