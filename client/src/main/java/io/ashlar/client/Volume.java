package io.ashlar.client;

import io.ashlar.client.cluster.Cluster;
import io.ashlar.client.log.Lease;
import io.ashlar.client.log.VolumeOpening;
import io.ashlar.client.log.VolumeWriter;
import io.ashlar.client.map.LiveStripes;
import io.ashlar.client.map.MapExtent;
import io.ashlar.client.model.SegmentId;
import io.ashlar.client.model.Stripe;
import io.ashlar.client.protocol.SlowDrive;
import io.ashlar.client.protocol.VolumeInfo;
import io.ashlar.client.stripe.DamageReports;
import io.ashlar.client.stripe.PieceReader;
import io.ashlar.client.stripe.Placements;
import io.ashlar.client.stripe.StripeReader;
import io.ashlar.client.stripe.StripeRef;
import io.ashlar.client.stripe.StripeVerifier;
import io.ashlar.client.stripe.VolumeReader;

import org.jspecify.annotations.Nullable;

import java.lang.foreign.MemorySegment;
import java.nio.ByteBuffer;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Deque;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.Semaphore;
import java.util.function.Function;
import java.util.function.LongConsumer;
import java.util.function.Supplier;

/**
 * A virtual disk, open for reading and writing by this process alone.
 *
 * <p>Offsets and lengths are bytes; those of writes are multiples of {@link #BLOCK_BYTES}. A write is
 * done when it survives the loss of any m nodes and of this process. Calls may be made from any
 * thread; what overlaps while in flight is written in the order of the calls, and a read that
 * overlaps a write in flight sees each block before or after it. A caller that has more bytes in
 * flight than the client's limit is held back in {@link #writeAsync} and {@link #zeroAsync}.
 *
 * <p>Futures complete on the client's own thread: what hangs on them must not block.
 */
public final class Volume implements AutoCloseable {
    public static final int BLOCK_BYTES = Stripe.BLOCK_BYTES;

    private static final MemorySegment NO_BYTES = MemorySegment.ofArray(new byte[0]);

    private static final int MAX_PROBLEMS = 100;
    private static final int VERIFY_AHEAD = 4;

    private final Cluster cluster;
    private final VolumeOpening.Opened opened;
    private final DamageReports damage;
    private final StripeReader stripes;
    private final VolumeReader reader;
    private final VolumeWriter writer;
    private final SegmentHealth health;
    private final Semaphore waitingBlocks;
    private final int maxWaitingBlocks;
    private final CompletableFuture<Void> closing = new CompletableFuture<>();
    private volatile boolean closed;

    private Volume(Cluster cluster, VolumeOpening.Opened opened, DamageReports damage) {
        this.cluster = cluster;
        this.opened = opened;
        this.damage = damage;
        Placements placements = new Placements(cluster);
        this.stripes = new StripeReader(cluster, damage, placements, 0);
        this.reader = new VolumeReader(opened.map(), new PieceReader(cluster, stripes, placements));
        this.writer = opened.log();
        this.health = new SegmentHealth(cluster, opened.info().getId());
        this.maxWaitingBlocks = Math.toIntExact(cluster.config().maxWaitingBytes() / BLOCK_BYTES);
        this.waitingBlocks = new Semaphore(maxWaitingBlocks);
    }

    static CompletableFuture<Volume> open(Cluster cluster, String name, OpenOptions options) {
        DamageReports damage = new DamageReports(cluster);
        LeaseEvents events = new LeaseEvents();
        CompletableFuture<Volume> volume = new CompletableFuture<>();
        cluster.loop().execute(() -> {
            var _ = VolumeOpening.open(cluster, name, options, damage, events)
                    .thenApply(opened -> new Volume(cluster, opened, damage))
                    .whenComplete((made, failure) -> {
                        if (failure == null) {
                            events.tell(made.writer);
                            volume.complete(made);
                        } else {
                            volume.completeExceptionally(AshlarException.in(failure));
                        }
                    });
        });
        return volume;
    }

