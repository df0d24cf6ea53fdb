package io.ashlar.client.log;

import io.ashlar.client.AshlarException;
import io.ashlar.client.cluster.Cluster;
import io.ashlar.client.model.DriveId;
import io.ashlar.client.model.SegmentId;
import io.ashlar.client.protocol.CreateSegment;
import io.ashlar.client.protocol.OpenSegment;
import io.ashlar.client.protocol.Request;
import io.ashlar.client.protocol.Response;
import io.ashlar.client.protocol.SealSegments;
import io.ashlar.client.protocol.SegmentSeal;
import io.ashlar.client.protocol.ShardSeal;

import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.Set;
import java.util.concurrent.CompletableFuture;
import java.util.function.Supplier;

/**
 * Creates a volume's segments: recorded by the coordinator first, then every shard on its node,
 * then opened by compare-and-set; so in an open segment a missing shard is always a lost one. A
 * segment of which a shard cannot be made, or a node of which fails meanwhile, is sealed at 0 and
 * another is asked for. Lives on the volume's loop.
 */
final class SegmentSupply {
    private static final Logger LOG = LoggerFactory.getLogger(SegmentSupply.class);
    private static final int MAX_ATTEMPTS = 4;

    private final Cluster cluster;
    private final WriterIdentity writer;
    private final ShardPlaces places;
    private final ShardCreations.Failures failures;

    /** A command to record a segment that nobody has answered yet. */
    private @Nullable Request creation;

    /** Recorded and not known to be open. */
    private final List<LogSegment> unfinished = new ArrayList<>();

    /** Of the last segment that was recorded. */
    private @Nullable ShardCreations underWay;

    SegmentSupply(
            Cluster cluster,
            WriterIdentity writer,
            ShardPlaces places,
            ShardCreations.Failures failures) {
        this.cluster = cluster;
        this.writer = writer;
        this.places = places;
        this.failures = failures;
    }

    /**
     * A segment that is wanted.
     *
     * @param avoidNodes that just failed: on none of them if that can be
     * @param avoidDrives that are slow: on none of them if its shards lie no closer by that
     * @param insteadOf the segment in whose place it is wanted, to get off those drives: not at all
     *     if it cannot, or only by being weaker
     */
    record Wanted(
            long shardBytes,
            Set<String> avoidNodes,
            Set<DriveId> avoidDrives,
            Optional<SegmentId> insteadOf) {}

    /**
     * A new open segment.
     *
     * @param wanted asked anew by each attempt, as nodes may have failed meanwhile
     */
    CompletableFuture<LogSegment> create(Supplier<Wanted> wanted) {
        return attempt(wanted, 1).thenApply(segment -> {
            LOG.info(
                    "event=segment-opened volume={} segment={} shardBytes={}",
                    writer.name(),
                    segment.id(),
                    segment.shardBytes());
            return segment;
        });
    }

    private CompletableFuture<LogSegment> attempt(Supplier<Wanted> wanted, int attempt) {
        return abandonUnfinished()
                .thenCompose(ignored -> record(wanted))
                .thenCompose(segment -> makeShards(segment).thenCompose(allMade -> {
                    if (allMade) {
                        return open(segment);
                    }
                    return attempt < MAX_ATTEMPTS
                            ? attempt(wanted, attempt + 1)
                            : CompletableFuture.failedFuture(AshlarException.Unavailable.inVain(
                                    "cannot create shards for volume " + writer.name() + ": nodes "
                                            + wanted.get().avoidNodes() + " do not make them"));
                }));
    }

    /** A command that nobody answered is asked again by the same id, so it leaves one segment. */
    private CompletableFuture<LogSegment> record(Supplier<Wanted> supplier) {
        if (creation == null) {
            Wanted wanted = supplier.get();
            CreateSegment.Builder create = CreateSegment.newBuilder()
                    .setRequestId(cluster.newRequestId())
                    .setVolume(writer.volume().toProto())
                    .setEpoch(writer.epoch())
                    .setShardBytes(wanted.shardBytes())
                    .addAllAvoidNodes(wanted.avoidNodes());
            wanted.avoidDrives().forEach(drive -> create.addAvoidDrives(drive.toProto()));
            wanted.insteadOf().ifPresent(segment -> create.setInsteadOf(segment.toProto()));
            creation = Request.newBuilder().setCreateSegment(create).build();
        }
        return call(creation)
                .thenCompose(response -> {
                    creation = null;
                    return recorded(response);
                })
                .exceptionallyCompose(failure -> {
                    AshlarException cause = AshlarException.in(failure);
                    boolean unanswered = cause instanceof AshlarException.Unavailable unavailable
                            && !unavailable.isAnswered();
                    creation = unanswered ? creation : null;
                    return CompletableFuture.failedFuture(cause);
                });
    }

    private CompletableFuture<LogSegment> recorded(Response response) {
        try {
            LogSegment segment = LogSegment.of(response.getSegment(), places);
            unfinished.add(segment);
            return CompletableFuture.completedFuture(segment);
        } catch (AshlarException e) {
            return CompletableFuture.failedFuture(e);
        }
    }

    private CompletableFuture<Response> call(Request request) {
        return cluster.coordinator()
                .call(request, cluster.config().coordinatorTimeout().toNanos());
    }

    private CompletableFuture<Boolean> makeShards(LogSegment segment) {
        ShardCreations creations = new ShardCreations(cluster, writer, segment, failures);
        underWay = creations;
        return creations.start();
    }

    /** A node has failed: a segment that was to have a shard there is not waited for. */
    void giveUpOn(String node) {
        if (underWay != null) {
            underWay.giveUpOn(node);
        }
    }

    private CompletableFuture<LogSegment> open(LogSegment segment) {
        Request request = Request.newBuilder()
                .setOpenSegment(OpenSegment.newBuilder()
                        .setRequestId(cluster.newRequestId())
                        .setVolume(writer.volume().toProto())
                        .setEpoch(writer.epoch())
                        .setSegment(segment.id().toProto()))
                .build();
        return call(request).thenApply(ignored -> {
            unfinished.remove(segment);
            return segment;
        });
    }

    /** Seals at 0 what was recorded and never came into use. */
    private CompletableFuture<Void> abandonUnfinished() {
        if (unfinished.isEmpty()) {
            return CompletableFuture.completedFuture(null);
        }
        List<LogSegment> abandoned = List.copyOf(unfinished);
        SealSegments.Builder seals = SealSegments.newBuilder()
                .setRequestId(cluster.newRequestId())
                .setVolume(writer.volume().toProto())
                .setEpoch(writer.epoch());
        for (LogSegment segment : abandoned) {
            SegmentSeal.Builder seal =
                    SegmentSeal.newBuilder().setSegment(segment.id().toProto());
            segment.shards().forEach(shard -> seal.addShards(ShardSeal.getDefaultInstance()));
            seals.addSeals(seal);
        }
        return call(Request.newBuilder().setSealSegments(seals).build())
                .thenAccept(ignored -> unfinished.removeAll(abandoned));
    }
}
