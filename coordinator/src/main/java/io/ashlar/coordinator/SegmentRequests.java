package io.ashlar.coordinator;

import io.ashlar.client.AshlarException;
import io.ashlar.client.model.DriveId;
import io.ashlar.client.model.Policy;
import io.ashlar.client.model.SegmentId;
import io.ashlar.client.model.VolumeId;
import io.ashlar.client.protocol.CreateSegment;
import io.ashlar.client.protocol.FreeSegments;
import io.ashlar.client.protocol.ListSegments;
import io.ashlar.client.protocol.OpenSegment;
import io.ashlar.client.protocol.Placement;
import io.ashlar.client.protocol.SealSegments;
import io.ashlar.client.protocol.Segment;
import io.ashlar.client.protocol.SegmentList;
import io.ashlar.client.protocol.SegmentSeal;
import io.ashlar.client.protocol.SegmentsFreed;
import io.ashlar.client.protocol.ShardRef;
import io.ashlar.coordinator.plan.DriveView;
import io.ashlar.coordinator.plan.PlacementPlanner;
import io.ashlar.coordinator.plan.Spread;
import io.ashlar.coordinator.record.Command;
import io.ashlar.coordinator.record.Outcome;
import io.ashlar.coordinator.record.SegmentCreate;
import io.ashlar.coordinator.record.SegmentOpen;
import io.ashlar.coordinator.record.SegmentsFree;
import io.ashlar.coordinator.record.SegmentsSeal;
import io.ashlar.coordinator.record.VolumeRecord;

import java.util.ArrayList;
import java.util.Collection;
import java.util.HashSet;
import java.util.List;
import java.util.Set;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionException;
import java.util.stream.Collectors;

/** Segments: placed, opened and sealed for the writer that owns the epoch. */
final class SegmentRequests {
    /** Room asked for where only health counts: a drive may be fuller than it should be. */
    private static final long HOWEVER_FULL = Long.MIN_VALUE;

    private static final int ALIGNMENT_BYTES = 4096;
    private static final long MAX_SHARD_BYTES = 4L << 30;
    private static final long SETTLE_NANOS = 20_000_000;
    private static final int MAX_FREED_AT_ONCE = 1024;

    private final LeaderContext leader;
    private final LiveNodes nodes;
    private final VolumeRequests volumes;

    SegmentRequests(LeaderContext leader, LiveNodes nodes, VolumeRequests volumes) {
        this.leader = leader;
        this.nodes = nodes;
        this.volumes = volumes;
    }

    /** Waits until the nodes that are up have been heard; that is bounded by their silence. */
    CompletableFuture<Segment> create(CreateSegment request) throws AshlarException {
        if (request.getShardBytes() < ALIGNMENT_BYTES
                || request.getShardBytes() > MAX_SHARD_BYTES
                || request.getShardBytes() % ALIGNMENT_BYTES != 0) {
            throw new AshlarException.Invalid("shards of " + request.getShardBytes()
                    + " bytes: expected a multiple of " + ALIGNMENT_BYTES + " up to "
                    + MAX_SHARD_BYTES);
        }
        CompletableFuture<Segment> created = new CompletableFuture<>();
        createWhenSettled(request, created);
        return created;
    }

    private void createWhenSettled(CreateSegment request, CompletableFuture<Segment> created) {
        if (!nodes.isSettled()) {
            leader.loop().schedule(SETTLE_NANOS, () -> createWhenSettled(request, created));
            return;
        }
        try {
            CompletableFuture<?> _ = placeAndPropose(request).whenComplete((segment, failure) -> {
                if (failure != null) {
                    created.completeExceptionally(failure);
                } else {
                    created.complete(segment);
                }
            });
        } catch (AshlarException e) {
            created.completeExceptionally(e);
        }
    }

