package io.ashlar.coordinator.metadata;

import io.ashlar.client.AshlarException;
import io.ashlar.client.model.VolumeId;
import io.ashlar.client.protocol.Segment;
import io.ashlar.client.protocol.SegmentState;
import io.ashlar.coordinator.record.Outcome;
import io.ashlar.coordinator.record.VolumeBlock;
import io.ashlar.coordinator.record.VolumeClose;
import io.ashlar.coordinator.record.VolumeCreate;
import io.ashlar.coordinator.record.VolumeDelete;
import io.ashlar.coordinator.record.VolumeOpen;
import io.ashlar.coordinator.record.VolumeReap;
import io.ashlar.coordinator.record.VolumeRecord;

import java.util.List;

/** Volumes: their names, their epochs and who holds them. */
final class VolumeCommands {
    private final MetadataWriter metadata;

    VolumeCommands(MetadataWriter metadata) {
        this.metadata = metadata;
    }

    Outcome create(VolumeCreate command) throws AshlarException {
        VolumeRecord volume = command.getVolume();
        if (metadata.volume(volume.getName()) != null) {
            throw new AshlarException.Invalid("volume " + volume.getName()
                    + " exists already: choose another name or delete it first");
        }
        if (metadata.volume(VolumeId.of(volume.getId())) != null) {
            throw new AshlarException.Invalid(
                    "volume id " + VolumeId.of(volume.getId()) + " is taken: ids are never reused");
        }
        metadata.putVolume(volume);
        metadata.nameVolume(volume);
        metadata.addEvent(
                "volume " + volume.getName(),
                "created, " + volume.getSizeBytes() + " bytes, " + volume.getPolicy());
        return Outcome.newBuilder().setId(volume.getId()).build();
    }

    /** Conditional on nobody having opened it since its lease was looked at. */
    Outcome delete(VolumeDelete command) throws AshlarException {
        VolumeRecord volume = requireEpoch(command.getVolume(), command.getEpoch());
        metadata.markDeleted(volume);
        metadata.addEvent("volume " + volume.getName(), "deleted");
        return Outcome.getDefaultInstance();
    }

    Outcome reap(VolumeReap command) {
        VolumeId id = VolumeId.of(command.getVolume());
        VolumeRecord volume = metadata.volume(id);
        if (volume == null || !volume.getDeleted()) {
            return Outcome.getDefaultInstance();
        }
        List<Segment> segments = metadata.firstSegments(id, command.getMaxSegments());
        segments.forEach(metadata::deleteSegment);
        if (metadata.firstSegments(id, 1).isEmpty()) {
            metadata.forgetVolume(id);
        }
        return Outcome.getDefaultInstance();
    }

    /**
     * Raises the epoch and aborts the segments that the last writer had not yet opened.
     *
     * @param term in which the command was entered in the log: leases that a leader of another one
     *     looked at say nothing
     */
    Outcome open(VolumeOpen command, long term) throws AshlarException {
        VolumeRecord volume = requireEpoch(command.getVolume(), command.getEpoch());
        if (command.getTerm() != 0 && command.getTerm() != term) {
            throw new AshlarException.Fenced("volume " + volume.getName()
                    + " was found abandoned in term " + command.getTerm() + ", this is term "
                    + term);
        }
        VolumeId id = VolumeId.of(volume.getId());
        for (Segment segment : metadata.unsealedSegments(id)) {
            if (segment.getState() == SegmentState.CREATING) {
                metadata.deleteSegment(segment);
            }
        }
        VolumeRecord opened = metadata.volume(id);
        if (opened == null) {
            throw new IllegalStateException("volume " + id + " vanished while it was opened");
        }
        long epoch = volume.getEpoch() + 1;
        metadata.putVolume(opened.toBuilder()
                .setEpoch(epoch)
                .setHolder(command.getHolder())
                .build());
        metadata.addEvent(
                "volume " + volume.getName(),
                "opened by " + command.getHolder() + " at epoch " + epoch
                        + (command.getGiveUp()
                                ? ", giving up what cannot be recovered of its last writes"
                                : ""));
        return Outcome.newBuilder().setId(volume.getId()).setEpoch(epoch).build();
    }

    /** Nothing where somebody has opened the volume since: that takeover will tell. */
    Outcome block(VolumeBlock command) {
        VolumeRecord volume = metadata.volume(VolumeId.of(command.getVolume()));
        boolean current = volume != null
                && !volume.getDeleted()
                && volume.getEpoch() == command.getEpoch()
                && !volume.getBlocked().equals(command.getReason());
        if (volume != null && current) {
            metadata.putVolume(
                    volume.toBuilder().setBlocked(command.getReason()).build());
            metadata.addEvent(
                    "volume " + volume.getName(), "takeover blocked: " + command.getReason());
        }
        return Outcome.getDefaultInstance();
    }

    Outcome close(VolumeClose command) throws AshlarException {
        VolumeRecord volume = requireEpoch(command.getVolume(), command.getEpoch());
        metadata.putVolume(volume.toBuilder().clearHolder().build());
        metadata.addEvent(
                "volume " + volume.getName(),
                "closed by " + volume.getHolder() + " at epoch " + volume.getEpoch());
        return Outcome.getDefaultInstance();
    }

    private VolumeRecord requireEpoch(io.ashlar.client.protocol.Id id, long epoch)
            throws AshlarException {
        return requireEpoch(metadata, VolumeId.of(id), epoch);
    }

    /** The volume, if this epoch is still its own. */
    static VolumeRecord requireEpoch(MetadataReader metadata, VolumeId id, long epoch)
            throws AshlarException {
        VolumeRecord volume = metadata.volume(id);
        if (volume == null || volume.getDeleted()) {
            throw new AshlarException.NotFound("volume " + id + " does not exist");
        }
        if (volume.getEpoch() != epoch) {
            throw new AshlarException.Fenced("volume " + volume.getName() + " is at epoch "
                    + volume.getEpoch() + " (holder "
                    + (volume.getHolder().isEmpty() ? "none" : volume.getHolder())
                    + "), the command is of epoch " + epoch + ": open the volume again");
        }
        return volume;
    }
}
