package io.ashlar.client.log;

import io.ashlar.client.model.Address;
import io.ashlar.client.model.DriveId;

import java.util.Optional;

/**
 * Where shards lie.
 *
 * @param address where the node was last known to listen; empty if it never registered
 */
public record ShardPlace(String node, Optional<Address> address, DriveId drive) {}
