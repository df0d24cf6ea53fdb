package io.ashlar.client.log;

import io.ashlar.client.AshlarException;
import io.ashlar.client.cluster.Cluster;
import io.ashlar.client.model.SegmentId;
import io.ashlar.client.protocol.CloseVolume;
import io.ashlar.client.protocol.LeaseRenewed;
import io.ashlar.client.protocol.RenewLease;
import io.ashlar.client.protocol.Request;
import io.ashlar.client.protocol.SlowDrive;
import io.ashlar.client.transport.Loop;

import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

import java.time.Duration;
import java.util.ArrayDeque;
import java.util.Deque;
import java.util.List;
import java.util.concurrent.CompletableFuture;

/**
 * Tells the coordinator, again and again, that a volume's writer lives and which drives answer it
 * slowly, and hears from it which segments lost a shard and whether the epoch was raised.
 *
 * <p>What is written is safe by epochs, whatever a lease says. What is read is not: a writer that was
 * taken over without hearing of it would show what has been overwritten since. So nothing that was
 * read is handed out unless, not longer ago than a lease lasts, the coordinator renewed it, or, while
 * no coordinator answers, every node of an OPEN segment of the writer's confirmed that its epoch has
 * not been fenced: no takeover can have concluded by then without fencing one of them. That length,
 * by this machine's own clocks ({@link Moment}) and from the moment of asking, bounds how long after a
 * takeover anything old is served.
 *
 * <p>Lives on the cluster's loop.
 */
public final class Lease {
    private static final Logger LOG = LoggerFactory.getLogger(Lease.class);

    private final Cluster cluster;
    private final WriterIdentity writer;
    private final Listener listener;

    /** Reads that wait until it is known whether they may be handed out. */
    private final Deque<CompletableFuture<Void>> waiting = new ArrayDeque<>();

    private long lengthNanos;
    private Moment confirmed;
    private Loop.@Nullable Timer next;
    private AshlarException.@Nullable Fenced fenced;
    private boolean stopped;

    /**
     * A lease that was taken.
     *
     * @param asked when that was asked for
     * @param length how long it lasts from then on
     */
    Lease(
            Cluster cluster,
            WriterIdentity writer,
            Moment asked,
            Duration length,
            Listener listener) {
        this.cluster = cluster;
        this.writer = writer;
        this.listener = listener;
        this.lengthNanos = length.toNanos();
        this.confirmed = asked;
    }

    /** Hears what a renewal tells. */
    public interface Listener {
        /** The coordinator renewed it. */
        void renewed();

        /** These segments lost a shard: go on in others. */
        void roll(List<SegmentId> segments);

        /** Drives that answer the writer slowly, to be told with each renewal. */
        List<SlowDrive> slowDrives();

        /** Another writer has the volume. */
        void fenced(AshlarException.Fenced cause);

        /**
         * Asks every node of an OPEN segment whether the epoch was fenced; fails with FENCED where it
         * was, and otherwise where not all of them answer or there is no such segment.
         */
        CompletableFuture<Void> confirm();
    }

    /** For a holder that needs nothing of the sort. */
    static final Listener DEAF = new Listener() {
        @Override
        public void renewed() {}

        @Override
        public void roll(List<SegmentId> segments) {}

        @Override
        public List<SlowDrive> slowDrives() {
            return List.of();
        }

        @Override
        public void fenced(AshlarException.Fenced cause) {}

        @Override
        public CompletableFuture<Void> confirm() {
            return CompletableFuture.failedFuture(
                    new AshlarException.Unavailable("nothing is read under this lease"));
        }
    };

    public void start() {
        next = cluster.loop().schedule(cluster.config().leaseRenewal().toNanos(), this::renew);
    }

    private void renew() {
        Moment asked = Moment.now(cluster.loop());
        Request request = Request.newBuilder()
                .setRenewLease(RenewLease.newBuilder()
                        .setVolume(writer.volume().toProto())
                        .setEpoch(writer.epoch())
                        .addAllSlow(listener.slowDrives()))
                .build();
        var _ = cluster.coordinator()
                .call(request, cluster.config().leaseRenewal().toNanos())
                .whenComplete((response, failure) -> {
                    if (stopped) {
                        return;
                    }
                    if (failure == null) {
                        renewed(asked, response.getLeaseRenewed());
                        start();
                    } else if (AshlarException.in(failure)
                            instanceof AshlarException.Fenced cause) {
                        end(cause);
                    } else {
                        confirm();
                    }
                });
    }

    private void renewed(Moment asked, LeaseRenewed renewed) {
        lengthNanos = Duration.ofMillis(renewed.getLeaseMillis()).toNanos();
        extend(asked);
        listener.renewed();
        if (renewed.getRollCount() > 0) {
            listener.roll(renewed.getRollList().stream().map(SegmentId::of).toList());
        }
    }

    private void confirm() {
        Moment asked = Moment.now(cluster.loop());
        var _ = listener.confirm().whenComplete((ignored, failure) -> {
            if (stopped) {
                return;
            }
            if (failure == null) {
                extend(asked);
            } else if (AshlarException.in(failure) instanceof AshlarException.Fenced cause) {
                end(cause);
                return;
            }
            start();
        });
    }

    private void extend(Moment asked) {
        if (asked.isAfter(confirmed)) {
            confirmed = asked;
        }
        if (isValid()) {
            while (!waiting.isEmpty()) {
                waiting.remove().complete(null);
            }
        }
    }

    private boolean isValid() {
        return !confirmed.isPast(lengthNanos, Moment.now(cluster.loop()));
    }

    /**
     * Done when what was read by now may be handed out: at once, as a rule. Where the lease has
     * lapsed it waits for the next answers, as long as a lease lasts, and is unavailable then.
     */
    public CompletableFuture<Void> permit() {
        if (fenced != null) {
            return CompletableFuture.failedFuture(fenced);
        }
        if (isValid()) {
            return CompletableFuture.completedFuture(null);
        }
        CompletableFuture<Void> permit = new CompletableFuture<>();
        waiting.add(permit);
        cluster.loop().schedule(lengthNanos, () -> {
            permit.completeExceptionally(new AshlarException.Unavailable(
                    "the lease on volume " + writer.name() + " has lapsed: neither does a"
                            + " coordinator answer nor do all nodes of an open segment, so"
                            + " another writer may have it; bring them back"));
            waiting.removeIf(CompletableFuture::isDone);
        });
        return permit;
    }

    private void end(AshlarException.Fenced cause) {
        stopped = true;
        fenced = cause;
        while (!waiting.isEmpty()) {
            waiting.remove().completeExceptionally(cause);
        }
        listener.fenced(cause);
    }

    private void stop() {
        stopped = true;
        if (next != null) {
            next.cancel();
        }
    }

    /** Stops, and lets others open the volume at once. Done also where a later writer has it. */
    public CompletableFuture<Void> giveUp() {
        stop();
        Request request = Request.newBuilder()
                .setCloseVolume(CloseVolume.newBuilder()
                        .setRequestId(cluster.newRequestId())
                        .setVolume(writer.volume().toProto())
                        .setEpoch(writer.epoch()))
                .build();
        return cluster.coordinator()
                .call(request, cluster.config().coordinatorTimeout().toNanos())
                .handle((response, failure) -> {
                    if (failure != null) {
                        LOG.warn(
                                "event=volume-not-given-up volume={} reason=\"{}\"",
                                writer.name(),
                                AshlarException.in(failure).getMessage());
                    }
                    return null;
                });
    }
}
