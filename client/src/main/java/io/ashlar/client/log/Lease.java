package io.ashlar.client.log;

import io.ashlar.client.AshlarException;
import io.ashlar.client.cluster.Cluster;
import io.ashlar.client.model.SegmentId;
import io.ashlar.client.protocol.CloseVolume;
import io.ashlar.client.protocol.LeaseRenewed;
import io.ashlar.client.protocol.RenewLease;
import io.ashlar.client.protocol.Request;
import io.ashlar.client.transport.Loop;

import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

import java.util.List;
import java.util.concurrent.CompletableFuture;

/**
 * Tells the coordinator, again and again, that a volume's writer lives, and hears from it which
 * segments lost a shard and whether the epoch was raised. It is for liveness only: safety comes from
 * epochs. Lives on the cluster's loop.
 */
public final class Lease {
    private static final Logger LOG = LoggerFactory.getLogger(Lease.class);

    private final Cluster cluster;
    private final WriterIdentity writer;
    private final Listener listener;
    private Loop.@Nullable Timer next;
    private boolean stopped;

    public Lease(Cluster cluster, WriterIdentity writer, Listener listener) {
        this.cluster = cluster;
        this.writer = writer;
        this.listener = listener;
    }

    /** Hears what a renewal tells. */
    public interface Listener {
        /** These segments lost a shard: go on in others. */
        void roll(List<SegmentId> segments);

        /** Another writer has the volume. */
        void fenced(AshlarException.Fenced cause);
    }

    public void start() {
        next = cluster.loop().schedule(cluster.config().leaseRenewal().toNanos(), this::renew);
    }

    private void renew() {
        Request request = Request.newBuilder()
                .setRenewLease(RenewLease.newBuilder()
                        .setVolume(writer.volume().toProto())
                        .setEpoch(writer.epoch()))
                .build();
        var _ = cluster.coordinator()
                .call(request, cluster.config().coordinatorTimeout().toNanos())
                .whenComplete((response, failure) -> {
                    if (stopped) {
                        return;
                    }
                    if (failure == null) {
                        LeaseRenewed renewed = response.getLeaseRenewed();
                        if (renewed.getRollCount() > 0) {
                            listener.roll(renewed.getRollList().stream()
                                    .map(SegmentId::of)
                                    .toList());
                        }
                    } else if (AshlarException.in(failure)
                            instanceof AshlarException.Fenced fenced) {
                        stopped = true;
                        listener.fenced(fenced);
                        return;
                    }
                    start();
                });
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
