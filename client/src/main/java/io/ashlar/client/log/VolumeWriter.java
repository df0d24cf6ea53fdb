package io.ashlar.client.log;

import io.ashlar.client.AshlarException;
import io.ashlar.client.cluster.Cluster;
import io.ashlar.client.map.BlockMap;
import io.ashlar.client.model.SegmentId;
import io.ashlar.client.model.Stripe;
import io.ashlar.client.protocol.SlowDrive;
import io.ashlar.client.stripe.EncodedStripe;
import io.ashlar.client.stripe.StripeRef;
import io.ashlar.client.transport.Loop;
import io.ashlar.ec.ReedSolomon;

import java.lang.foreign.MemorySegment;
import java.time.Duration;
import java.util.Collection;
import java.util.List;
import java.util.concurrent.CompletableFuture;

/**
 * The write path, from its top: writes wait in a queue; a batch of them becomes a stripe at once
 * when nothing is in flight, else when the stripe ahead completes or the batch is full (adaptive
 * group commit). The log makes the stripe durable on all its participants; then it is installed in
 * the map, and its writes are acknowledged, strictly in order. Lives on the cluster's loop.
 */
public final class VolumeWriter {
    /**
     * What was overwritten since the oldest of the retained roots takes room still: a quarter of the
     * volume's size at most, with those tails and the one being written.
     */
    private static final int TAILS_IN_A_VOLUME = 16;

    private static final long MIN_TAIL_BYTES = 32L << 20;
    private static final long MAX_TAIL_BYTES = 4L << 30;

    private final Cluster cluster;
    private final WriterIdentity writer;
    private final BlockMap map;
    private final ReedSolomon code;
    private final WriteQueue queue;
    private final LogWriter log;
    private boolean pumpScheduled;

    private final SegmentFreeing freeing;

    /** Blocks, in bytes, after which a checkpoint is due: only what lies before it is given back. */
    private final long maxTailBytes;

    /** Acknowledged since the last checkpoint was begun. */
    private long tailStripes;

    private long tailBytes;
    private boolean checkpointing;
    private boolean closed;

    /**
     * @param log behind everything that the map holds
     * @param freeing gives back what no root needs
     * @param tailStripes replayed when the volume was opened
     */
    VolumeWriter(
            Cluster cluster,
            WriterIdentity writer,
            BlockMap map,
            LogWriter log,
            SegmentFreeing freeing,
            long tailStripes) {
        this.cluster = cluster;
        this.writer = writer;
        this.map = map;
        this.code = ReedSolomon.of(writer.policy().k(), writer.policy().m());
        this.queue = new WriteQueue(cluster.config().stripeBytes() / Stripe.BLOCK_BYTES);
        this.log = log;
        log.onRoom(this::schedulePump);
        log.onNoSpace(this::giveBack);
        this.freeing = freeing;
        this.maxTailBytes = Math.clamp(
                map.blockCount() * Stripe.BLOCK_BYTES / TAILS_IN_A_VOLUME,
                MIN_TAIL_BYTES,
                MAX_TAIL_BYTES);
        this.tailStripes = tailStripes;
        this.tailBytes = tailStripes * cluster.config().stripeBytes(); // at most
    }

    /**
     * Writes blocks, or zeroes where the source is empty. The source is read until the write is
     * done, and must not change until then.
     *
     * @return done when the write is acknowledged: durable on all participants of its stripes
     */
    public CompletableFuture<Void> write(long firstBlock, long blockCount, MemorySegment source) {
        if (closed) {
            return CompletableFuture.failedFuture(
                    new AshlarException.Invalid("volume " + writer.name() + " is closed"));
        }
        if (log.ended().isPresent()) {
            return CompletableFuture.failedFuture(log.ended().get());
        }
        CompletableFuture<Void> done = queue.add(firstBlock, blockCount, source);
        schedulePump();
        return done;
    }

    /** Done when every write made before is. */
    public CompletableFuture<Void> flush() {
        return queue.drained();
    }

    /** Once for all writes of a loop's iteration. */
    private void schedulePump() {
        if (!pumpScheduled) {
            pumpScheduled = true;
            cluster.loop().execute(() -> {
                pumpScheduled = false;
                pump();
            });
        }
    }

    /** Holds back while the map has no room in memory for what stripes in flight will add. */
    private void pump() {
        while (!queue.isEmpty() && log.hasRoomInWindow()) {
            if (!map.hasRoom()) {
                var _ = map.whenRoom().thenRun(this::schedulePump);
                return;
            }
            if (log.hasDataInFlight() && !queue.hasFullBatch()) {
                return;
            }
            WriteQueue.Batch batch = queue.take();
            log.append(
                    EncodedStripe.encode(code, writer.policy(), batch.runs()), new Sealed(batch));
        }
    }

    /**
     * Counters since the volume was opened.
     *
     * @param stripes acknowledged
     * @param rolls times that the log went on in another segment because a participant failed
     */
    public record Stats(long stripes, long rolls) {}

    /** A batch on its way. */
    private final class Sealed implements LogWriter.Outcome {
        private final WriteQueue.Batch batch;

