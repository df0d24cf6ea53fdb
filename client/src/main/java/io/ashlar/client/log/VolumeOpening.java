package io.ashlar.client.log;

import io.ashlar.client.AshlarException;
import io.ashlar.client.cluster.Cluster;
import io.ashlar.client.map.BlockMap;
import io.ashlar.client.model.LogPosition;
import io.ashlar.client.model.Policy;
import io.ashlar.client.model.Stripe;
import io.ashlar.client.model.VolumeId;
import io.ashlar.client.protocol.GetVolume;
import io.ashlar.client.protocol.ListSegments;
import io.ashlar.client.protocol.OpenVolume;
import io.ashlar.client.protocol.Request;
import io.ashlar.client.protocol.Segment;
import io.ashlar.client.protocol.VolumeInfo;
import io.ashlar.client.protocol.VolumeOpened;
import io.ashlar.client.stripe.DamageReports;
import io.ashlar.client.stripe.Placements;
import io.ashlar.client.stripe.StripeReader;

import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.CompletableFuture;

/**
 * Opens a volume: waits out the lease of a holder that is dead, raises the epoch, takes over what an
 * earlier writer left open, and replays the log. Lives on the cluster's loop.
 */
public final class VolumeOpening {
    private static final long POLL_NANOS = 250_000_000L;
    private static final int MAX_ATTEMPTS = 8;

    private final Cluster cluster;
    private final String name;
    private final String holder;
    private final DamageReports damage;

    /** As seen when the volume was first found held; a living holder raises it. */
    private long renewalsSeen = -1;

    private int attempts;

    private VolumeOpening(Cluster cluster, String name, String holder, DamageReports damage) {
        this.cluster = cluster;
        this.name = name;
        this.holder = holder;
        this.damage = damage;
    }

    /**
     * A volume that is open.
     *
     * @param end of the log; every segment is sealed
     * @param lastShardBytes size of the last segment's shards, 0 where there is none
     */
    public record Opened(
            WriterIdentity writer,
            VolumeInfo info,
            BlockMap map,
            List<LogSegment> segments,
            LogPosition end,
            long lastShardBytes,
            Lease lease) {}

    /**
     * Opens it.
     *
     * @param holder who opens it, for people
     * @param steal from a holder that lives
     * @param listener of the lease, which runs from the moment the epoch is raised
     */
    public static CompletableFuture<Opened> open(
            Cluster cluster,
            String name,
            String holder,
            boolean steal,
            DamageReports damage,
            Lease.Listener listener) {
        VolumeOpening opening = new VolumeOpening(cluster, name, holder, damage);
        return opening.acquire(steal).thenCompose(opened -> opening.recover(opened, listener));
    }

    private CompletableFuture<VolumeOpened> acquire(boolean steal) {
        Request request = Request.newBuilder()
                .setOpenVolume(OpenVolume.newBuilder()
                        .setRequestId(cluster.newRequestId())
                        .setName(name)
                        .setHolder(holder)
                        .setSteal(steal))
                .build();
        return cluster.coordinator()
                .call(request, cluster.config().coordinatorTimeout().toNanos())
                .thenApply(response -> response.getVolumeOpened())
                .exceptionallyCompose(failure -> {
                    AshlarException cause = AshlarException.in(failure);
                    boolean held = cause instanceof AshlarException.Unavailable unavailable
                            && unavailable.isAnswered()
                            && ++attempts < MAX_ATTEMPTS;
                    return held
                            ? later(POLL_NANOS).thenCompose(ignored -> waitOut())
                            : CompletableFuture.failedFuture(cause);
                });
    }

    /** Only a holder that renews its lease is respected; a dead one's runs out. */
    private CompletableFuture<VolumeOpened> waitOut() {
        Request request = Request.newBuilder()
                .setGetVolume(GetVolume.newBuilder().setName(name))
                .build();
        return cluster.coordinator()
                .call(request, cluster.config().coordinatorTimeout().toNanos())
                .thenCompose(response -> {
                    VolumeInfo volume = response.getVolume();
                    if (volume.getLeaseMillis() == 0) {
                        return acquire(false);
                    }
                    if (renewalsSeen >= 0 && volume.getRenewals() > renewalsSeen) {
                        return CompletableFuture.failedFuture(
                                new AshlarException.Unavailable("volume " + name + " is in use by "
                                        + volume.getHolder() + ": stop that one first"));
                    }
                    renewalsSeen = volume.getRenewals();
                    return later(POLL_NANOS).thenCompose(ignored -> waitOut());
                });
    }

