package io.ashlar.coordinator.plan;

import io.ashlar.client.model.DriveId;

/**
 * A drive as placement sees it.
 *
 * @param domain the failure domain that it shares with others: its zone, or its node
 * @param weight its share of the shards, in proportion to the others' weights; above 0
 * @param roomBytes what may still be placed on it
 * @param slow whether others are to be used where they can be
 */
public record DriveView(
        DriveId id, String node, String domain, double weight, long roomBytes, boolean slow) {}