    /** Passes what the lease hears to the writer, once there is one. */
    private static final class LeaseEvents implements Lease.Listener {
        private @Nullable VolumeWriter writer;
        private AshlarException.@Nullable Fenced fenced;

        void tell(VolumeWriter made) {
            writer = made;
            if (fenced != null) {
                made.end(fenced);
            }
        }

        @Override
        public void renewed() {
            if (writer != null) {
                writer.prepare();
            }
        }

        @Override
        public CompletableFuture<Void> confirm() {
            return writer == null
                    ? CompletableFuture.failedFuture(
                            new AshlarException.Unavailable("the volume is just being opened"))
                    : writer.confirmEpoch();
        }

        @Override
        public void roll(List<SegmentId> segments) {
            if (writer != null) {
                writer.roll(segments);
            }
        }

        @Override
        public List<SlowDrive> slowDrives() {
            return writer == null ? List.of() : writer.slowDrives();
        }

        @Override
        public void fenced(AshlarException.Fenced cause) {
            fenced = cause;
            if (writer != null) {
                writer.end(cause);
            }
        }
    }

    public String name() {
        return opened.writer().name();
    }

    public long sizeBytes() {
        return opened.info().getSizeBytes();
    }

    /** What writes under way may take of memory together: more are held back. */
    public long maxWaitingBytes() {
        return cluster.config().maxWaitingBytes();
    }

    /** As the coordinator told when the volume was opened. */
    public VolumeInfo info() {
        return opened.info();
    }

    /** Fills what remains of the target; blocks until it is done. */
    public void read(long offset, ByteBuffer target) throws AshlarException {
        Waiting.on(readAsync(offset, target));
    }

    /** Fills what remains of the target, whose position stays; it must not be touched meanwhile. */
    public CompletableFuture<Void> readAsync(long offset, ByteBuffer target) {
        AshlarException refused = outside(offset, target.remaining());
        if (refused != null) {
            return CompletableFuture.failedFuture(refused);
        }
        MemorySegment bytes = MemorySegment.ofBuffer(target);
        return onLoop(() -> underLease(reader.read(offset, bytes)));
    }

    /**
     * What becomes of a read is told once it is known that nobody else had the volume meanwhile: he may
     * have changed what was found, and given back what was not.
     */
    private <T> CompletableFuture<T> underLease(CompletableFuture<T> read) {
        return read.handle((found, failure) -> null)
                .thenCompose(settled -> opened.lease().permit())
                .thenCompose(permitted -> read);
    }

    /** Writes what remains of the source; blocks until it is durable. */
    public void write(long offset, ByteBuffer source) throws AshlarException {
        Waiting.on(writeAsync(offset, source));
    }

    /** Writes what remains of the source, whose position stays; it must not change meanwhile. */
    public CompletableFuture<Void> writeAsync(long offset, ByteBuffer source) {
        int length = source.remaining();
        AshlarException refused = unaligned(offset, length);
        if (refused != null) {
            return CompletableFuture.failedFuture(refused);
        }
        if (length == 0) {
            return CompletableFuture.completedFuture(null);
        }
        MemorySegment bytes = MemorySegment.ofBuffer(source);
        int blocks = length / BLOCK_BYTES;
        return whileHeld(blocks, () -> writer.write(offset / BLOCK_BYTES, blocks, bytes));
    }

    /** Writes something that keeps so many blocks waiting; while too many wait, holds back. */
    private CompletableFuture<Void> whileHeld(
            int blocks, Supplier<CompletableFuture<Void>> action) {
        int held = Math.min(blocks, maxWaitingBlocks);
        if (cluster.loop().inLoop()) {
            if (!waitingBlocks.tryAcquire(held)) {
                return CompletableFuture.failedFuture(new AshlarException.Unavailable(
                        "more writes are in flight than the client's limit of "
                                + cluster.config().maxWaitingBytes() + " bytes"));
            }
        } else {
            waitingBlocks.acquireUninterruptibly(held);
        }
        return onLoop(action).whenComplete((ignored, failure) -> waitingBlocks.release(held));
    }

