package io.ashlar.coordinator;

import io.ashlar.client.AshlarException;
import io.ashlar.client.model.Compression;
import io.ashlar.client.model.DriveId;
import io.ashlar.client.model.Policy;
import io.ashlar.client.model.SegmentId;
import io.ashlar.client.model.VolumeId;
import io.ashlar.client.model.VolumeName;
import io.ashlar.client.model.VolumeSize;
import io.ashlar.client.protocol.AbandonedVolume;
import io.ashlar.client.protocol.CloseVolume;
import io.ashlar.client.protocol.CommitRoot;
import io.ashlar.client.protocol.CreateVolume;
import io.ashlar.client.protocol.DeleteVolume;
import io.ashlar.client.protocol.GetVolume;
import io.ashlar.client.protocol.LeaseRenewed;
import io.ashlar.client.protocol.OpenVolume;
import io.ashlar.client.protocol.Placement;
import io.ashlar.client.protocol.RecordLoss;
import io.ashlar.client.protocol.RenewLease;
import io.ashlar.client.protocol.Segment;
import io.ashlar.client.protocol.SegmentList;
import io.ashlar.client.protocol.SegmentState;
import io.ashlar.client.protocol.VolumeInfo;
import io.ashlar.client.protocol.VolumeList;
import io.ashlar.client.protocol.VolumeOpened;
import io.ashlar.coordinator.plan.ClusterView.Availability;
import io.ashlar.coordinator.record.Command;
import io.ashlar.coordinator.record.Outcome;
import io.ashlar.coordinator.record.ReplayLoss;
import io.ashlar.coordinator.record.RootCommit;
import io.ashlar.coordinator.record.VolumeClose;
import io.ashlar.coordinator.record.VolumeCreate;
import io.ashlar.coordinator.record.VolumeDelete;
import io.ashlar.coordinator.record.VolumeOpen;
import io.ashlar.coordinator.record.VolumeReap;
import io.ashlar.coordinator.record.VolumeRecord;

import org.jspecify.annotations.Nullable;

import java.util.HashMap;
import java.util.HashSet;
import java.util.Map;
import java.util.Set;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionException;

/** Volumes: made, opened, held, closed, deleted. */
final class VolumeRequests {
    private static final int SEGMENTS_REAPED_AT_ONCE = 256;
    private static final int MAX_MAP_REFERENCE_BYTES = 4096;
    private static final CompletableFuture<Outcome> NOT_BEING_OPENED =
            CompletableFuture.completedFuture(Outcome.getDefaultInstance());

    private final LeaderContext leader;
    private final LiveNodes nodes;
    private final SlowDrives slow;
    private final Leases leases;
    private final LeadershipCheck leadership;

    /** Whose epoch is being raised: renewals wait for what comes of it. */
    private final Map<VolumeId, CompletableFuture<Outcome>> openings = new HashMap<>();

    private boolean reaping;

    VolumeRequests(
            LeaderContext leader, LiveNodes nodes, SlowDrives slow, LeadershipCheck leadership) {
        this.leader = leader;
        this.nodes = nodes;
        this.slow = slow;
        this.leadership = leadership;
        this.leases = new Leases(leader.config().timings().lease().toNanos(), leader.sinceNanos());
    }

    // ---- making and deleting

    CompletableFuture<VolumeInfo> create(CreateVolume request) throws AshlarException {
        VolumeName name = VolumeName.parse(request.getName());
        VolumeSize size = VolumeSize.of(request.getSizeBytes());
        Compression compression = Compression.parse(request.getCompression());
        Policy policy = Policy.parse(request.getPolicy());
        int domains = nodes.domainCount();
        if (domains < policy.minDomains()) {
            throw new AshlarException.Invalid("policy " + policy + " needs "
                    + policy.minDomains() + " failure domains, the cluster has " + domains
                    + ": add nodes or zones, or choose another policy");
        }
        VolumeRecord.Builder volume = VolumeRecord.newBuilder()
                .setId(request.hasId() ? request.getId() : leader.newVolumeId().toProto())
                .setName(name.text())
                .setSizeBytes(size.bytes())
                .setPolicy(policy.toString())
                .setCompression(compression.toString())
                .setCreatedAtMillis(leader.loop().wallMillis());
        return leader.propose(Command.newBuilder()
                        .setRequestId(request.getRequestId())
                        .setVolumeCreate(VolumeCreate.newBuilder().setVolume(volume)))
                .thenApply(outcome -> info(present(VolumeId.of(outcome.getId()))));
    }

