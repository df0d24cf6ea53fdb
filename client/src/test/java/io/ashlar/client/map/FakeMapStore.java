package io.ashlar.client.map;

import io.ashlar.client.AshlarException;
import io.ashlar.client.fake.FakeLoop;
import io.ashlar.client.format.MapRootFormat;
import io.ashlar.client.log.LogSegment;
import io.ashlar.client.log.ShardPlaces;
import io.ashlar.client.model.MapRoot;
import io.ashlar.client.model.Policy;
import io.ashlar.client.model.SegmentId;
import io.ashlar.client.model.Stripe;
import io.ashlar.client.protocol.Placement;
import io.ashlar.client.protocol.Segment;
import io.ashlar.client.stripe.StripeRef;
import io.ashlar.client.transport.Buffer;

import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.concurrent.CompletableFuture;
import java.util.function.Supplier;
import java.util.random.RandomGenerator;

/**
 * Pages in memory, behind delays that reorder answers. Calls fail, and bytes rot, at rates that a
 * test sets; whoever reads a page of a segment that was freed has found a bug.
 */
final class FakeMapStore implements MapStore {
    private static final Policy POLICY = new Policy(4, 2);
    private static final long MAX_DELAY_NANOS = 1_000_000;
    private static final int STRIPES_PER_SEGMENT = 2;

    private final FakeLoop loop;
    private final RandomGenerator random;
    private final Map<SegmentId, LogSegment> segments = new HashMap<>();
    private final Map<Location, byte[]> pages = new HashMap<>();
    private final Set<SegmentId> freed = new HashSet<>();
    private final List<byte[]> roots = new ArrayList<>();
    private long lastSegment;
    private long stripesInSegment = STRIPES_PER_SEGMENT;
    private LogSegment open = newSegment();
    private double failureRate;
    private double rotRate;
    private int rottenByte = -1;
    private int soundReadsLeft;
    private boolean fenced;
    private Set<SegmentId> hidden = Set.of();
    private final Set<StripeRef> stripesRead = new HashSet<>();
    private long reads;
    private long appendedPages;
    private long lostBlocks;

    FakeMapStore(FakeLoop loop, RandomGenerator random) {
        this.loop = loop;
        this.random = random;
    }

    private record Location(SegmentId segment, long offset, int piece) {}

    void failAt(double rate) {
        failureRate = rate;
    }

    void rotAt(double rate) {
        rotRate = rate;
    }

    /** Flips a bit of this byte in whatever is read, but for the next reads. */
    void rotByte(int index, int soundReads) {
        rottenByte = index;
        soundReadsLeft = soundReads;
    }

    /** Pages of these segments cannot be read; of no others. */
    void hide(Set<SegmentId> unreadable) {
        hidden = unreadable;
    }

    void fence() {
        fenced = true;
    }

    long reads() {
        return reads;
    }

    /** The stripes that pages were read from. */
    Set<StripeRef> stripesRead() {
        return stripesRead;
    }

    long appendedPages() {
        return appendedPages;
    }

    /** That read as errors by the last committed root, as it was told. */
    long lostBlocks() {
        return lostBlocks;
    }

    /** The last committed root as it would be read. */
    MapRoot root(long blockCount) throws AshlarException {
        return roots.isEmpty() ? MapRoot.empty(blockCount) : MapRootFormat.read(roots.getLast());
    }

    LogSegment newSegment() {
        Segment.Builder made = Segment.newBuilder()
                .setId(new SegmentId(7, ++lastSegment).toProto())
                .setPolicy(POLICY.toString())
                .setShardBytes(64 << 20);
        for (int i = 0; i < POLICY.n(); i++) {
            made.addPlacements(Placement.newBuilder().setNode("n" + i));
        }
        try {
            LogSegment segment = LogSegment.of(made.build(), new ShardPlaces());
            segments.put(segment.id(), segment);
            return segment;
        } catch (AshlarException e) {
            throw new AssertionError(e);
        }
    }

    Set<SegmentId> segments() {
        return Set.copyOf(segments.keySet());
    }

    /** Nothing may be read from it any more. */
    void free(SegmentId segment) {
        if (segments.remove(segment) != null) {
            freed.add(segment);
            pages.keySet().removeIf(location -> location.segment.equals(segment));
        }
    }

