package io.ashlar.coordinator.metadata;

import io.ashlar.client.AshlarException;
import io.ashlar.client.model.SegmentId;
import io.ashlar.client.model.VolumeId;
import io.ashlar.client.protocol.Id;
import io.ashlar.client.protocol.Position;
import io.ashlar.client.protocol.Root;
import io.ashlar.client.protocol.Segment;
import io.ashlar.client.protocol.SegmentSeal;
import io.ashlar.client.protocol.SegmentState;
import io.ashlar.coordinator.record.Outcome;
import io.ashlar.coordinator.record.RootCommit;
import io.ashlar.coordinator.record.SegmentsFree;
import io.ashlar.coordinator.record.VolumeRecord;

import java.util.ArrayList;
import java.util.List;

/**
 * Roots, and the segments that none of them needs any more.
 *
 * <p>The last few roots are retained, to fall back on where a newer map cannot be read. So a segment
 * is deleted only if all of them are at or after the root from which on, as the writer says, none
 * refers to it, and if it lies before the place from which the oldest of them is replayed. Both are
 * looked at when the command is applied.
 */
final class RootCommands {
    static final int RETAINED = 3;

    private final MetadataWriter metadata;

    RootCommands(MetadataWriter metadata) {
        this.metadata = metadata;
    }

    /**
     * Conditional on the epoch and on the root before it, and never back in the log: but behind roots
     * that its writer could not read, and which go.
     */
    Outcome commit(RootCommit command) throws AshlarException {
        VolumeRecord volume = VolumeCommands.requireEpoch(
                metadata, VolumeId.of(command.getVolume()), command.getEpoch());
        Root root = command.getRoot();
        List<Root> roots = new ArrayList<>(volume.getRootsList());
        long newest = roots.isEmpty() ? 0 : roots.getLast().getNumber();
        if (root.getNumber() != newest + 1) {
            throw new AshlarException.Invalid("root " + root.getNumber() + " of volume "
                    + volume.getName() + " cannot follow root " + newest);
        }
        roots.removeIf(one -> command.getUnreadableList().contains(one.getNumber()));
        long sequence = requireSequence(volume, root.getPosition());
        if (!roots.isEmpty() && isBefore(root, sequence, roots.getLast())) {
            throw new AshlarException.Invalid("root " + root.getNumber() + " of volume "
                    + volume.getName() + " lies before root " + roots.getLast().getNumber()
                    + " in the log");
        }
        roots.add(root);
        if (roots.size() > RETAINED) {
            roots.removeFirst();
        }
        metadata.putVolume(volume.toBuilder().clearRoots().addAllRoots(roots).build());
        return Outcome.getDefaultInstance();
    }

    private boolean isBefore(Root root, long sequence, Root earlier) {
        long earlierSequence = sequence(earlier.getPosition());
        if (sequence != earlierSequence) {
            return sequence < earlierSequence;
        }
        return root.getPosition().getBytes() < earlier.getPosition().getBytes();
    }

    private long requireSequence(VolumeRecord volume, Position position) throws AshlarException {
        if (!position.hasSegment()) {
            return 0;
        }
        SegmentId id = SegmentId.of(position.getSegment());
        Segment segment = metadata.segment(id);
        if (segment == null || !segment.getVolume().equals(volume.getId())) {
            throw new AshlarException.NotFound("segment " + id + " of volume " + volume.getName()
                    + ", at which its root is to be replayed, does not exist");
        }
        long lengthBytes = segment.getState() == SegmentState.SEALED
                ? segment.getSealedBytes()
                : segment.getShardBytes();
        if (segment.getState() == SegmentState.CREATING
                || position.getBytes() <= 0
                || position.getBytes() > lengthBytes) {
            throw new AshlarException.Invalid("a root of volume " + volume.getName()
                    + " cannot be replayed from " + position.getBytes() + " of segment " + id
                    + ", which has " + lengthBytes);
        }
        return segment.getSequence();
    }

    /**
     * What a root holds was acknowledged, and so was the root itself: no segment is sealed below where
     * one is replayed, or ends.
     */
    static void requireCovered(VolumeRecord volume, SegmentSeal seal) throws AshlarException {
        for (Root root : volume.getRootsList()) {
            for (Position position : List.of(root.getPosition(), root.getEnd())) {
                if (position.getSegment().equals(seal.getSegment())
                        && position.getBytes() > seal.getSealedBytes()) {
                    throw new AshlarException.Invalid("segment " + SegmentId.of(seal.getSegment())
                            + " cannot be sealed at " + seal.getSealedBytes() + " bytes: root "
                            + root.getNumber() + " of volume " + volume.getName() + " holds "
                            + position.getBytes() + " of it");
                }
            }
        }
    }

    /** Of the position of a retained root: its segment is kept. */
    private long sequence(Position position) {
        if (!position.hasSegment()) {
            return 0;
        }
        SegmentId id = SegmentId.of(position.getSegment());
        Segment segment = metadata.segment(id);
        if (segment == null) {
            throw new IllegalStateException("segment " + id + " of a retained root is gone");
        }
        return segment.getSequence();
    }

    /** Frees those that may be, and tells which: repeating it for the others does no harm. */
    Outcome free(SegmentsFree command) throws AshlarException {
        VolumeRecord volume = VolumeCommands.requireEpoch(
                metadata, VolumeId.of(command.getVolume()), command.getEpoch());
        Outcome.Builder outcome = Outcome.newBuilder();
        if (volume.getRootsCount() == 0 || volume.getRoots(0).getNumber() < command.getRoot()) {
            return outcome.build();
        }
        long protectedFrom = sequence(volume.getRoots(0).getPosition());
        for (Id id : command.getSegmentsList()) {
            Segment segment = metadata.segment(SegmentId.of(id));
            if (segment == null) {
                outcome.addSegments(id);
            } else if (segment.getVolume().equals(volume.getId())
                    && segment.getState() == SegmentState.SEALED
                    && segment.getSequence() < protectedFrom) {
                metadata.deleteSegment(segment);
                outcome.addSegments(id);
            }
        }
        return outcome.build();
    }
}
