package io.ashlar.client.log;

import io.ashlar.client.AshlarException;
import io.ashlar.client.cluster.Cluster;
import io.ashlar.client.format.MapRootFormat;
import io.ashlar.client.map.BlockMap;
import io.ashlar.client.map.MapStore;
import io.ashlar.client.map.PagePlace;
import io.ashlar.client.map.SegmentReferences;
import io.ashlar.client.model.LogPosition;
import io.ashlar.client.model.MapRoot;
import io.ashlar.client.model.SegmentId;
import io.ashlar.client.model.Stripe;
import io.ashlar.client.protocol.CommitRoot;
import io.ashlar.client.protocol.Request;
import io.ashlar.client.protocol.Root;
import io.ashlar.client.stripe.EncodedStripe;
import io.ashlar.client.stripe.PieceReader;
import io.ashlar.client.stripe.StripeRef;
import io.ashlar.client.transport.Buffer;
import io.ashlar.ec.Crc32c;

import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

import java.lang.foreign.MemorySegment;
import java.util.ArrayList;
import java.util.List;
import java.util.Set;
import java.util.concurrent.CompletableFuture;

/**
 * Keeps a volume's map in the volume's own log: its pages and roots are stripes like those of the
 * data, and of a root the coordinator is told only where it lies. Once a root is committed, segments
 * that the map does not refer to any more are given back ({@link SegmentFreeing}).
 *
 * <p>The map bounds how many appends it has in flight, so its stripes do not wait for room in the
 * writer's window. Lives on the cluster's loop.
 */
final class LogMapStore implements MapStore {
    private static final Logger LOG = LoggerFactory.getLogger(LogMapStore.class);
    private static final long RETRY_NANOS = 300_000_000L;

    private final Cluster cluster;
    private final WriterIdentity writer;
    private final LogSegments segments;
    private final LogWriter log;
    private final PieceReader reader;
    private final SegmentFreeing freeing;

    /** Roots that were passed over; the next one takes their place. */
    private final List<Long> unreadable = new ArrayList<>();

    LogMapStore(
            Cluster cluster,
            WriterIdentity writer,
            LogSegments segments,
            LogWriter log,
            PieceReader reader,
            SegmentFreeing freeing) {
        this.cluster = cluster;
        this.writer = writer;
        this.segments = segments;
        this.log = log;
        this.reader = reader;
        this.freeing = freeing;
    }

    @Override
    public LogSegment segment(SegmentId id) throws AshlarException {
        return segments.get(id);
    }

    @Override
    public CompletableFuture<PagePlace> append(Buffer pages) {
        CompletableFuture<PagePlace> stored =
                append(Stripe.Type.MAP, pages.segment()).thenApply(ref -> new PagePlace(ref, 0));
        pages.release();
        return stored;
    }

    private CompletableFuture<StripeRef> append(Stripe.Type type, MemorySegment bytes) {
        List<MemorySegment> pages = new ArrayList<>();
        for (long at = 0; at < bytes.byteSize(); at += Stripe.PIECE_BYTES) {
            pages.add(bytes.asSlice(at, Stripe.PIECE_BYTES));
        }
        CompletableFuture<StripeRef> stored = new CompletableFuture<>();
        log.append(
                EncodedStripe.encodePages(type, writer.code(), writer.policy(), pages),
                new LogWriter.Outcome() {
                    @Override
                    public void acknowledged(LogSegment segment, Stripe stripe) {
                        stored.complete(StripeRef.of(segment, stripe));
                    }

                    @Override
                    public void failed(AshlarException cause) {
                        stored.completeExceptionally(cause);
                    }
                });
        return stored;
    }

    @Override
    public CompletableFuture<Buffer> read(PagePlace place, int[] crcs) {
        return reader.read(place.stripe(), place.firstPiece(), crcs);
    }

