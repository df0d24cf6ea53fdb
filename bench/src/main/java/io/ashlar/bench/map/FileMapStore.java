package io.ashlar.bench.map;

import io.ashlar.client.AshlarException;
import io.ashlar.client.format.MapRootFormat;
import io.ashlar.client.log.LogSegment;
import io.ashlar.client.log.ShardPlaces;
import io.ashlar.client.map.MapStore;
import io.ashlar.client.map.PagePlace;
import io.ashlar.client.map.SegmentReferences;
import io.ashlar.client.model.MapRoot;
import io.ashlar.client.model.Policy;
import io.ashlar.client.model.SegmentId;
import io.ashlar.client.model.Stripe;
import io.ashlar.client.protocol.Placement;
import io.ashlar.client.protocol.Segment;
import io.ashlar.client.stripe.StripeRef;
import io.ashlar.client.transport.Buffer;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.ByteBuffer;
import java.nio.channels.FileChannel;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Deque;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.concurrent.CompletableFuture;

/**
 * The pages of a map in a temporary file, in segments of 64 MiB whose room is used again once the
 * map refers to nothing in them. Answers at once.
 */
final class FileMapStore implements MapStore, AutoCloseable {
    static final Policy POLICY = new Policy(4, 2);

    private static final int BATCH_BYTES = MAX_PAGES * Stripe.PIECE_BYTES;
    private static final int BATCHES_PER_SEGMENT = 256;
    private static final Stripe.Geometry GEOMETRY =
            new Stripe.Geometry(POLICY, POLICY.k(), 4096, BATCH_BYTES / POLICY.k());

    private final ShardPlaces places = new ShardPlaces();
    private final FileChannel file;
    private final Path path;
    private final Map<SegmentId, LogSegment> segments = new HashMap<>();
    private final Map<SegmentId, Integer> slots = new HashMap<>();
    private final Deque<Integer> freeSlots = new ArrayDeque<>();
    private LogSegment open;
    private int batches;
    private int lastSlot;
    private long lastSegment;
    private long writtenBytes;
    private MapRoot root;

    FileMapStore(Path directory, long blockCount) throws IOException {
        path = Files.createTempFile(directory, "ashlar-map", ".pages");
        file = FileChannel.open(path, StandardOpenOption.READ, StandardOpenOption.WRITE);
        root = MapRoot.empty(blockCount);
        open = newMapSegment();
    }

    /** A segment of the volume's log. */
    LogSegment newSegment() {
        Segment.Builder made = Segment.newBuilder()
                .setId(new SegmentId(1, ++lastSegment).toProto())
                .setSequence(lastSegment)
                .setPolicy(POLICY.toString());
        for (int i = 0; i < POLICY.n(); i++) {
            made.addPlacements(Placement.newBuilder().setNode("n" + i));
        }
        try {
            LogSegment segment = LogSegment.of(made.build(), places);
            segments.put(segment.id(), segment);
            return segment;
        } catch (AshlarException e) {
            throw new IllegalStateException(e);
        }
    }

    private LogSegment newMapSegment() {
        LogSegment segment = newSegment();
        Integer slot = freeSlots.poll();
        slots.put(segment.id(), slot == null ? lastSlot++ : slot);
        batches = 0;
        return segment;
    }

    /** Uses the room of what is not referred to. */
    void free(SegmentReferences references) {
        List<SegmentId> unused = new ArrayList<>(slots.keySet());
        unused.removeAll(references.segments());
        unused.remove(open.id());
        for (SegmentId id : unused) {
            freeSlots.add(slot(id));
            slots.remove(id);
            segments.remove(id);
        }
    }

    /** Bytes of pages, directories and roots. */
    long writtenBytes() {
        return writtenBytes;
    }

    long fileBytes() {
        return (long) lastSlot * BATCHES_PER_SEGMENT * BATCH_BYTES;
    }

    MapRoot root() {
        return root;
    }

    private long position(StripeRef stripe) {
        long slot = slot(stripe.segment().id());
        return (slot * BATCHES_PER_SEGMENT + stripe.number()) * BATCH_BYTES;
    }

    private int slot(SegmentId id) {
        Integer slot = slots.get(id);
        if (slot == null) {
            throw new IllegalStateException("segment " + id + " was freed");
        }
        return slot;
    }

    @Override
    public CompletableFuture<PagePlace> append(Buffer pages) {
        if (batches == BATCHES_PER_SEGMENT) {
            open = newMapSegment();
        }
        long number = batches++;
        StripeRef stripe = new StripeRef(open, number, number * GEOMETRY.recordBytes(), GEOMETRY);
        ByteBuffer bytes = pages.segment().asByteBuffer();
        writtenBytes += bytes.remaining();
        try {
            long at = position(stripe);
            while (bytes.hasRemaining()) {
                at += file.write(bytes, at);
            }
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
        pages.release();
        return CompletableFuture.completedFuture(new PagePlace(stripe, 0));
    }

    @Override
    public CompletableFuture<Buffer> read(PagePlace place, int[] crcs) {
        Buffer buffer = Buffer.allocate(crcs.length * Stripe.PIECE_BYTES);
        ByteBuffer bytes = buffer.segment().asByteBuffer();
        try {
            long at = position(place.stripe()) + (long) place.firstPiece() * Stripe.PIECE_BYTES;
            while (bytes.hasRemaining()) {
                int read = file.read(bytes, at);
                if (read < 0) {
                    throw new IllegalStateException(place + " lies beyond the file");
                }
                at += read;
            }
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
        return CompletableFuture.completedFuture(buffer);
    }

    @Override
    public CompletableFuture<Void> commit(MapRoot committed, long lostBlocks) {
        writtenBytes += MapRootFormat.write(committed).length;
        root = committed;
        return CompletableFuture.completedFuture(null);
    }

    @Override
    public LogSegment segment(SegmentId id) throws AshlarException {
        LogSegment segment = segments.get(id);
        if (segment == null) {
            throw new AshlarException.NotFound("no segment " + id);
        }
        return segment;
    }

    @Override
    public void close() throws IOException {
        file.close();
        Files.delete(path);
    }
}
