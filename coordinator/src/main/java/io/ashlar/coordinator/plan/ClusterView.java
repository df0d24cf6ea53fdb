package io.ashlar.coordinator.plan;

import io.ashlar.client.model.DriveId;

import java.util.Collection;
import java.util.Optional;

/** What the leader knows of nodes and drives at one moment. */
public interface ClusterView {

    /** A drive, by its id, wherever it was registered last; whether or not it can be used. */
    Optional<DriveView> drive(DriveId id);

    /** The drives that may take a shard of this size. */
    Collection<DriveView> placeable(long shardBytes);

    /** Whether the shards on a drive can be had now. */
    Availability availability(DriveId drive);

    /** Drives whose shards cannot be had now. */
    Collection<DriveId> unavailableDrives();

    /** Why shards on a drive can or cannot be had. */
    enum Availability {
        AVAILABLE,
        /** Down, but not yet for so long that its shards are rebuilt. */
        AWAITED,
        /** Down for too long, or failed. */
        GIVEN_UP
    }
}
