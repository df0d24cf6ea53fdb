package io.ashlar.client.log;

import io.ashlar.client.AshlarException;
import io.ashlar.client.OpenOptions;
import io.ashlar.client.cluster.Cluster;
import io.ashlar.client.map.BlockMap;
import io.ashlar.client.model.LogPosition;
import io.ashlar.client.model.MapRoot;
import io.ashlar.client.model.Policy;
import io.ashlar.client.model.Stripe;
import io.ashlar.client.model.VolumeId;
import io.ashlar.client.protocol.AbandonedVolume;
import io.ashlar.client.protocol.GetVolume;
import io.ashlar.client.protocol.ListSegments;
import io.ashlar.client.protocol.OpenVolume;
import io.ashlar.client.protocol.Request;
import io.ashlar.client.protocol.Root;
import io.ashlar.client.protocol.Segment;
import io.ashlar.client.protocol.VolumeInfo;
import io.ashlar.client.protocol.VolumeOpened;
import io.ashlar.client.stripe.DamageReports;
import io.ashlar.client.stripe.PieceReader;
import io.ashlar.client.stripe.Placements;
import io.ashlar.client.stripe.StripeReader;

import org.jspecify.annotations.Nullable;

import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
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
    private final OpenOptions options;

    /** Set for a worker, which opens the volume only as it was left. */
    private final @Nullable AbandonedVolume abandoned;

    private final DamageReports damage;
    private final Placements placements;
    private final ShardPlaces places = new ShardPlaces();

    /** As seen when the volume was first found held; a living holder raises it. */
    private long renewalsSeen = -1;

    private int attempts;

    /** When it was last asked to be opened. */
    private Moment asked;

    private VolumeOpening(
            Cluster cluster,
            String name,
            OpenOptions options,
            @Nullable AbandonedVolume abandoned,
            DamageReports damage) {
        this.cluster = cluster;
        this.name = name;
        this.options = options;
        this.abandoned = abandoned;
        this.damage = damage;
        this.placements = new Placements(cluster);
        this.asked = Moment.now(cluster.loop());
    }

    /** A volume that is open. */
    public record Opened(
            WriterIdentity writer, VolumeInfo info, BlockMap map, VolumeWriter log, Lease lease) {}

    /** A volume that is taken over: every segment is sealed, and nothing is known of its blocks. */
    private record TakenOver(
            WriterIdentity writer,
            VolumeInfo info,
            LogSegments segments,
            List<Root> roots,
            Map<LogSegment, TailDecision.Tail> tails,
            Lease lease) {}

    /**
     * Opens it.
     *
     * @param listener of the lease, which runs from the moment the epoch is raised
     */
    public static CompletableFuture<Opened> open(
            Cluster cluster,
            String name,
            OpenOptions options,
            DamageReports damage,
            Lease.Listener listener) {
        VolumeOpening opening = new VolumeOpening(cluster, name, options, null, damage);
        return opening.acquire()
                .thenCompose(opened -> opening.takeOver(opened, listener, true))
                .thenCompose(taken -> opening.orGiveUp(taken.lease(), opening.mount(taken)));
    }

    /**
     * Takes over and seals what a writer that is gone left open, so that it can be repaired, and
     * gives the volume up again. It waits for nobody, and nobody waits for it for longer than a
     * lease lasts: its own is never renewed.
     *
     * <p>The coordinator lets it in only while the volume is as it was left: it fails with FENCED
     * where somebody has opened the volume since, as UNAVAILABLE where its holder has renewed since,
     * and {@link AshlarException.Unavailable#isBlocked blocked} where too few nodes tell what was
     * acknowledged.
     *
     * @param holder who does it, told to others that want to open the volume meanwhile
     */
    public static CompletableFuture<Void> sealTail(
            Cluster cluster, AbandonedVolume volume, String holder, DamageReports damage) {
        VolumeOpening opening = new VolumeOpening(
                cluster, volume.getName(), new OpenOptions(holder), volume, damage);
        opening.attempts = MAX_ATTEMPTS;
        return opening.acquire()
                .thenCompose(opened -> opening.takeOver(opened, Lease.DEAF, false))
                .thenCompose(taken -> taken.lease().giveUp());
    }

    private CompletableFuture<VolumeOpened> acquire() {
        OpenVolume.Builder open = OpenVolume.newBuilder()
                .setRequestId(cluster.newRequestId())
                .setName(name)
                .setHolder(options.holder())
                .setSteal(options.steal())
                .setGiveUp(options.undecided() == Undecided.GIVE_UP);
        if (abandoned != null) {
            open.setAbandoned(abandoned);
        }
        Request request = Request.newBuilder().setOpenVolume(open).build();
        asked = Moment.now(cluster.loop());
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
                        return acquire();
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

    private CompletableFuture<TakenOver> takeOver(
            VolumeOpened opened, Lease.Listener listener, boolean renewed) {
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
        Duration leaseLength = Duration.ofMillis(opened.getLeaseMillis());
        Lease lease = new Lease(cluster, writer, asked, leaseLength, listener);
        if (renewed) {
            lease.start();
        }
        StripeReader reader = new StripeReader(cluster, damage, placements, writer.epoch());
        return orGiveUp(
                lease,
                addPages(writer, segments, opened.getSegmentsList(), opened.getMore())
                        .thenCompose(ignored -> new Takeover(
                                        cluster,
                                        writer,
                                        segments,
                                        RootPositions.of(opened.getRootsList()),
                                        options,
                                        leaseLength,
                                        reader)
                                .run())
                        .thenApply(tails -> new TakenOver(
                                writer,
                                info,
                                new LogSegments(
                                        segments.stream()
                                                .filter(segment -> segment.sealedBytes() > 0)
                                                .toList(),
                                        places),
                                opened.getRootsList(),
                                tails,
                                lease)));
    }

    private <T> CompletableFuture<T> orGiveUp(Lease lease, CompletableFuture<T> work) {
        return work.exceptionallyCompose(failure ->
                lease.giveUp().thenCompose(ignored -> CompletableFuture.failedFuture(failure)));
    }

    /**
     * Makes the map: reads the newest root and replays what came after it. The log is open for
     * writing by then, so that a map that outgrows its memory can be written meanwhile.
     */
    private CompletableFuture<Opened> mount(TakenOver taken) {
        WriterIdentity writer = taken.writer;
        List<LogSegment> all = List.copyOf(taken.segments.inLogOrder());
        LogWriter log = new LogWriter(cluster, writer, taken.segments, end(all));
        PieceReader pages = new PieceReader(
                cluster, new StripeReader(cluster, damage, placements, 0), placements);
        SegmentFreeing freeing;
        try {
            freeing = SegmentFreeing.of(cluster, writer, taken.segments, taken.roots);
        } catch (AshlarException e) {
            return CompletableFuture.failedFuture(e);
        }
        LogMapStore store = new LogMapStore(cluster, writer, taken.segments, log, pages, freeing);
        long blockCount = taken.info.getSizeBytes() / Stripe.BLOCK_BYTES;
        return store.open(taken.roots, MapRoot.empty(blockCount)).thenCompose(map -> {
            LogReplay replay = new LogReplay(cluster, writer, map, placements, options.goneNodes());
            return replay.run(map.root().position(), all, taken.tails)
                    .thenApply(stripes -> {
                        if (replay.hasLost()) {
                            // The status tells of what a root tells of: so soon, and not just in
                            // time.
                            var _ = map.checkpoint();
                        }
                        freeing.begin(new SegmentFreeing.Sources(
                                () -> map.references().segments(),
                                store::references,
                                () -> log.ended().isPresent()));
                        return new Opened(
                                writer,
                                taken.info,
                                map,
                                new VolumeWriter(cluster, writer, map, log, freeing, stripes),
                                taken.lease);
                    })
                    .whenComplete((opened, failure) -> {
                        if (failure != null) {
                            map.close(AshlarException.in(failure));
                        }
                    });
        });
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
                LogSegment next = LogSegment.of(segment, places);
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