    /** Makes a range read as zeroes; blocks until that is durable. */
    public void zero(long offset, long lengthBytes) throws AshlarException {
        Waiting.on(zeroAsync(offset, lengthBytes));
    }

    /**
     * The same without blocking. Nothing is stored for zeroes but that they are; while they wait they
     * count as a block.
     */
    public CompletableFuture<Void> zeroAsync(long offset, long lengthBytes) {
        AshlarException refused = unaligned(offset, lengthBytes);
        if (refused != null) {
            return CompletableFuture.failedFuture(refused);
        }
        if (lengthBytes == 0) {
            return CompletableFuture.completedFuture(null);
        }
        return whileHeld(
                1, () -> writer.write(offset / BLOCK_BYTES, lengthBytes / BLOCK_BYTES, NO_BYTES));
    }

    /**
     * What a range consists of, from its beginning on; parts that are alike are told as one.
     *
     * @param maxExtents told at most, at least 1; what they do not reach is not told of
     */
    public CompletableFuture<List<VolumeExtent>> extentsAsync(
            long offset, long lengthBytes, int maxExtents) {
        AshlarException refused = outside(offset, lengthBytes);
        if (refused != null) {
            return CompletableFuture.failedFuture(refused);
        }
        return onLoop(() -> extents(offset, lengthBytes, maxExtents, VolumeExtent::contentOf)
                .thenApply(parts -> parts.stream()
                        .map(part ->
                                new VolumeExtent(part.offset(), part.lengthBytes(), part.kind()))
                        .toList()));
    }

    /**
     * How safe a range is, from its beginning on, as the coordinator told within the last second; parts
     * that are as safe are told as one. What comes of that is known of whole segments of the log.
     *
     * @param maxExtents told at most, at least 1; what they do not reach is not told of
     */
    public CompletableFuture<List<HealthExtent>> healthAsync(
            long offset, long lengthBytes, int maxExtents) {
        AshlarException refused = outside(offset, lengthBytes);
        if (refused != null) {
            return CompletableFuture.failedFuture(refused);
        }
        return onLoop(() -> health.view()
                .thenCompose(view -> extents(offset, lengthBytes, maxExtents, view::of))
                .thenApply(parts -> parts.stream()
                        .map(part ->
                                new HealthExtent(part.offset(), part.lengthBytes(), part.kind()))
                        .toList()));
    }

    private <K> CompletableFuture<List<ExtentList.Part<K>>> extents(
            long offset, long lengthBytes, int maxExtents, Function<MapExtent, K> kindOf) {
        return underLease(
                new ExtentList<>(opened.map(), offset, lengthBytes, maxExtents, kindOf).collect());
    }

    /** Returns once every write made before is durable. */
    public void flush() throws AshlarException {
        Waiting.on(flushAsync());
    }

    public CompletableFuture<Void> flushAsync() {
        return onLoop(writer::flush);
    }

    public VolumeStats stats() throws AshlarException {
        return Waiting.on(statsAsync());
    }

    /** The same without blocking. */
    public CompletableFuture<VolumeStats> statsAsync() {
        return onLoop(() -> opened.map().lostBlocks().thenApply(lostBlocks -> {
            VolumeWriter.Stats written = writer.stats();
            return new VolumeStats(
                    written.stripes(),
                    written.rolls(),
                    stripes.degradedReads(),
                    stripes.decodedBytes(),
                    stripes.contradictions(),
                    damage.reported(),
                    lostBlocks);
        }));
    }

