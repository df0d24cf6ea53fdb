package io.ashlar.node;

import io.ashlar.client.AshlarException;
import io.ashlar.client.model.DriveId;
import io.ashlar.client.protocol.DriveInfo;
import io.ashlar.client.protocol.Id;
import io.ashlar.client.protocol.ShardRef;
import io.ashlar.client.protocol.ShardState;

import java.util.List;

/** The drives of a node. */
record Drives(List<Drive> all) {

    /** The drive that a shard is said to be on; not found where that drive is known to be lost. */
    Drive of(ShardRef shard) throws AshlarException {
        DriveId id = DriveId.of(shard.getDrive());
        for (Drive drive : all) {
            if (drive.id().equals(id)) {
                return drive;
            }
            if (drive.replaces(id)) {
                throw new AshlarException.NotFound("drive " + id + " was lost with "
                        + ShardKey.of(shard) + ": drive " + drive.id() + " took its place");
            }
        }
        throw new AshlarException.Invalid("drive " + id + " is not served here: "
                + ShardKey.of(shard) + " is not where it was placed");
    }

    List<DriveInfo> infos() {
        return all.stream().map(Drive::info).toList();
    }

    /** The shards of one drive, or of all. */
    List<ShardState> shardStates(Id drive) {
        boolean every = drive.equals(Id.getDefaultInstance());
        return all.stream()
                .filter(one -> every || one.id().equals(DriveId.of(drive)))
                .flatMap(one -> one.shardStates().stream())
                .toList();
    }
}
