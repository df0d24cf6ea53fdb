package io.ashlar.client.fake;

import com.google.protobuf.ByteString;

import io.ashlar.client.AshlarException;
import io.ashlar.client.model.Policy;
import io.ashlar.client.model.SegmentId;
import io.ashlar.client.protocol.AbandonedVolume;
import io.ashlar.client.protocol.CommitRoot;
import io.ashlar.client.protocol.CreateSegment;
import io.ashlar.client.protocol.DegradedSegment;
import io.ashlar.client.protocol.DegradedSegments;
import io.ashlar.client.protocol.Done;
import io.ashlar.client.protocol.FreeSegments;
import io.ashlar.client.protocol.Id;
import io.ashlar.client.protocol.LeaseRenewed;
import io.ashlar.client.protocol.ListSegments;
import io.ashlar.client.protocol.LostRange;
import io.ashlar.client.protocol.LostStripes;
import io.ashlar.client.protocol.OpenVolume;
import io.ashlar.client.protocol.Placement;
import io.ashlar.client.protocol.Position;
import io.ashlar.client.protocol.Request;
import io.ashlar.client.protocol.Response;
import io.ashlar.client.protocol.Root;
import io.ashlar.client.protocol.SealSegments;
import io.ashlar.client.protocol.Segment;
import io.ashlar.client.protocol.SegmentList;
import io.ashlar.client.protocol.SegmentSeal;
import io.ashlar.client.protocol.SegmentState;
import io.ashlar.client.protocol.SegmentsFreed;
import io.ashlar.client.protocol.ShardRef;
import io.ashlar.client.protocol.VolumeInfo;
import io.ashlar.client.protocol.VolumeOpened;

import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Deque;
import java.util.HashMap;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.function.Consumer;
import java.util.function.Predicate;
import java.util.random.RandomGenerator;

/** The coordinator's contract with the client of one volume (coordinator.proto), in memory. */
final class FakeCoordinator {
    private static final long LEASE_MILLIS = 5000;
    private static final int RETAINED_ROOTS = 3;
    private static final Id VOLUME = Id.newBuilder().setLow(7).build();

    private final RandomGenerator random;
    private final List<String> nodes;
    private final Predicate<String> isUp;
    private final Policy policy;
    private final Consumer<Id> onFreed;
    private final long sizeBytes;
    private final List<Segment.Builder> segments = new ArrayList<>();
    private final Deque<Root> roots = new ArrayDeque<>();
    private final Set<SegmentId> damaged = new HashSet<>();
    private final Map<Long, Response> answered = new HashMap<>();
    private long epoch;
    private String holder = "";
    private boolean full;
    private long capacityBytes = Long.MAX_VALUE;
    private boolean refusesRoots;
    private int pageSegments = Integer.MAX_VALUE;
    private long lastSequence;

    FakeCoordinator(
            RandomGenerator random,
            List<String> nodes,
            Predicate<String> isUp,
            Policy policy,
            long sizeBytes,
            Consumer<Id> onFreed) {
        this.onFreed = onFreed;
        this.random = random;
        this.nodes = nodes;
        this.isUp = isUp;
        this.policy = policy;
        this.sizeBytes = sizeBytes;
    }

    void refuseSegments() {
        full = true;
    }

    void setCapacity(long bytesOfADrive) {
        capacityBytes = bytesOfADrive;
    }

    void roll(SegmentId segment) {
        damaged.add(segment);
    }

    List<Segment> segments() {
        return segments.stream().map(Segment.Builder::build).toList();
    }

    Placement placement(SegmentId segment, int index) {
        return builder(segment).getPlacements(index);
    }

    Placement move(SegmentId segment, int index, String node) {
        Segment.Builder moved = builder(segment);
        Placement.Builder placement = moved.getPlacementsBuilder(index)
                .setNode(node)
                .setAddress(FakeCluster.addressOf(node).toString());
        placement.getShardBuilder().setIncarnation(random.nextLong()).setDrive(driveOf(node));
        return moved.getPlacements(index);
    }

