package io.ashlar.coordinator;

import io.ashlar.client.AshlarException;
import io.ashlar.client.protocol.Done;
import io.ashlar.client.protocol.EventList;
import io.ashlar.client.protocol.GetEvents;
import io.ashlar.client.protocol.Request;
import io.ashlar.client.protocol.Response;

import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionException;

/**
 * One leadership: all that a leader keeps in memory, made anew from the metadata when it begins and
 * dropped when it ends.
 */
final class LeaderSession {
    private static final int DEFAULT_EVENTS = 100;
    private static final int MAX_EVENTS = 1000;

    private final LeaderContext leader;
    private final SlowDrives slow;
    private final LiveNodes nodes;
    private final LeadershipCheck leadership;
    private final VolumeRequests volumes;
    private final SegmentRequests segments;
    private final Repair repair;
    private final Scrub scrub;
    private final Takeovers takeovers;
    private final NodeRequests nodeRequests;
    private final StatusReport status;

    LeaderSession(LeaderContext leader) {
        this.leader = leader;
        this.slow = new SlowDrives(leader);
        this.nodes = new LiveNodes(leader, slow);
        this.leadership = new LeadershipCheck(leader);
        this.volumes = new VolumeRequests(leader, nodes, slow, leadership);
        this.segments = new SegmentRequests(leader, nodes, volumes);
        this.repair = new Repair(leader, nodes);
        this.scrub = new Scrub(leader, nodes);
        this.takeovers = new Takeovers(leader, nodes, volumes);
        this.nodeRequests = new NodeRequests(leader, nodes, repair, scrub, takeovers);
        this.status = new StatusReport(leader, nodes, slow, repair, scrub, takeovers);
    }

    long term() {
        return leader.term();
    }

    /** This process did not run for a while. */
    void excuse(long nanos) {
        nodes.excuse(nanos);
        slow.excuse(nanos);
        volumes.excuse(nanos);
        takeovers.excuse(nanos);
    }

    /** Time has passed. */
    void tick() {
        if (nodes.tick()) {
            repair.changed();
        }
        slow.tick();
        volumes.tick();
        takeovers.tick();
        scrub.tick();
        Background.run(repair.advance());
    }

    /**
     * Answers a request; the future completes on the loop. Whoever is told that his epoch is over, or
     * that there is no such thing, believes it for good: a leader that was deposed may not have heard
     * of that epoch, or that thing, yet. So it is said only once it is known that this replica led
     * after it was asked. Nor may it tell where shards of one segment are: who asks takes for lost what
     * he does not find there.
     */
    CompletableFuture<Response> handle(Request request) {
        CompletableFuture<Response> first = request.getListSegments().hasSegment()
                ? leadership.confirm().thenCompose(_ -> attempt(request))
                : attempt(request);
        return first.exceptionallyCompose(failure -> isForGood(failure)
                ? leadership.confirm().thenCompose(_ -> attempt(request))
                : CompletableFuture.failedFuture(failure));
    }

    private static boolean isForGood(Throwable failure) {
        Throwable cause = failure instanceof CompletionException ? failure.getCause() : failure;
        return cause instanceof AshlarException.Fenced || cause instanceof AshlarException.NotFound;
    }

    private CompletableFuture<Response> attempt(Request request) {
        try {
            return answer(request);
        } catch (AshlarException e) {
            return CompletableFuture.failedFuture(e);
        }
    }

    private CompletableFuture<Response> answer(Request request) throws AshlarException {
        return switch (request.getBodyCase()) {
            case CREATE_VOLUME ->
                volumes.create(request.getCreateVolume())
                        .thenApply(volume -> response().setVolume(volume).build());
            case DELETE_VOLUME -> done(volumes.delete(request.getDeleteVolume()));
            case LIST_VOLUMES -> now(response().setVolumeList(volumes.list()));
            case GET_VOLUME -> now(response().setVolume(volumes.get(request.getGetVolume())));
            case OPEN_VOLUME ->
                volumes.open(request.getOpenVolume())
                        .thenApply(opened -> response().setVolumeOpened(opened).build());
            case RENEW_LEASE ->
                volumes.renew(request.getRenewLease())
                        .thenApply(
                                renewed -> response().setLeaseRenewed(renewed).build());
            case CLOSE_VOLUME -> done(volumes.close(request.getCloseVolume()));
            case COMMIT_ROOT -> done(volumes.commitRoot(request.getCommitRoot()));
            case RECORD_LOSS -> done(volumes.recordLoss(request.getRecordLoss()));
            case FREE_SEGMENTS ->
                segments.free(request.getFreeSegments())
                        .thenApply(freed -> response().setSegmentsFreed(freed).build());
            case CREATE_SEGMENT ->
                segments.create(request.getCreateSegment())
                        .thenApply(segment -> response().setSegment(segment).build());
            case OPEN_SEGMENT ->
                segments.open(request.getOpenSegment())
                        .thenApply(segment -> response().setSegment(segment).build());
            case SEAL_SEGMENTS -> done(segments.seal(request.getSealSegments()));
            case LIST_SEGMENTS ->
                now(response().setSegmentList(segments.list(request.getListSegments())));
            case LIST_DEGRADED ->
                now(response().setDegradedSegments(status.degraded(request.getListDegraded())));
            case REPORT_DAMAGE ->
                done(nodeRequests.report(request.getReportDamage().getDamageList()));
            case REGISTER_NODE -> done(nodeRequests.register(request.getRegisterNode()));
            case HEARTBEAT ->
                nodeRequests
                        .heartbeat(request.getHeartbeat())
                        .thenApply(reply -> response().setHeartbeatReply(reply).build());
            case GET_STATUS -> now(response().setStatus(status.report()));
            case START_REPAIR ->
                repair.force().thenApply(state -> response().setRepair(state).build());
            case SET_REPAIR ->
                repair.pause(request.getSetRepair().getPaused())
                        .thenApply(state -> response().setRepair(state).build());
            case GET_REPAIR -> now(response().setRepair(repair.status()));
            case START_SCRUB ->
                scrub.start(request.getStartScrub())
                        .thenApply(state -> response().setScrub(state).build());
            case GET_SCRUB -> now(response().setScrub(scrub.status()));
            case GET_EVENTS -> now(response().setEvents(events(request.getGetEvents())));
            default ->
                throw new AshlarException.Invalid(
                        "this is the port of a coordinator, which does not serve "
                                + request.getBodyCase() + ": name a storage node's port");
        };
    }

    private EventList events(GetEvents request) {
        int max = request.getMax() <= 0 ? DEFAULT_EVENTS : Math.min(request.getMax(), MAX_EVENTS);
        return EventList.newBuilder()
                .addAllEvents(leader.metadata().events(request.getAfter(), max))
                .build();
    }

    private static Response.Builder response() {
        return Response.newBuilder();
    }

    private static CompletableFuture<Response> now(Response.Builder response) {
        return CompletableFuture.completedFuture(response.build());
    }

    private static CompletableFuture<Response> done(CompletableFuture<?> work) {
        return work.thenApply(nothing ->
                Response.newBuilder().setDone(Done.getDefaultInstance()).build());
    }
}