    /**
     * Reads every cell of every stripe that holds a live block or pages of the map and proves it
     * present and right.
     *
     * @param everyPattern proves also that any d cells of a stripe decode to all others
     * @param progress hears which part of the volume's size is proved, in bytes, stripe by stripe
     */
    public VerifyReport verify(boolean everyPattern, LongConsumer progress) throws AshlarException {
        StripeVerifier verifier = new StripeVerifier(stripes);
        LiveStripes live = new LiveStripes(opened.map());
        Deque<StripeRef> found = new ArrayDeque<>();
        Deque<CompletableFuture<StripeVerifier.Cells>> ahead = new ArrayDeque<>();
        Deque<StripeRef> aheadRefs = new ArrayDeque<>();
        long cells = 0;
        long damaged = 0;
        long bytes = 0;
        long patterns = 0;
        List<String> problems = new ArrayList<>();
        long stripesDone = 0;
        while (true) {
            while (ahead.size() < VERIFY_AHEAD) {
                while (found.isEmpty() && !live.isAtEnd()) {
                    found.addAll(Waiting.on(onLoop(live::next)));
                }
                StripeRef next = found.poll();
                if (next == null) {
                    break;
                }
                ahead.add(onLoop(() -> verifier.read(next)));
                aheadRefs.add(next);
            }
            if (ahead.isEmpty()) {
                break;
            }
            StripeVerifier.Finding finding = Waiting.on(ahead.remove()).check(everyPattern);
            StripeRef ref = aheadRefs.remove();
            cells += finding.rightCells();
            damaged += finding.damagedCells();
            patterns += finding.patterns();
            bytes += (long) finding.rightCells() * ref.geometry().recordBytes();
            finding.problems().stream()
                    .limit(MAX_PROBLEMS - problems.size())
                    .forEach(problems::add);
            stripesDone++;
            progress.accept(live.blocksDone() * BLOCK_BYTES);
        }
        long lost = stats().lostBlocks();
        return new VerifyReport(stripesDone, cells, damaged, bytes, patterns, lost, problems);
    }

    /**
     * Makes every write durable, seals the log and gives the volume up for others to open. Does
     * nothing the second time.
     *
     * <p>Where no coordinator answers it ends within four times {@link
     * ClientConfig#coordinatorTimeout}, a minute by default, and logs what it could not do. Nothing
     * that was acknowledged is lost by that: whoever opens the volume next finds it. Writes that
     * could not be made durable by then fail.
     */
    @Override
    public void close() throws AshlarException {
        Waiting.on(closeAsync());
    }

    /** The same without blocking. */
    public CompletableFuture<Void> closeAsync() {
        synchronized (closing) {
            if (!closed) {
                closed = true;
                var _ = onLoop(() -> writer.close()
                                .thenCompose(ignored -> opened.lease().giveUp()))
                        .whenComplete((ignored, failure) -> {
                            if (failure == null) {
                                closing.complete(null);
                            } else {
                                closing.completeExceptionally(AshlarException.in(failure));
                            }
                        });
            }
        }
        return closing;
    }

    private @Nullable AshlarException outside(long offset, long lengthBytes) {
        if (closed) {
            return new AshlarException.Invalid("volume " + name() + " is closed");
        }
        if (offset < 0 || lengthBytes < 0 || offset > sizeBytes() - lengthBytes) {
            return new AshlarException.Invalid("bytes " + offset + "+" + lengthBytes
                    + " are not within volume " + name() + " of " + sizeBytes() + " bytes");
        }
        return null;
    }

    private @Nullable AshlarException unaligned(long offset, long lengthBytes) {
        if (offset % BLOCK_BYTES != 0 || lengthBytes % BLOCK_BYTES != 0) {
            return new AshlarException.Invalid("bytes " + offset + "+" + lengthBytes
                    + " are not whole blocks of " + BLOCK_BYTES);
        }
        return outside(offset, lengthBytes);
    }

    /** Runs an action on the loop, at once where this is the loop. */
    private <T> CompletableFuture<T> onLoop(Supplier<CompletableFuture<T>> action) {
        if (cluster.loop().inLoop()) {
            return action.get();
        }
        CompletableFuture<T> outcome = new CompletableFuture<>();
        cluster.loop().execute(() -> {
            try {
                var _ = action.get().whenComplete((result, failure) -> {
                    if (failure == null) {
                        outcome.complete(result);
                    } else {
                        outcome.completeExceptionally(failure);
                    }
                });
            } catch (RuntimeException e) {
                outcome.completeExceptionally(e);
            }
        });
        return outcome;
    }
}