        Sealed(WriteQueue.Batch batch) {
            this.batch = batch;
        }

        @Override
        public void acknowledged(LogSegment segment, Stripe stripe) {
            map.install(StripeRef.of(segment, stripe), stripe);
            batch.acknowledge();
            tailStripes++;
            tailBytes += (long) stripe.blockCrcCount() * Stripe.BLOCK_BYTES;
            checkpointIfDue();
        }

        @Override
        public void failed(AshlarException cause) {
            batch.fail(cause);
            queue.fail(cause);
        }
    }

    /**
     * So that opening the volume after a crash has only so much to replay, and what is overwritten is
     * given back.
     */
    private void checkpointIfDue() {
        boolean due = tailStripes >= cluster.config().maxTailStripes() || tailBytes >= maxTailBytes;
        if (due && !checkpointing) {
            checkpointing = true;
            tailStripes = 0;
            tailBytes = 0;
            var _ = map.checkpoint().whenComplete((ignored, failure) -> checkpointing = false);
        }
    }

    /**
     * Gives back all segments that nothing refers to but roots that lie behind, and tells whether
     * there were any. As many roots as are retained are committed for that.
     */
    private CompletableFuture<Boolean> giveBack() {
        long before = freeing.freedCount();
        CompletableFuture<Void> renewed = map.checkpoint();
        for (int i = 1; i < SegmentFreeing.RETAINED_ROOTS; i++) {
            renewed = renewed.thenCompose(ignored -> map.renewRoot());
        }
        CompletableFuture<Boolean> over = new CompletableFuture<>();
        Loop.Timer timer = cluster.loop()
                .schedule(
                        cluster.config().coordinatorTimeout().toNanos(),
                        () -> over.complete(freeing.freedCount() > before));
        var _ = renewed.thenCompose(ignored -> freeing.whenSettled())
                .whenComplete((ignored, failure) -> {
                    timer.cancel();
                    over.complete(freeing.freedCount() > before);
                });
        return over;
    }

    /** Goes on in another segment, because a shard of one of these was lost. */
    public void roll(Collection<SegmentId> segments) {
        log.rollIfOpen(segments);
    }

    /** Drives that answer appends slowly, as the coordinator is told. */
    public List<SlowDrive> slowDrives() {
        return log.slowDrives();
    }

    /** Has a segment created ahead, so that neither the first write nor a confirmation waits. */
    public void prepare() {
        log.prepare();
    }

    /**
     * Asks every node of an open segment whether this writer's epoch has been fenced; fails with
     * FENCED where it was, and otherwise where not all of them answer or no segment is open.
     */
    public CompletableFuture<Void> confirmEpoch() {
        return log.confirmEpoch();
    }

    /** Another writer has the volume: fails all that is not acknowledged, and all to come. */
    public void end(AshlarException cause) {
        log.end(cause);
        queue.fail(cause);
        map.close(cause);
    }

    /**
     * Saves the map and seals all segments, once everything that was written is acknowledged or has
     * failed; whatever comes later is refused. A map that cannot be saved now is made anew from the
     * log by whoever opens the volume next.
     *
     * <p>Where no coordinator answers this ends all the same, within three times the coordinator's
     * time: writes that get no further fail, a map that is not saved is given up, and what is not
     * sealed is left to the next opening.
     */
    public CompletableFuture<Void> close() {
        closed = true;
        return lastWrites()
                .thenCompose(ignored -> lastCheckpoint())
                .thenCompose(ignored -> log.whenIdle())
                .thenCompose(ignored -> log.seal());
    }

    private CompletableFuture<Void> lastWrites() {
        CompletableFuture<Void> over = flush().exceptionally(failure -> null);
        endIfStuck(over, log.stats().stripes());
        return over;
    }

    /** Looks, as long as writes wait, whether any stripe was acknowledged since the last look. */
    private void endIfStuck(CompletableFuture<Void> over, long stripesBefore) {
        Duration patience = cluster.config().coordinatorTimeout();
        Loop.Timer timer = cluster.loop().schedule(patience.toNanos(), () -> {
            long stripes = log.stats().stripes();
            if (stripes > stripesBefore) {
                endIfStuck(over, stripes);
            } else if (!over.isDone()) {
                end(new AshlarException.Unavailable("volume " + writer.name()
                        + " is being closed, and its last writes got no further for "
                        + patience.toSeconds() + " s: they may or may not be found in it"));
            }
        });
        var _ = over.whenComplete((ignored, failure) -> timer.cancel());
    }

    private CompletableFuture<Void> lastCheckpoint() {
        CompletableFuture<Void> over = new CompletableFuture<>();
        Loop.Timer timer = cluster.loop()
                .schedule(
                        cluster.config().coordinatorTimeout().toNanos(), () -> over.complete(null));
        var _ = map.checkpoint().whenComplete((ignored, failure) -> over.complete(null));
        return over.thenRun(() -> {
            timer.cancel();
            map.close(new AshlarException.Invalid("volume " + writer.name() + " is closed"));
            log.stopWaiting();
        });
    }

    public Stats stats() {
        return log.stats();
    }
}