    /** A node has one. */
    private Id driveOf(String node) {
        return Id.newBuilder().setLow(nodes.indexOf(node) + 1).build();
    }

    private Segment.Builder builder(SegmentId id) {
        return segments.stream()
                .filter(segment -> SegmentId.of(segment.getId()).equals(id))
                .findFirst()
                .orElseThrow();
    }

    void setPageSegments(int max) {
        pageSegments = max;
    }

    long openSegments() {
        return segments.stream()
                .filter(segment -> segment.getState() != SegmentState.SEALED)
                .count();
    }

    /** Who has the volume; empty: nobody. */
    String holder() {
        return holder;
    }

    AbandonedVolume abandoned() {
        return AbandonedVolume.newBuilder()
                .setId(VOLUME)
                .setName("disk0")
                .setEpoch(epoch)
                .build();
    }

    private static final Response DONE =
            Response.newBuilder().setDone(Done.getDefaultInstance()).build();

    Response handle(Request request) throws AshlarException {
        return switch (request.getBodyCase()) {
            case OPEN_VOLUME -> {
                OpenVolume open = request.getOpenVolume();
                yield once(open.getRequestId(), () -> open(open));
            }
            case CREATE_SEGMENT -> {
                CreateSegment create = request.getCreateSegment();
                current(create.getEpoch());
                yield once(create.getRequestId(), () -> create(create));
            }
            case OPEN_SEGMENT -> {
                current(request.getOpenSegment().getEpoch());
                segment(request.getOpenSegment().getSegment()).setState(SegmentState.OPEN);
                yield DONE;
            }
            case SEAL_SEGMENTS -> {
                current(request.getSealSegments().getEpoch());
                yield seal(request.getSealSegments());
            }
            case RENEW_LEASE -> {
                current(request.getRenewLease().getEpoch());
                yield Response.newBuilder().setLeaseRenewed(renewed()).build();
            }
            case LIST_SEGMENTS ->
                Response.newBuilder()
                        .setSegmentList(list(request.getListSegments()))
                        .build();
            case LIST_DEGRADED ->
                Response.newBuilder().setDegradedSegments(degraded()).build();
            case COMMIT_ROOT -> {
                CommitRoot commit = request.getCommitRoot();
                current(commit.getEpoch());
                yield once(
                        commit.getRequestId(),
                        () -> commit(commit.getRoot(), commit.getUnreadableList()));
            }
            case RECORD_LOSS -> {
                current(request.getRecordLoss().getEpoch());
                yield DONE;
            }
            case FREE_SEGMENTS -> {
                current(request.getFreeSegments().getEpoch());
                yield free(request.getFreeSegments());
            }
            case CLOSE_VOLUME -> {
                current(request.getCloseVolume().getEpoch());
                holder = "";
                yield DONE;
            }
            case REPORT_DAMAGE -> DONE;
            default -> throw new AshlarException.Invalid("not served: " + request.getBodyCase());
        };
    }

    private interface Command {
        Response run() throws AshlarException;
    }

    private Response once(long requestId, Command command) throws AshlarException {
        Response before = answered.get(requestId);
        if (before != null) {
            return before;
        }
        Response response = command.run();
        answered.put(requestId, response);
        return response;
    }

    private void current(long of) throws AshlarException.Fenced {
        if (of != epoch) {
            throw new AshlarException.Fenced("epoch " + of + ", the volume's is " + epoch);
        }
    }

    private Response open(OpenVolume open) throws AshlarException {
        if (open.hasAbandoned()) {
            current(open.getAbandoned().getEpoch());
        }
        epoch++;
        holder = open.getHolder();
        segments.removeIf(segment -> segment.getState() == SegmentState.CREATING);
        VolumeOpened.Builder opened = VolumeOpened.newBuilder()
                .setLeaseMillis(LEASE_MILLIS)
                .addAllRoots(roots)
                .setVolume(VolumeInfo.newBuilder()
                        .setId(VOLUME)
                        .setName("disk0")
                        .setSizeBytes(sizeBytes)
                        .setPolicy(policy.toString())
                        .setEpoch(epoch));
        SegmentList first = page(0);
        opened.addAllSegments(first.getSegmentsList()).setMore(first.getMore());
        return Response.newBuilder().setVolumeOpened(opened).build();
    }