    /**
     * A repeated request is answered by what it came to: that there is no place for another segment
     * now says nothing of the one that was made.
     */
    private CompletableFuture<Segment> placeAndPropose(CreateSegment request)
            throws AshlarException {
        Outcome before = leader.metadata().outcomeOf(request.getRequestId());
        if (before != null && !before.hasFailure()) {
            SegmentId made = SegmentId.of(before.getId());
            return CompletableFuture.completedFuture(made).thenApply(this::present);
        }
        VolumeRecord volume = leader.metadata().volume(VolumeId.of(request.getVolume()));
        if (volume == null || volume.getDeleted()) {
            throw new AshlarException.NotFound(
                    "volume " + VolumeId.of(request.getVolume()) + " does not exist");
        }
        Policy policy = Policy.parse(volume.getPolicy());
        SegmentId id = leader.newSegmentId();
        List<DriveView> drives = place(id, policy, request);
        Segment.Builder segment = Segment.newBuilder()
                .setId(id.toProto())
                .setVolume(request.getVolume())
                .setPolicy(policy.toString())
                .setEpoch(request.getEpoch())
                .setShardBytes(request.getShardBytes())
                .setWeaker(PlacementPlanner.isWeaker(drives));
        for (int index = 0; index < drives.size(); index++) {
            segment.addPlacements(placement(id, index, drives.get(index)));
        }
        drives.forEach(drive -> assign(drive, request.getShardBytes()));
        return leader.propose(Command.newBuilder()
                        .setRequestId(request.getRequestId())
                        .setSegmentCreate(SegmentCreate.newBuilder().setSegment(segment)))
                .thenApply(outcome -> present(SegmentId.of(outcome.getId())));
    }

    private List<DriveView> place(SegmentId id, Policy policy, CreateSegment request)
            throws AshlarException {
        Set<String> failing = new HashSet<>(request.getAvoidNodesList());
        Set<DriveId> slow = request.getAvoidDrivesList().stream()
                .map(DriveId::of)
                .collect(Collectors.toUnmodifiableSet());
        List<DriveView> drives = PlacementPlanner.place(
                id, policy, nodes.placeable(request.getShardBytes(), failing, slow));
        if (request.hasInsteadOf()) {
            requireWorth(drives, SegmentId.of(request.getInsteadOf()));
        }
        if (!drives.isEmpty()) {
            return drives;
        }
        // A node that a writer saw failing is better than no segment.
        Collection<DriveView> withRoom = nodes.placeable(request.getShardBytes(), Set.of(), slow);
        drives = PlacementPlanner.place(id, policy, withRoom);
        if (!drives.isEmpty()) {
            return drives;
        }
        Collection<DriveView> healthy = nodes.placeable(HOWEVER_FULL, Set.of(), slow);
        if (!PlacementPlanner.place(id, policy, healthy).isEmpty()) {
            throw new AshlarException.NoSpace("a segment of " + policy + " needs "
                    + request.getShardBytes() + " bytes on drives in " + policy.minDomains()
                    + " failure domains, and only " + domains(withRoom)
                    + " have room: free space or add drives");
        }
        throw new AshlarException.Unavailable("a segment of " + policy + " needs "
                + policy.minDomains() + " failure domains that are up, and "
                + domains(healthy) + " are: bring nodes back or add some");
    }

    /** A segment on slow drives is given up only for one that is on none and no weaker. */
    private void requireWorth(List<DriveView> drives, SegmentId insteadOf)
            throws AshlarException.Unavailable {
        Segment segment = leader.metadata().segment(insteadOf);
        if (segment == null) {
            throw new AshlarException.Unavailable(
                    "segment " + insteadOf + " is gone: nothing is to take its place");
        }
        List<DriveView> present = new ArrayList<>();
        segment.getPlacementsList()
                .forEach(
                        placement -> nodes.drive(DriveId.of(placement.getShard().getDrive()))
                                .ifPresent(present::add));
        boolean isWorth = !drives.isEmpty()
                && drives.stream().noneMatch(DriveView::slow)
                && !Spread.of(drives).isCloserThan(Spread.of(present));
        if (!isWorth) {
            throw new AshlarException.Unavailable("segment " + insteadOf
                    + " stays on slow drives: no others can take their place without making it"
                    + " weaker; add nodes, or drives with room");
        }
    }

