package io.ashlar.coordinator.metadata;

import io.ashlar.client.model.DriveId;
import io.ashlar.client.protocol.Id;
import io.ashlar.coordinator.record.LeaderStarted;
import io.ashlar.coordinator.record.NodePut;
import io.ashlar.coordinator.record.NodeRecord;
import io.ashlar.coordinator.record.NodeStates;
import io.ashlar.coordinator.record.Outcome;

import java.util.LinkedHashSet;
import java.util.Set;

/** Nodes, their drives, and what state the leader saw them in. */
final class NodeCommands {
    static final String UP = "up";
    static final String DOWN = "down";

    private final MetadataWriter metadata;

    NodeCommands(MetadataWriter metadata) {
        this.metadata = metadata;
    }

    Outcome leaderStarted(LeaderStarted command) {
        metadata.addEvent(
                "coordinator " + command.getCoordinator(), "leads, term " + command.getTerm());
        return Outcome.getDefaultInstance();
    }

    /** Whoever registers a drive last has it: drives move between machines. */
    Outcome put(NodePut command) {
        NodeRecord told = command.getNode();
        NodeRecord before = metadata.node(told.getId());
        Set<Id> drives = new LinkedHashSet<>();
        NodeRecord.Builder node = told.toBuilder();
        if (before != null) {
            drives.addAll(before.getDrivesList());
            node = before.toBuilder().setAddress(told.getAddress()).setZone(told.getZone());
        } else {
            node.setState(UP).setReason("registered").setSinceMillis(metadata.atMillis());
        }
        for (Id drive : told.getDrivesList()) {
            takeFromOthers(drive, told.getId());
            metadata.putDrive(DriveId.of(drive), told.getId());
            drives.add(drive);
        }
        metadata.putNode(node.clearDrives().addAllDrives(drives).build());
        metadata.addEvent(
                "node " + told.getId(),
                (before == null ? "joined at " : "registered at ") + told.getAddress() + ", "
                        + told.getDrivesCount() + " drives"
                        + (told.getZone().isEmpty() ? "" : ", zone " + told.getZone()));
        return Outcome.getDefaultInstance();
    }

    private void takeFromOthers(Id drive, String node) {
        String other = metadata.nodeOf(DriveId.of(drive));
        NodeRecord holder = other == null || other.equals(node) ? null : metadata.node(other);
        if (holder == null) {
            return;
        }
        NodeRecord.Builder without = holder.toBuilder().clearDrives();
        for (Id held : holder.getDrivesList()) {
            if (!held.equals(drive)) {
                without.addDrives(held);
            }
        }
        metadata.putNode(without.build());
        metadata.addEvent("node " + other, "drive " + DriveId.of(drive) + " moved to node " + node);
    }

    Outcome states(NodeStates command) {
        for (NodeRecord told : command.getNodesList()) {
            NodeRecord node = metadata.node(told.getId());
            if (node == null || node.getState().equals(told.getState())) {
                continue;
            }
            NodeRecord.Builder changed = node.toBuilder()
                    .setState(told.getState())
                    .setReason(told.getReason())
                    .setSinceMillis(metadata.atMillis());
            if (told.getState().equals(UP)) {
                changed.setRebuildNow(false);
            }
            metadata.putNode(changed.build());
            metadata.addEvent(
                    "node " + told.getId(),
                    node.getState() + " -> " + told.getState() + ": " + told.getReason());
        }
        return Outcome.getDefaultInstance();
    }

    Outcome forceRepair() {
        for (NodeRecord node : metadata.nodes()) {
            if (node.getState().equals(DOWN)) {
                metadata.putNode(node.toBuilder().setRebuildNow(true).build());
            }
        }
        return Outcome.getDefaultInstance();
    }
}
