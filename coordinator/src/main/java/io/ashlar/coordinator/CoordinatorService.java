package io.ashlar.coordinator;

import io.ashlar.client.AshlarException;
import io.ashlar.client.protocol.ErrorCode;
import io.ashlar.client.protocol.Failure;
import io.ashlar.client.protocol.Request;
import io.ashlar.client.protocol.Response;
import io.ashlar.client.transport.Buffer;
import io.ashlar.client.transport.Loop;
import io.ashlar.client.transport.Transport;
import io.ashlar.coordinator.log.CommandLog;
import io.ashlar.coordinator.log.CommandLog.Leadership;
import io.ashlar.coordinator.metadata.Metadata;
import io.ashlar.coordinator.record.Command;
import io.ashlar.coordinator.record.LeaderStarted;
import io.ashlar.coordinator.record.Outcome;

import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionException;
import java.util.random.RandomGenerator;

/**
 * What a coordinator answers, whether it leads or not. A leadership begins when its first command
 * has been applied, so that the metadata holds everything that was decided before; from then until
 * the log says otherwise there is a {@link LeaderSession}. A replica that does not lead says who
 * does.
 *
 * <p>Everything happens on one loop: requests, the metadata, the passing of time.
 */
public final class CoordinatorService implements Transport.Service {
    private static final Logger LOG = LoggerFactory.getLogger(CoordinatorService.class);

    /** A tick that is so late means that the process was stopped. */
    private static final long PAUSE_NANOS = 500_000_000;

    private final CoordinatorConfig config;
    private final Loop loop;
    private final RandomGenerator random;
    private final Metadata metadata;
    private final CommandLog log;
    private @Nullable LeaderSession session;
    private long startingTerm = -1;
    private boolean closed;
    private long tickDueNanos = Long.MAX_VALUE;

    public CoordinatorService(
            CoordinatorConfig config,
            Loop loop,
            RandomGenerator random,
            Metadata metadata,
            CommandLog log) {
        this.config = config;
        this.loop = loop;
        this.random = random;
        this.metadata = metadata;
        this.log = log;
    }

    /** Begins to look at time and leadership. */
    public void start() {
        loop.execute(this::tick);
    }

    /** Answers nothing any more. May be called from any thread. */
    public void stop() {
        loop.execute(() -> {
            closed = true;
            session = null;
        });
    }

    private void tick() {
        if (closed) {
            return;
        }
        try {
            followLeadership();
            if (session != null) {
                excuseOwnPause(session);
                session.tick();
            }
        } catch (RuntimeException e) {
            LOG.error("event=tick_failed", e);
        }
        long tickNanos = config.timings().tick().toNanos();
        tickDueNanos = loop.nanoTime() + tickNanos;
        loop.schedule(tickNanos, this::tick);
    }

    /** After a pause of its own a coordinator would take everybody for dead. */
    private void excuseOwnPause(LeaderSession leading) {
        long lateNanos = loop.nanoTime() - tickDueNanos;
        if (tickDueNanos != Long.MAX_VALUE && lateNanos > PAUSE_NANOS) {
            LOG.warn("event=paused millis={}", lateNanos / 1_000_000);
            leading.excuse(lateNanos);
        }
    }

    // ---- leading

    private void followLeadership() {
        Leadership leadership = log.leadership();
        boolean leading = leads(leadership);
        if (session != null && (!leading || leadership.term() != session.term())) {
            LOG.info("event=leadership_lost term={}", session.term());
            session = null;
        }
        if (leading && session == null && startingTerm != leadership.term()) {
            beginTerm(leadership.term());
        }
    }

    /** An entry of a later leader may be applied before the log says that there is one. */
    private boolean leads(Leadership leadership) {
        return leadership.leading() && metadata.cluster().getAppliedTerm() <= leadership.term();
    }

    private void beginTerm(long term) {
        startingTerm = term;
        Command first = Command.newBuilder()
                .setAtMillis(loop.wallMillis())
                .setLeaderStarted(
                        LeaderStarted.newBuilder().setCoordinator(config.id()).setTerm(term))
                .build();
        CompletableFuture<Outcome> _ = log.submit(first).whenComplete((done, failure) -> {
            startingTerm = -1;
            Leadership now = log.leadership();
            if (failure == null && !closed && leads(now) && now.term() == term) {
                LeaderContext leader = new LeaderContext(
                        config, loop, random, metadata, log, term, loop.nanoTime());
                session = new LeaderSession(leader);
                LOG.info("event=leading term={} applied={}", term, metadata.appliedIndex());
            }
        });
    }

    // ---- answering

    @Override
    public void handle(Request request, Buffer bulk, Transport.Responder responder) {
        bulk.release();
        loop.execute(() -> answer(request, responder));
    }

    private void answer(Request request, Transport.Responder responder) {
        followLeadership();
        if (session == null) {
            responder.reply(notLeading("coordinator " + config.id() + " does not lead"));
            return;
        }
        try {
            CompletableFuture<Response> _ = session.handle(request)
                    .whenComplete((response, failure) -> {
                        if (failure == null) {
                            responder.reply(response);
                        } else {
                            refuse(request, failure, responder);
                        }
                    });
        } catch (RuntimeException e) {
            refuse(request, e, responder);
        }
    }

    private void refuse(Request request, Throwable failure, Transport.Responder responder) {
        Throwable cause = failure;
        while (cause instanceof CompletionException && cause.getCause() != null) {
            cause = cause.getCause();
        }
        if (cause instanceof AshlarException operating) {
            responder.fail(operating);
        } else if (cause instanceof LostLeadershipException lost) {
            responder.reply(notLeading(String.valueOf(lost.getMessage())));
        } else {
            LOG.error("event=request_failed request={}", request.getBodyCase(), cause);
            responder.fail(new AshlarException.Unavailable(
                    "coordinator " + config.id() + " failed to carry out " + request.getBodyCase()
                            + " (" + cause + "): its log tells more"));
        }
    }

    private Response notLeading(String message) {
        CoordinatorConfig.Peer leader = config.peers().get(log.leadership().leader());
        boolean other = leader != null && !log.leadership().leader().equals(config.id());
        return Response.newBuilder()
                .setFailure(Failure.newBuilder()
                        .setCode(ErrorCode.UNAVAILABLE)
                        .setMessage(message)
                        .setNotLeader(true)
                        .setLeader(other && leader != null ? leader.advertised().toString() : ""))
                .build();
    }
}