    boolean isOpen(SegmentId segment) {
        return open.id().equals(segment);
    }

    @Override
    public CompletableFuture<PagePlace> append(Buffer bytes) {
        int count = bytes.sizeBytes() / Stripe.PIECE_BYTES;
        if (count < 1 || count > MAX_PAGES || bytes.sizeBytes() % Stripe.PIECE_BYTES != 0) {
            throw new AssertionError("an append of " + bytes.sizeBytes() + " bytes");
        }
        List<byte[]> copies = new ArrayList<>();
        for (int i = 0; i < count; i++) {
            copies.add(PageReads.page(bytes, i));
        }
        bytes.release();
        return later(() -> place(copies));
    }

    private PagePlace place(List<byte[]> copies) {
        if (stripesInSegment++ >= STRIPES_PER_SEGMENT) {
            open = newSegment();
            stripesInSegment = 1;
        }
        int firstPiece = random.nextInt(3);
        int pieces = Math.ceilDiv(copies.size() + firstPiece, POLICY.k());
        var geometry = new Stripe.Geometry(POLICY, POLICY.k(), 4096, pieces * Stripe.PIECE_BYTES);
        long number = stripesInSegment;
        StripeRef stripe = new StripeRef(open, number, number << 20, geometry);
        for (int i = 0; i < copies.size(); i++) {
            pages.put(new Location(open.id(), stripe.offset(), firstPiece + i), copies.get(i));
        }
        appendedPages += copies.size();
        return new PagePlace(stripe, firstPiece);
    }

    @Override
    public CompletableFuture<Buffer> read(PagePlace place, int[] crcs) {
        SegmentId segment = place.stripe().segment().id();
        reads++;
        stripesRead.add(place.stripe());
        return later(hidden.contains(segment), () -> {
            Buffer buffer = Buffer.allocate(crcs.length * Stripe.PIECE_BYTES);
            for (int i = 0; i < crcs.length; i++) {
                byte[] page = pages.get(
                        new Location(segment, place.stripe().offset(), place.firstPiece() + i));
                if (page == null) {
                    buffer.release();
                    throw new AssertionError("no page at " + place.plus(i)
                            + (freed.contains(segment) ? ": its segment was freed" : ""));
                }
                MemorySegment.copy(
                        MemorySegment.ofArray(page),
                        0,
                        buffer.segment(),
                        (long) i * Stripe.PIECE_BYTES,
                        page.length);
            }
            boolean rots = random.nextDouble() < rotRate;
            if (rots || (rottenByte >= 0 && --soundReadsLeft < 0)) {
                long at = rots ? random.nextLong(buffer.sizeBytes()) : rottenByte;
                byte rotten = buffer.segment().get(ValueLayout.JAVA_BYTE, at);
                buffer.segment().set(ValueLayout.JAVA_BYTE, at, (byte) (rotten ^ 16));
            }
            return buffer;
        });
    }

    @Override
    public CompletableFuture<Void> commit(MapRoot root, long lost) {
        byte[] bytes = MapRootFormat.write(root);
        return later(() -> {
            roots.add(bytes);
            lostBlocks = lost;
            return null;
        });
    }

    @Override
    public LogSegment segment(SegmentId id) throws AshlarException {
        LogSegment segment = segments.get(id);
        if (segment == null) {
            throw new AshlarException.Corrupt("no segment " + id);
        }
        return segment;
    }

    private <T> CompletableFuture<T> later(Supplier<T> action) {
        return later(false, action);
    }

    private <T> CompletableFuture<T> later(boolean unavailable, Supplier<T> action) {
        CompletableFuture<T> outcome = new CompletableFuture<>();
        boolean fails = random.nextDouble() < failureRate || unavailable;
        loop.schedule(random.nextLong(MAX_DELAY_NANOS), () -> {
            if (fenced) {
                outcome.completeExceptionally(new AshlarException.Fenced("fenced"));
            } else if (fails) {
                outcome.completeExceptionally(new AshlarException.Unavailable("no answer"));
            } else {
                outcome.complete(action.get());
            }
        });
        return outcome;
    }
}