    CompletableFuture<Outcome> delete(DeleteVolume request) throws AshlarException {
        VolumeRecord volume = leader.metadata().volume(request.getName());
        Command.Builder command = Command.newBuilder().setRequestId(request.getRequestId());
        if (volume == null) {
            return repeated(command, request.getName());
        }
        requireNoLease(volume);
        return leader.propose(command.setVolumeDelete(
                VolumeDelete.newBuilder().setVolume(volume.getId()).setEpoch(volume.getEpoch())));
    }

    /** A repeated deletion finds no volume, but its remembered outcome. */
    private CompletableFuture<Outcome> repeated(Command.Builder command, String name)
            throws AshlarException {
        Outcome outcome = leader.metadata().outcomeOf(command.getRequestId());
        if (outcome == null || outcome.hasFailure()) {
            throw notFound(name);
        }
        return CompletableFuture.completedFuture(outcome);
    }

    void excuse(long nanos) {
        leases.excuse(nanos);
    }

    /**
     * Gives the shards of deleted volumes back, a few segments at a time. Many small volumes are given
     * back one right after the other.
     */
    void tick() {
        VolumeId deleted = reaping ? null : leader.metadata().anyDeletedVolume();
        if (deleted == null) {
            return;
        }
        reaping = true;
        Background.run(leader.propose(Command.newBuilder()
                        .setVolumeReap(VolumeReap.newBuilder()
                                .setVolume(deleted.toProto())
                                .setMaxSegments(SEGMENTS_REAPED_AT_ONCE)))
                .whenComplete((done, failure) -> {
                    reaping = false;
                    if (failure == null && leader.metadata().volume(deleted) == null) {
                        leader.loop().execute(this::tick);
                    }
                }));
    }

    // ---- looking

    VolumeList list() {
        VolumeList.Builder list = VolumeList.newBuilder();
        leader.metadata().volumes().forEach(volume -> list.addVolumes(info(volume)));
        return list.build();
    }

    VolumeInfo get(GetVolume request) throws AshlarException {
        return info(require(request.getName()));
    }

    VolumeRecord require(String name) throws AshlarException {
        VolumeRecord volume = leader.metadata().volume(name);
        if (volume == null) {
            throw notFound(name);
        }
        return volume;
    }

    private static AshlarException.NotFound notFound(String name) {
        return new AshlarException.NotFound(
                "volume " + name + " does not exist: `ashlar volume list` shows those that do");
    }

    private VolumeInfo info(VolumeRecord volume) {
        VolumeId id = VolumeId.of(volume.getId());
        boolean held = !volume.getHolder().isEmpty();
        return VolumeInfo.newBuilder()
                .setId(volume.getId())
                .setName(volume.getName())
                .setSizeBytes(volume.getSizeBytes())
                .setPolicy(volume.getPolicy())
                .setCompression(volume.getCompression())
                .setEpoch(volume.getEpoch())
                .setHolder(volume.getHolder())
                .setLeaseMillis(held ? leases.remainingMillis(id, leader.nowNanos()) : 0)
                .setRenewals(held ? leases.renewals(id) : 0)
                .setStoredBytes(volume.getStoredBytes())
                .setSegments(volume.getSegments())
                .setCreatedAtMillis(volume.getCreatedAtMillis())
                .setBlocked(volume.getBlocked())
                .setLostBlocks(lostBlocks(volume))
                .build();
    }

    /** That read as errors by its newest root. */
    static long lostBlocks(VolumeRecord volume) {
        int roots = volume.getRootsCount();
        return roots == 0 ? 0 : volume.getRoots(roots - 1).getLostBlocks();
    }

    // ---- holding