    private LeaseRenewed renewed() {
        LeaseRenewed.Builder renewed = LeaseRenewed.newBuilder().setLeaseMillis(LEASE_MILLIS);
        segments.stream()
                .filter(segment -> segment.getState() == SegmentState.OPEN)
                .filter(segment -> damaged.contains(SegmentId.of(segment.getId())))
                .forEach(segment -> renewed.addRoll(segment.getId()));
        return renewed.build();
    }

    private DegradedSegments degraded() {
        DegradedSegments.Builder told = DegradedSegments.newBuilder();
        damaged.forEach(segment -> told.addSegments(DegradedSegment.newBuilder()
                .setSegment(segment.toProto())
                .setSurvivableLosses(policy.m() - 1)));
        return told.build();
    }

    private SegmentList list(ListSegments list) throws AshlarException {
        if (list.hasSegment()) {
            return SegmentList.newBuilder()
                    .addSegments(segment(list.getSegment()))
                    .build();
        }
        current(list.getEpoch());
        return page(list.getAfterSequence());
    }

    private SegmentList page(long afterSequence) {
        SegmentList.Builder page = SegmentList.newBuilder();
        List<Segment.Builder> rest = segments.stream()
                .filter(segment -> segment.getSequence() > afterSequence)
                .toList();
        rest.stream().limit(pageSegments).forEach(segment -> page.addSegments(segment.build()));
        return page.setMore(rest.size() > pageSegments).build();
    }

    private Response create(CreateSegment create) throws AshlarException {
        long usedBytes = segments.stream()
                .filter(segment ->
                        segment.getState() != SegmentState.SEALED || segment.getSealedBytes() > 0)
                .mapToLong(Segment.Builder::getShardBytes)
                .sum();
        if (full || usedBytes + create.getShardBytes() > capacityBytes) {
            throw new AshlarException.NoSpace("the cluster is full");
        }
        List<String> up = nodes.stream().filter(isUp).toList();
        List<String> chosen = new ArrayList<>(up);
        chosen.removeAll(create.getAvoidNodesList());
        if (chosen.size() < policy.minDomains()) {
            // A node that a writer saw failing is better than no segment.
            chosen = new ArrayList<>(up);
        }
        if (chosen.size() < policy.minDomains()) {
            throw new AshlarException.Unavailable("too few nodes are up");
        }
        List<String> slow = chosen.stream()
                .filter(node -> create.getAvoidDrivesList().contains(driveOf(node)))
                .toList();
        if (chosen.size() - slow.size() >= policy.n()) {
            chosen.removeAll(slow);
        } else if (create.hasInsteadOf()) {
            throw new AshlarException.Unavailable("it would be weaker without " + slow);
        }
        boolean weaker = chosen.size() < policy.n();
        while (chosen.size() < policy.n()) {
            chosen.addAll(List.copyOf(chosen));
        }
        Id id = Id.newBuilder()
                .setHigh(random.nextLong())
                .setLow(random.nextLong())
                .build();
        Segment.Builder segment = Segment.newBuilder()
                .setId(id)
                .setSequence(++lastSequence)
                .setPolicy(policy.toString())
                .setEpoch(epoch)
                .setState(SegmentState.CREATING)
                .setShardBytes(create.getShardBytes())
                .setWeaker(weaker);
        for (int i = 0; i < policy.n(); i++) {
            segment.addPlacements(Placement.newBuilder()
                    .setShard(ShardRef.newBuilder()
                            .setSegment(id)
                            .setIndex(i)
                            .setIncarnation(random.nextLong())
                            .setDrive(driveOf(chosen.get(i))))
                    .setNode(chosen.get(i))
                    .setAddress(FakeCluster.addressOf(chosen.get(i)).toString()));
        }
        segments.add(segment);
        return Response.newBuilder().setSegment(segment.build()).build();
    }