    /** The map of the newest root that can be read: an older one has only more to be replayed. */
    CompletableFuture<BlockMap> open(List<Root> newestFirst, MapRoot ifNone) {
        if (newestFirst.isEmpty()) {
            return BlockMap.open(cluster.loop(), this, cluster.config().mapLimits(), ifNone);
        }
        return open(newestFirst.getFirst()).exceptionallyCompose(failure -> {
            AshlarException cause = AshlarException.in(failure);
            LOG.error(
                    "event=root-not-read volume={} root={} reason=\"{}\"",
                    writer.name(),
                    newestFirst.getFirst().getNumber(),
                    cause.getMessage());
            unreadable.add(newestFirst.getFirst().getNumber());
            List<Root> older = newestFirst.subList(1, newestFirst.size());
            return older.isEmpty() || cause instanceof AshlarException.Fenced
                    ? CompletableFuture.failedFuture(cause)
                    : open(older, ifNone);
        });
    }

    private CompletableFuture<BlockMap> open(Root root) {
        return readRoot(root)
                .thenCompose(map ->
                        BlockMap.open(cluster.loop(), this, cluster.config().mapLimits(), map));
    }

    /** The segments to which a retained root refers. */
    CompletableFuture<Set<SegmentId>> references(Root root) {
        return readRoot(root)
                .thenCompose(map -> BlockMap.references(this, map))
                .thenApply(SegmentReferences::segments);
    }

    private CompletableFuture<MapRoot> readRoot(Root root) {
        MapRootPlace place;
        try {
            place = MapRootPlace.of(root.getMap(), segments);
        } catch (AshlarException e) {
            return CompletableFuture.failedFuture(e);
        }
        return reader.read(place.stripe(), 0, place.crcs()).thenCompose(pages -> {
            try {
                byte[] bytes = new byte[pages.sizeBytes()];
                MemorySegment.ofArray(bytes).copyFrom(pages.segment());
                return CompletableFuture.completedFuture(MapRootFormat.read(bytes));
            } catch (AshlarException e) {
                return CompletableFuture.failedFuture(e);
            } finally {
                pages.release();
            }
        });
    }

    @Override
    public CompletableFuture<Void> commit(MapRoot root, long lostBlocks) {
        byte[] bytes = MapRootFormat.write(root);
        int pageCount = Math.ceilDiv(bytes.length, Stripe.PIECE_BYTES);
        MemorySegment pages = MemorySegment.ofArray(new byte[pageCount * Stripe.PIECE_BYTES]);
        MemorySegment.copy(MemorySegment.ofArray(bytes), 0, pages, 0, bytes.length);
        int[] crcs = new int[pageCount];
        for (int page = 0; page < pageCount; page++) {
            crcs[page] = Crc32c.of(pages, (long) page * Stripe.PIECE_BYTES, Stripe.PIECE_BYTES);
        }
        return append(Stripe.Type.ROOT, pages)
                .thenCompose(stripe ->
                        commit(root.position(), new MapRootPlace(stripe, crcs), lostBlocks));
    }

    private CompletableFuture<Void> commit(
            LogPosition position, MapRootPlace place, long lostBlocks) {
        long number = freeing.newestRoot() + 1;
        List<Long> passedOver = List.copyOf(unreadable);
        Root root = Root.newBuilder()
                .setNumber(number)
                .setPosition(position.toProto())
                .setMap(place.toBytes())
                .setEnd(place.end().toProto())
                .setLostBlocks(lostBlocks)
                .build();
        Request request = Request.newBuilder()
                .setCommitRoot(CommitRoot.newBuilder()
                        .setRequestId(cluster.newRequestId())
                        .setVolume(writer.volume().toProto())
                        .setEpoch(writer.epoch())
                        .setRoot(root)
                        .addAllUnreadable(passedOver))
                .build();
        CompletableFuture<Void> committed = new CompletableFuture<>();
        untilAnswered(request, committed);
        return committed.thenRun(() -> {
            unreadable.removeAll(passedOver);
            freeing.committed(root, position, passedOver);
        });
    }

    private void untilAnswered(Request request, CompletableFuture<Void> answered) {
        var _ = cluster.coordinator()
                .call(request, cluster.config().coordinatorTimeout().toNanos())
                .whenComplete((response, failure) -> {
                    if (failure == null) {
                        answered.complete(null);
                        return;
                    }
                    AshlarException cause = AshlarException.in(failure);
                    if (cause instanceof AshlarException.Unavailable
                            && log.ended().isEmpty()) {
                        cluster.loop()
                                .schedule(RETRY_NANOS, () -> untilAnswered(request, answered));
                    } else {
                        answered.completeExceptionally(log.ended().orElse(cause));
                    }
                });
    }
}