    /**
     * Raises the epoch. Where a worker asks, only if the volume is as it was left: nobody has opened
     * it since, and no lease runs, in the term in which that was looked at.
     */
    CompletableFuture<VolumeOpened> open(OpenVolume request) throws AshlarException {
        if (request.getHolder().isEmpty()) {
            throw new AshlarException.Invalid("a volume is opened by somebody: no holder given");
        }
        VolumeRecord volume = require(request.getName());
        VolumeId id = VolumeId.of(volume.getId());
        boolean repeated = leader.metadata().outcomeOf(request.getRequestId()) != null;
        if (request.hasAbandoned() && !repeated) {
            requireAbandoned(volume, request.getAbandoned());
        } else if (!request.getSteal() && !repeated) {
            requireNoLease(volume);
        }
        if (!repeated) {
            leases.begin(id, leader.nowNanos());
        }
        CompletableFuture<Outcome> opening = leader.propose(Command.newBuilder()
                .setRequestId(request.getRequestId())
                .setVolumeOpen(VolumeOpen.newBuilder()
                        .setVolume(volume.getId())
                        .setHolder(request.getHolder())
                        .setGiveUp(request.getGiveUp())
                        .setEpoch(volume.getEpoch())
                        .setTerm(request.hasAbandoned() ? leader.term() : 0)));
        openings.put(id, opening);
        return opening.whenComplete((_, _) -> openings.remove(id, opening))
                .thenApply(outcome -> opened(id, outcome.getEpoch()));
    }

    private void requireAbandoned(VolumeRecord volume, AbandonedVolume as) throws AshlarException {
        if (!volume.getId().equals(as.getId()) || volume.getEpoch() != as.getEpoch()) {
            throw new AshlarException.Fenced("volume " + volume.getName() + " is at epoch "
                    + volume.getEpoch() + " (holder "
                    + (volume.getHolder().isEmpty() ? "none" : volume.getHolder())
                    + "), it was to be taken over at epoch " + as.getEpoch()
                    + ": it is not as it was left");
        }
        requireNoLease(volume);
    }

    /** Whether somebody has it whose lease runs. */
    boolean isHeld(VolumeRecord volume) {
        return !volume.getHolder().isEmpty()
                && leases.remainingMillis(VolumeId.of(volume.getId()), leader.nowNanos()) > 0;
    }

    private VolumeOpened opened(VolumeId id, long epoch) {
        VolumeRecord volume = present(id);
        if (volume.getEpoch() != epoch) {
            throw new CompletionException(new AshlarException.Fenced("volume " + volume.getName()
                    + " was opened at epoch " + epoch + " and is at epoch " + volume.getEpoch()
                    + " now (holder " + volume.getHolder() + "): open it again"));
        }
        VolumeOpened.Builder opened = VolumeOpened.newBuilder()
                .setVolume(info(volume))
                .setLeaseMillis(leader.config().timings().lease().toMillis());
        SegmentList first = segmentsAfter(id, 0);
        return opened.addAllSegments(first.getSegmentsList())
                .setMore(first.getMore())
                .addAllRoots(volume.getRootsList().reversed())
                .build();
    }

    /** A page of the volume's log: its first segments behind this place. */
    SegmentList segmentsAfter(VolumeId id, long sequence) {
        int max = leader.config().pageSegments();
        return nodes.page(leader.metadata().segmentsAfter(id, sequence, max + 1), max);
    }

    /** The volume, for a writer that has it at this epoch. */
    VolumeRecord requireEpoch(VolumeId id, long epoch) throws AshlarException {
        VolumeRecord volume = leader.metadata().volume(id);
        if (volume == null || volume.getDeleted()) {
            throw new AshlarException.NotFound("volume " + id + " does not exist");
        }
        if (volume.getEpoch() != epoch || volume.getHolder().isEmpty()) {
            throw new AshlarException.Fenced("volume " + volume.getName() + " is at epoch "
                    + volume.getEpoch() + " (holder "
                    + (volume.getHolder().isEmpty() ? "none" : volume.getHolder())
                    + "), the request was of epoch " + epoch + ": open it again");
        }
        return volume;
    }

    /** Whatever the holder is called: two processes may give themselves the same name. */
    private void requireNoLease(VolumeRecord volume) throws AshlarException {
        long leftMillis = leases.remainingMillis(VolumeId.of(volume.getId()), leader.nowNanos());
        if (isHeld(volume)) {
            throw new AshlarException.Unavailable("volume " + volume.getName() + " is held by "
                    + volume.getHolder() + ", whose lease runs for another " + leftMillis
                    + " ms: stop that one first, or wait until its lease has run out");
        }
    }

    /**
     * Heard at once, so that no worker takes the volume over; answered only once it is known that this
     * replica led after it was asked: by then no other leader can have let anybody open the volume
     * without this one knowing.
     */
    CompletableFuture<LeaseRenewed> renew(RenewLease request) {
        VolumeId id = VolumeId.of(request.getVolume());
        return requireEpochOnceOpened(id, request.getEpoch())
                .thenCompose(_ -> {
                    leases.renew(id, leader.nowNanos());
                    slow.found(request.getSlowList());
                    return leadership.confirm();
                })
                .thenCompose(_ -> requireEpochOnceOpened(id, request.getEpoch()))
                .thenApply(_ -> renewed(id));
    }

