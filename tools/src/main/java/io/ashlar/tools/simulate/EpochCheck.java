package io.ashlar.tools.simulate;

import io.ashlar.client.model.VolumeId;
import io.ashlar.client.protocol.Id;
import io.ashlar.coordinator.metadata.Metadata;
import io.ashlar.coordinator.record.Command;
import io.ashlar.coordinator.record.VolumeRecord;

import org.jspecify.annotations.Nullable;

/**
 * What a writer or a recoverer asks of the metadata changes its volume only while the volume is at
 * its epoch. A command of another epoch that takes effect harms somebody only where much coincides.
 */
final class EpochCheck {
    private @Nullable VolumeRecord before;

    /** Whose command it is. */
    private record Asked(VolumeId volume, long epoch) {
        static Asked of(Id volume, long epoch) {
            return new Asked(VolumeId.of(volume), epoch);
        }
    }

    private static @Nullable Asked asked(Command command) {
        return switch (command.getKindCase()) {
            case SEGMENTS_SEAL ->
                Asked.of(
                        command.getSegmentsSeal().getVolume(),
                        command.getSegmentsSeal().getEpoch());
            case ROOT_COMMIT ->
                Asked.of(
                        command.getRootCommit().getVolume(),
                        command.getRootCommit().getEpoch());
            case SEGMENTS_FREE ->
                Asked.of(
                        command.getSegmentsFree().getVolume(),
                        command.getSegmentsFree().getEpoch());
            default -> null;
        };
    }

    /** The command is going to be applied. */
    void before(Metadata metadata, Command command) {
        Asked asked = asked(command);
        before = asked == null ? null : metadata.volume(asked.volume());
    }

    /** It was. */
    void after(Metadata metadata, Command command) {
        Asked asked = asked(command);
        VolumeRecord known = before;
        if (asked != null
                && known != null
                && known.getEpoch() != asked.epoch()
                && !known.equals(metadata.volume(asked.volume()))) {
            throw new Violation(
                    "only the epoch's owner changes a volume",
                    command.getKindCase() + " of epoch " + asked.epoch() + " changed volume "
                            + known.getName() + ", which is at epoch " + known.getEpoch());
        }
    }
}