    private Segment.Builder segment(Id id) throws AshlarException.NotFound {
        for (Segment.Builder segment : segments) {
            if (segment.getId().equals(id)) {
                return segment;
            }
        }
        throw new AshlarException.NotFound("no such segment");
    }

    private Response seal(SealSegments seals) throws AshlarException {
        for (SegmentSeal seal : seals.getSealsList()) {
            Segment.Builder segment = segment(seal.getSegment());
            if (segment.getState() == SegmentState.SEALED
                    && segment.getSealedBytes() != seal.getSealedBytes()) {
                throw new AshlarException.Invalid("sealed before, at another length");
            }
        }
        for (SegmentSeal seal : seals.getSealsList()) {
            segment(seal.getSegment())
                    .setState(SegmentState.SEALED)
                    .setSealedBytes(seal.getSealedBytes())
                    .setStripeCount(seal.getStripeCount())
                    .addAllLost(seal.getLostList().stream()
                            .filter(LostStripes::getHeadless)
                            .map(lost -> LostRange.newBuilder()
                                    .setOffset(lost.getOffset())
                                    .setLengthBytes(lost.getLengthBytes())
                                    .build())
                            .toList());
        }
        return DONE;
    }

    void refuseRoots() {
        refusesRoots = true;
    }

    private Response commit(Root root, List<Long> unreadable) throws AshlarException {
        if (refusesRoots) {
            throw new AshlarException.Unavailable("no roots today");
        }
        long newest = roots.isEmpty() ? 0 : roots.getFirst().getNumber();
        if (root.getNumber() != newest + 1) {
            throw new AshlarException.Invalid("root " + root.getNumber() + " after " + newest);
        }
        roots.removeIf(one -> unreadable.contains(one.getNumber()));
        if (!roots.isEmpty() && isBefore(root.getPosition(), roots.getFirst().getPosition())) {
            throw new AshlarException.Invalid("root " + root.getNumber() + " lies before root "
                    + roots.getFirst().getNumber());
        }
        roots.addFirst(root);
        if (roots.size() > RETAINED_ROOTS) {
            roots.removeLast();
        }
        return DONE;
    }

    private boolean isBefore(Position position, Position other) throws AshlarException {
        long sequence = sequence(position);
        long otherSequence = sequence(other);
        return sequence == otherSequence
                ? position.getBytes() < other.getBytes()
                : sequence < otherSequence;
    }

    private long sequence(Position position) throws AshlarException {
        return position.hasSegment() ? segment(position.getSegment()).getSequence() : 0;
    }

    void damageNewestRoots(int count) {
        List<Root> newest = new ArrayList<>();
        for (int i = 0; i < count; i++) {
            newest.add(roots.removeFirst());
        }
        newest.reversed()
                .forEach(root -> roots.addFirst(root.toBuilder()
                        .setMap(ByteString.copyFromUtf8("nowhere"))
                        .build()));
    }

    private Response free(FreeSegments free) throws AshlarException {
        SegmentsFreed.Builder freed = SegmentsFreed.newBuilder();
        Root oldest = roots.getLast();
        long protectedFrom = segment(oldest.getPosition().getSegment()).getSequence();
        for (Id id : free.getSegmentsList()) {
            Segment.Builder segment = segment(id);
            if (oldest.getNumber() >= free.getRoot()
                    && segment.getState() == SegmentState.SEALED
                    && segment.getSequence() < protectedFrom) {
                segments.removeIf(one -> one.getId().equals(id));
                onFreed.accept(id);
                freed.addSegments(id);
            }
        }
        return Response.newBuilder().setSegmentsFreed(freed).build();
    }
}