    /** While the volume is being opened it is not known whose it is. */
    private CompletableFuture<Void> requireEpochOnceOpened(VolumeId id, long epoch) {
        return openings.getOrDefault(id, NOT_BEING_OPENED).handle((_, failure) -> {
            if (failure != null && failure.getCause() instanceof LostLeadershipException lost) {
                throw lost;
            }
            try {
                requireEpoch(id, epoch);
                return null;
            } catch (AshlarException e) {
                throw new CompletionException(e);
            }
        });
    }

    private LeaseRenewed renewed(VolumeId id) {
        LeaseRenewed.Builder renewed = LeaseRenewed.newBuilder()
                .setLeaseMillis(leader.config().timings().lease().toMillis());
        for (Segment segment : leader.metadata().unsealedSegments(id)) {
            if (segment.getState() == SegmentState.OPEN
                    && (hasLostShard(segment) || couldBeSpread(segment))) {
                renewed.addRoll(segment.getId());
            }
        }
        return renewed.build();
    }

    private boolean hasLostShard(Segment segment) {
        if (!leader.metadata().losses(SegmentId.of(segment.getId())).isEmpty()) {
            return true;
        }
        for (Placement placement : segment.getPlacementsList()) {
            DriveId drive = DriveId.of(placement.getShard().getDrive());
            if (nodes.availability(drive) != Availability.AVAILABLE) {
                return true;
            }
        }
        return false;
    }

    /**
     * Whether it is weaker and need not be: repair does not touch it while it is open, and an idle
     * writer would keep it so for ever. A drive that just failed a writer is no better place, however
     * well its node is heard: the writer would go there and back once a second.
     */
    private boolean couldBeSpread(Segment segment) {
        if (!segment.getWeaker()) {
            return false;
        }
        Set<String> taken = new HashSet<>();
        for (Placement placement : segment.getPlacementsList()) {
            nodes.drive(DriveId.of(placement.getShard().getDrive()))
                    .ifPresent(drive -> taken.add(drive.domain()));
        }
        return nodes.placeable(segment.getShardBytes()).stream()
                .anyMatch(drive -> !taken.contains(drive.domain()) && !slow.isSilent(drive.id()));
    }

    CompletableFuture<Outcome> commitRoot(CommitRoot request) throws AshlarException {
        if (request.getRoot().getMap().size() > MAX_MAP_REFERENCE_BYTES) {
            throw new AshlarException.Invalid("a root that refers to its map in "
                    + request.getRoot().getMap().size() + " bytes: expected up to "
                    + MAX_MAP_REFERENCE_BYTES);
        }
        return leader.propose(Command.newBuilder()
                .setRequestId(request.getRequestId())
                .setRootCommit(RootCommit.newBuilder()
                        .setVolume(request.getVolume())
                        .setEpoch(request.getEpoch())
                        .setRoot(request.getRoot())
                        .addAllUnreadable(request.getUnreadableList())));
    }

    CompletableFuture<Outcome> recordLoss(RecordLoss request) {
        return leader.propose(Command.newBuilder()
                .setRequestId(request.getRequestId())
                .setReplayLoss(ReplayLoss.newBuilder()
                        .setVolume(request.getVolume())
                        .setEpoch(request.getEpoch())
                        .addAllLosses(request.getLossesList())));
    }

    CompletableFuture<Outcome> close(CloseVolume request) {
        VolumeId id = VolumeId.of(request.getVolume());
        return leader.propose(Command.newBuilder()
                        .setRequestId(request.getRequestId())
                        .setVolumeClose(VolumeClose.newBuilder()
                                .setVolume(request.getVolume())
                                .setEpoch(request.getEpoch())))
                .thenApply(outcome -> {
                    @Nullable VolumeRecord volume = leader.metadata().volume(id);
                    if (volume == null || volume.getHolder().isEmpty()) {
                        leases.end(id);
                    }
                    return outcome;
                });
    }

    private VolumeRecord present(VolumeId id) {
        VolumeRecord volume = leader.metadata().volume(id);
        if (volume == null || volume.getDeleted()) {
            throw new CompletionException(
                    new AshlarException.NotFound("volume " + id + " has been deleted"));
        }
        return volume;
    }
}
