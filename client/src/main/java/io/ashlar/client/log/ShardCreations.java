package io.ashlar.client.log;

import io.ashlar.client.AshlarException;
import io.ashlar.client.cluster.Cluster;
import io.ashlar.client.protocol.CreateShard;
import io.ashlar.client.protocol.FenceShard;
import io.ashlar.client.protocol.Request;
import io.ashlar.client.transport.Transport;

import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

import java.util.HashSet;
import java.util.List;
import java.util.Set;
import java.util.concurrent.CompletableFuture;

/**
 * The creation of a segment's shards, all at once, each on its node; over with the first that fails.
 *
 * <p>A new shard is written over with zeros, which may take long where a drive is slow or makes many,
 * so that is given much time. Silence is not. While a shard is being made a fence that raises nothing
 * is asked of it, again and again. Whether there is such a shard, or it is refused, does not matter:
 * the question waits for the drive's thread, as an append does, and like one it is answered within
 * the hang bound or the node has failed.
 *
 * <p>Lives on the volume's loop.
 */
final class ShardCreations {
    private static final Logger LOG = LoggerFactory.getLogger(ShardCreations.class);
    private static final long SHARD_TIMEOUT_NANOS = 10_000_000_000L;

    /** Between an answer and the next question. */
    private static final long PAUSE_NANOS = 100_000_000L;

    private final Cluster cluster;
    private final WriterIdentity writer;
    private final LogSegment segment;
    private final Failures failures;
    private final Set<LogSegment.Shard> unmade;
    private final CompletableFuture<Boolean> allMade = new CompletableFuture<>();

    ShardCreations(Cluster cluster, WriterIdentity writer, LogSegment segment, Failures failures) {
        this.cluster = cluster;
        this.writer = writer;
        this.segment = segment;
        this.failures = failures;
        this.unmade = new HashSet<>(segment.shards());
    }

    /** Hears which nodes are no good for new shards now. */
    interface Failures {
        /**
         * A shard cannot be made.
         *
         * @param silent its node did not answer within the hang bound
         */
        void failed(LogSegment.Shard shard, boolean silent);
    }

    /** Makes them; the future tells whether all were made. */
    CompletableFuture<Boolean> start() {
        for (LogSegment.Shard shard : segment.shards()) {
            if (shard.address().isEmpty()) {
                failed(shard, "it has no known address", false);
            } else {
                make(shard);
                watch(shard);
            }
        }
        return allMade;
    }

    /** Where that node is to hold one of them, they are not waited for any longer. */
    void giveUpOn(String node) {
        if (segment.shards().stream().anyMatch(shard -> shard.node().equals(node))) {
            allMade.complete(false);
        }
    }

    private void make(LogSegment.Shard shard) {
        CreateShard create = CreateShard.newBuilder()
                .setShard(shard.ref())
                .setVolume(writer.volume().toProto())
                .setEpoch(writer.epoch())
                .setSequence(segment.sequence())
                .setPolicy(segment.policy().toString())
                .setShardBytes(segment.shardBytes())
                .build();
        Request request = Request.newBuilder().setCreateShard(create).build();
        var _ = ask(shard, request, SHARD_TIMEOUT_NANOS).whenComplete((answer, failure) -> {
            release(answer);
            if (failure == null) {
                made(shard);
            } else if (!allMade.isDone()) {
                // Of a segment that was given up it would say nothing against the node.
                failed(shard, AshlarException.in(failure).getMessage(), false);
            }
        });
    }

    private void made(LogSegment.Shard shard) {
        unmade.remove(shard);
        if (unmade.isEmpty()) {
            allMade.complete(true);
        }
    }

    /** Until it is made, or nobody waits for it any more. */
    private void watch(LogSegment.Shard shard) {
        if (allMade.isDone() || !unmade.contains(shard)) {
            return;
        }
        Request request = Request.newBuilder()
                .setFenceShard(FenceShard.newBuilder().setShard(shard.ref()))
                .build();
        long askedNanos = cluster.loop().nanoTime();
        long boundNanos = cluster.config().hangBound().toNanos();
        var _ = ask(shard, request, boundNanos).whenComplete((answer, failure) -> {
            release(answer);
            if (failure == null || !isUnanswered(AshlarException.in(failure))) {
                cluster.loop().schedule(PAUSE_NANOS, () -> watch(shard));
            } else if (unmade.contains(shard)) {
                boolean silent = cluster.loop().nanoTime() - askedNanos >= boundNanos;
                failed(shard, AshlarException.in(failure).getMessage(), silent);
            }
        });
    }

    private static boolean isUnanswered(AshlarException cause) {
        return cause instanceof AshlarException.Unavailable unavailable
                && !unavailable.isAnswered();
    }

    private static void release(Transport.@Nullable Answer answer) {
        if (answer != null) {
            answer.bulk().release();
        }
    }

    private CompletableFuture<Transport.Answer> ask(
            LogSegment.Shard shard, Request request, long timeoutNanos) {
        return cluster.transport()
                .ask(
                        cluster.loop(),
                        shard.address().orElseThrow(),
                        request,
                        List.of(),
                        timeoutNanos);
    }

    private void failed(LogSegment.Shard shard, String reason, boolean silent) {
        LOG.warn(
                "event=shard-not-created node={} segment={} reason=\"{}\"",
                shard.node(),
                segment.id(),
                reason);
        failures.failed(shard, silent);
        allMade.complete(false);
    }
}