    private CompletableFuture<Void> later(long nanos) {
        CompletableFuture<Void> later = new CompletableFuture<>();
        cluster.loop().schedule(nanos, () -> later.complete(null));
        return later;
    }

    private CompletableFuture<Opened> recover(VolumeOpened opened, Lease.Listener listener) {
        VolumeInfo info = opened.getVolume();
        WriterIdentity writer;
        try {
            writer = new WriterIdentity(
                    VolumeId.of(info.getId()),
                    name,
                    info.getEpoch(),
                    Policy.parse(info.getPolicy()));
        } catch (AshlarException e) {
            return CompletableFuture.failedFuture(e);
        }
        List<LogSegment> segments = new ArrayList<>();
        Lease lease = new Lease(cluster, writer, listener);
        lease.start();
        BlockMap map = new BlockMap(info.getSizeBytes() / Stripe.BLOCK_BYTES);
        Placements placements = new Placements(cluster);
        StripeReader reader = new StripeReader(cluster, damage, placements, writer.epoch());
        return addPages(writer, segments, opened.getSegmentsList(), opened.getMore())
                .thenCompose(ignored -> new Takeover(cluster, writer, segments, reader).run())
                .thenCompose(tails -> new LogReplay(cluster, map, placements).run(segments, tails))
                .thenApply(ignored -> new Opened(
                        writer,
                        info,
                        map,
                        segments,
                        end(segments),
                        segments.isEmpty() ? 0 : segments.getLast().shardBytes(),
                        lease))
                .exceptionallyCompose(failure -> lease.giveUp()
                        .thenCompose(ignored -> CompletableFuture.failedFuture(failure)));
    }

    /**
     * Adds a page of the volume's segments, and asks for those behind it. The pages together are the
     * log as it stands under this epoch, although they are read one after another: the command that
     * raised the epoch came before the first, each is refused once the epoch is raised again, and
     * under an epoch only its own writer, which is still opening the volume, adds segments, seals
     * them or takes them away. Repair alone goes on meanwhile, and only on sealed segments: it says
     * where shards are, which any reader has to expect to change.
     */
    private CompletableFuture<Void> addPages(
            WriterIdentity writer, List<LogSegment> segments, List<Segment> page, boolean more) {
        try {
            for (Segment segment : page) {
                LogSegment next = LogSegment.of(segment);
                if (!segments.isEmpty() && next.sequence() <= segments.getLast().sequence()) {
                    throw new AshlarException.Incompatible("the coordinator lists " + next
                            + " of volume " + name + " behind " + segments.getLast()
                            + ", which is not the order of its log");
                }
                segments.add(next);
            }
            if (more && page.isEmpty()) {
                throw new AshlarException.Incompatible("the coordinator says that segments of"
                        + " volume " + name + " follow, and names none");
            }
        } catch (AshlarException e) {
            return CompletableFuture.failedFuture(e);
        }
        if (!more) {
            return CompletableFuture.completedFuture(null);
        }
        Request next = Request.newBuilder()
                .setListSegments(ListSegments.newBuilder()
                        .setVolumeId(writer.volume().toProto())
                        .setEpoch(writer.epoch())
                        .setAfterSequence(segments.getLast().sequence()))
                .build();
        return cluster.coordinator()
                .call(next, cluster.config().coordinatorTimeout().toNanos())
                .thenCompose(response -> addPages(
                        writer,
                        segments,
                        response.getSegmentList().getSegmentsList(),
                        response.getSegmentList().getMore()));
    }

    private static LogPosition end(List<LogSegment> segments) {
        LogPosition end = LogPosition.START;
        for (LogSegment segment : segments) {
            if (segment.sealedBytes() > 0) {
                end = new LogPosition(segment.id(), segment.stripeCount(), segment.sealedBytes());
            }
        }
        return end;
    }
}
