package io.ashlar.coordinator;

import io.ashlar.client.model.DriveId;
import io.ashlar.client.protocol.DriveInfo;
import io.ashlar.client.protocol.SealShard;
import io.ashlar.client.protocol.ShardRef;
import io.ashlar.coordinator.plan.NodeHealth;

import java.util.ArrayList;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;

/** What the leader remembers of a node, and no log keeps. */
final class LiveNode {
    private final String id;
    private final Map<ShardRef, SealShard> pendingSeals = new LinkedHashMap<>();
    private final Map<DriveId, Long> assignedBytes = new HashMap<>();
    private final Map<Long, Long> restingOrders = new HashMap<>();
    private Map<Long, GivenOrder> given = Map.of();
    private NodeHealth health;
    private List<DriveInfo> drives = List.of();
    private Set<ShardRef> unnamed = Set.of();
    private long unnamedBy;
    private boolean inventoried;
    private int unknownShards;

    LiveNode(String id, NodeHealth health) {
        this.id = id;
        this.health = health;
    }

    String id() {
        return id;
    }

    NodeHealth health() {
        return health;
    }

    void setHealth(NodeHealth health) {
        this.health = health;
    }

    /** As last told; empty: not heard since this leader began. */
    List<DriveInfo> drives() {
        return drives;
    }

    /** What was assigned since is in the node's own figures from now on. */
    void setDrives(List<DriveInfo> drives) {
        this.drives = drives;
        assignedBytes.clear();
    }

    void assign(DriveId drive, long bytes) {
        assignedBytes.merge(drive, bytes, Long::sum);
    }

    long assignedBytes(DriveId drive) {
        return assignedBytes.getOrDefault(drive, 0L);
    }

    /** Whether this leader has compared its inventory with the metadata. */
    boolean isInventoried() {
        return inventoried;
    }

    void setInventoried(int unknownShards) {
        this.inventoried = true;
        this.unknownShards = unknownShards;
    }

    /**
     * Remembers the shards that an inventory does not name, and returns those of them that an
     * earlier inventory did not name either. A repeated registration is no other inventory.
     *
     * @param registration the request id of the registration that brought the inventory
     */
    List<ShardRef> unnamedAgain(List<ShardRef> shards, long registration) {
        if (!unnamed.isEmpty() && registration == unnamedBy) {
            return List.of();
        }
        List<ShardRef> again = new ArrayList<>(shards);
        again.retainAll(unnamed);
        unnamed = new LinkedHashSet<>(shards);
        again.forEach(unnamed::remove);
        unnamedBy = registration;
        return again;
    }

    /** Whether only another inventory can tell if shards of it are lost. */
    boolean hasUnnamed() {
        return !unnamed.isEmpty();
    }

    /** Shards that it keeps and nobody knows. */
    int unknownShards() {
        return unknownShards;
    }

    /** Shards that are sealed in the metadata and not yet there. */
    Map<ShardRef, SealShard> pendingSeals() {
        return pendingSeals;
    }

    /** An order that failed is given again, but not at once: its node answers at once. */
    void rest(long order, long untilNanos) {
        restingOrders.put(order, untilNanos);
    }

    boolean isResting(long order, long nowNanos) {
        restingOrders.values().removeIf(untilNanos -> nowNanos - untilNanos >= 0);
        return restingOrders.containsKey(order);
    }

    /** The orders of the last reply, by id. */
    Map<Long, GivenOrder> given() {
        return given;
    }

    void setGiven(Map<Long, GivenOrder> given) {
        this.given = given;
    }
}