    private static long domains(Collection<DriveView> drives) {
        return drives.stream().map(DriveView::domain).distinct().count();
    }

    private Placement placement(SegmentId segment, int index, DriveView drive) {
        return Placement.newBuilder()
                .setNode(drive.node())
                .setShard(ShardRef.newBuilder()
                        .setSegment(segment.toProto())
                        .setIndex(index)
                        .setIncarnation(leader.newNumber())
                        .setDrive(drive.id().toProto()))
                .build();
    }

    private void assign(DriveView drive, long bytes) {
        LiveNode node = nodes.get(drive.node());
        if (node != null) {
            node.assign(drive.id(), bytes);
        }
    }

    CompletableFuture<Segment> open(OpenSegment request) {
        return leader.propose(Command.newBuilder()
                        .setRequestId(request.getRequestId())
                        .setSegmentOpen(SegmentOpen.newBuilder()
                                .setVolume(request.getVolume())
                                .setEpoch(request.getEpoch())
                                .setSegment(request.getSegment())))
                .thenApply(outcome -> present(SegmentId.of(outcome.getId())));
    }

    /** The nodes hear of the seals with their next heartbeats. */
    CompletableFuture<Outcome> seal(SealSegments request) {
        return leader.propose(Command.newBuilder()
                        .setRequestId(request.getRequestId())
                        .setSegmentsSeal(SegmentsSeal.newBuilder()
                                .setVolume(request.getVolume())
                                .setEpoch(request.getEpoch())
                                .addAllSeals(request.getSealsList())))
                .thenApply(outcome -> {
                    for (SegmentSeal seal : request.getSealsList()) {
                        Segment segment =
                                leader.metadata().segment(SegmentId.of(seal.getSegment()));
                        if (segment != null) {
                            nodes.expectSeals(segment);
                        }
                    }
                    return outcome;
                });
    }

    /** Those of them that no retained root may need. */
    CompletableFuture<SegmentsFreed> free(FreeSegments request) throws AshlarException {
        if (request.getSegmentsCount() > MAX_FREED_AT_ONCE) {
            throw new AshlarException.Invalid(request.getSegmentsCount()
                    + " segments to free in one command: expected up to " + MAX_FREED_AT_ONCE);
        }
        return leader.propose(Command.newBuilder()
                        .setRequestId(request.getRequestId())
                        .setSegmentsFree(SegmentsFree.newBuilder()
                                .setVolume(request.getVolume())
                                .setEpoch(request.getEpoch())
                                .setRoot(request.getRoot())
                                .addAllSegments(request.getSegmentsList())))
                .thenApply(outcome -> SegmentsFreed.newBuilder()
                        .addAllSegments(outcome.getSegmentsList())
                        .build());
    }

    SegmentList list(ListSegments request) throws AshlarException {
        if (request.hasSegment()) {
            SegmentId id = SegmentId.of(request.getSegment());
            Segment segment = leader.metadata().segment(id);
            if (segment == null) {
                throw new AshlarException.NotFound("segment " + id + " does not exist");
            }
            return nodes.page(List.of(segment), 1).toBuilder()
                    .addAllFormer(nodes.former(segment))
                    .build();
        }
        if (request.hasVolumeId()) {
            VolumeId id = VolumeId.of(request.getVolumeId());
            volumes.requireEpoch(id, request.getEpoch());
            return volumes.segmentsAfter(id, request.getAfterSequence());
        }
        if (!request.getVolume().isEmpty()) {
            VolumeId id = VolumeId.of(volumes.require(request.getVolume()).getId());
            return volumes.segmentsAfter(id, request.getAfterSequence());
        }
        int max = leader.config().pageSegments();
        SegmentId after = SegmentId.of(request.getAfter());
        return nodes.page(leader.metadata().segmentsAfter(after, max + 1), max);
    }

    private Segment present(SegmentId id) {
        Segment segment = leader.metadata().segment(id);
        if (segment == null) {
            throw new CompletionException(new AshlarException.NotFound(
                    "segment " + id + " has been deleted: create another"));
        }
        return nodes.present(segment);
    }
}
