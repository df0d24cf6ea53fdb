package io.ashlar.node;

import io.ashlar.client.AshlarException;
import io.ashlar.client.model.DriveId;
import io.ashlar.client.model.SegmentId;
import io.ashlar.client.model.Stripe;
import io.ashlar.client.protocol.CompareShards;
import io.ashlar.client.protocol.OrderResult;
import io.ashlar.client.protocol.Placement;
import io.ashlar.client.protocol.Segment;
import io.ashlar.client.protocol.SegmentState;
import io.ashlar.client.protocol.ShardDamage;
import io.ashlar.client.transport.Loop;
import io.ashlar.client.transport.Transport;

import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

import java.util.ArrayList;
import java.util.List;
import java.util.Objects;
import java.util.SplittableRandom;
import java.util.concurrent.CompletableFuture;
import java.util.function.BooleanSupplier;

/**
 * The deep scrub of one sealed segment. Every shard's headers are read, side by side: where all
 * tell of the same stripe, vector included, and each node has held its cells to that vector, the
 * parity is consistent, without a cell having moved. A shard that tells of another stripe than the
 * others is damaged, whole as its cell may be. A few stripes, drawn by the scrub's id, are decoded
 * too. It keeps to the scrub's rate. Lives on the node's loop.
 */
final class SegmentComparison {
    private static final Logger log = LoggerFactory.getLogger(SegmentComparison.class);

    /** Stripes of a segment that are decoded. */
    static final int DECODED_STRIPES = 4;

    private static final double NANOS_PER_SECOND = 1e9;

    private final Loop loop;
    private final DamageLog damage;
    private final BooleanSupplier stopped;
    private final long bytesPerSecond;
    private final long sealedBytes;
    private final List<PeerShard> shards = new ArrayList<>();
    private final List<HeaderStream> streams = new ArrayList<>();
    private final List<Stripe> drawn = new ArrayList<>();
    private final SplittableRandom random;
    private final OrderResult.Builder result = OrderResult.newBuilder();
    private final CompletableFuture<OrderResult> done = new CompletableFuture<>();
    private long cursor;
    private long paidBytes;
    private long decodedBytes;

    private SegmentComparison(
            Loop loop,
            Transport transport,
            CompareShards order,
            DamageLog damage,
            BooleanSupplier stopped,
            long bytesPerSecond) {
        this.loop = loop;
        this.damage = damage;
        this.stopped = stopped;
        this.bytesPerSecond = bytesPerSecond;
        Segment segment = order.getSegment();
        SegmentId id = SegmentId.of(segment.getId());
        this.sealedBytes = segment.getSealedBytes();
        this.random = new SplittableRandom(order.getScrub() ^ id.low());
        for (Placement placement : segment.getPlacementsList()) {
            PeerShard shard = new PeerShard(transport, loop, placement);
            shards.add(shard);
            streams.add(new HeaderStream(shard, id, sealedBytes));
        }
    }

    /** Carries out an order, unless it is stopped: then it never completes. */
    static CompletableFuture<OrderResult> start(
            Loop loop,
            Transport transport,
            CompareShards order,
            DamageLog damage,
            BooleanSupplier stopped,
            long bytesPerSecond) {
        if (order.getSegment().getState() != SegmentState.SEALED) {
            return CompletableFuture.failedFuture(new AshlarException.Invalid(
                    "segment " + SegmentId.of(order.getSegment().getId())
                            + " is not sealed: its shards are not to be compared"));
        }
        var comparison =
                new SegmentComparison(loop, transport, order, damage, stopped, bytesPerSecond);
        comparison.readOn();
        return comparison.done;
    }

    private void readOn() {
        CompletableFuture<?>[] reads = streams.stream()
                .map(stream -> stream.readBeyond(cursor))
                .toArray(CompletableFuture<?>[]::new);
        CompletableFuture<?> _ = CompletableFuture.allOf(reads).whenComplete((_, failure) -> {
            if (failure != null) {
                done.completeExceptionally(failure);
            } else {
                guarded(this::compareWhatCame);
            }
        });
    }

    /** A bug ends the comparison instead of hanging it. */
    private void guarded(Runnable step) {
        if (stopped.getAsBoolean()) {
            return;
        }
        try {
            step.run();
        } catch (RuntimeException bug) {
            done.completeExceptionally(bug);
        }
    }

    private void compareWhatCame() {
        long limit = streams.stream().mapToLong(HeaderStream::readTo).min().orElse(sealedBytes);
        long end = Math.min(limit, sealedBytes);
        while (cursor < end) {
            cursor = compareAt(nextOffset(end));
        }
        streams.forEach(stream -> stream.dropBefore(cursor));
        if (cursor < sealedBytes) {
            pause(this::readOn);
        } else {
            pause(this::decodeNext);
        }
    }

    private long nextOffset(long end) {
        return streams.stream()
                .map(stream -> stream.next(cursor))
                .filter(Objects::nonNull)
                .mapToLong(stripe -> stripe.identity().offset())
                .reduce(end, Math::min);
    }

    /** Compares what begins here; tells where the next stripe may begin. */
    private long compareAt(long offset) {
        Generations generations = new Generations();
        long end = Long.MAX_VALUE;
        for (HeaderStream stream : streams) {
            Stripe told = stream.next(offset);
            if (told != null && told.identity().offset() == offset) {
                generations.add(told.participantOfShard(stream.shard().index()), told);
                end = Math.min(end, told.endOffset());
            }
        }
        if (end == Long.MAX_VALUE) {
            return offset;
        }
        result.setStripesCompared(result.getStripesCompared() + 1);
        Stripe prevailing = generations.prevailing();
        boolean allAnswered = streams.stream().allMatch(stream -> stream.failure() == null);
        if (prevailing != null) {
            end = prevailing.endOffset();
            draw(prevailing);
        }
        if (!generations.isOne() && (prevailing != null || allAnswered)) {
            accuse(offset, prevailing);
        }
        return end;
    }

    private void accuse(long offset, @Nullable Stripe prevailing) {
        for (HeaderStream stream : streams) {
            Stripe told = stream.next(offset);
            if (told == null || told.identity().offset() != offset) {
                continue;
            }
            if (prevailing == null) {
                found(stream.shard(), told, "no generation of it prevails");
            } else if (!told.sameAs(prevailing)) {
                found(stream.shard(), told, "it is of another generation than most of its cells");
            }
        }
    }

    private void found(PeerShard shard, Stripe stripe, String what) {
        String detail = "stripe " + stripe.identity().number() + ": " + what;
        log.warn("event=deep_scrub_damage shard=\"{}\" stripe=\"{}\" {}", shard, stripe, what);
        damage.cell(
                DriveId.of(shard.ref().getDrive()),
                ShardKey.of(shard.ref()),
                ShardDamage.Kind.CORRUPT_CELL,
                stripe.identity().offset(),
                detail);
        result.setDamagedCells(result.getDamagedCells() + 1);
    }

    /** Keeps each stripe with the same chance, without knowing how many there are. */
    private void draw(Stripe stripe) {
        if (stripe.geometry().cellBytes() == 0) {
            return;
        }
        if (drawn.size() < DECODED_STRIPES) {
            drawn.add(stripe);
            return;
        }
        int place = random.nextInt(result.getStripesCompared());
        if (place < DECODED_STRIPES) {
            drawn.set(place, stripe);
        }
    }

    /** Makes one cell out of the others, as if its shard were gone. */
    private void decodeNext() {
        if (drawn.isEmpty()) {
            finish();
            return;
        }
        Stripe stripe = drawn.removeLast();
        int participant = random.nextInt(stripe.geometry().participants());
        int index = stripe.shardOfParticipant(participant);
        List<PeerShard> others =
                shards.stream().filter(shard -> shard.index() != index).toList();
        CellRebuild rebuild = CellRebuild.start(stripe, index, others, null);
        CompletableFuture<?> _ = rebuild.record().whenComplete((record, failure) -> {
            decodedBytes += rebuild.bytesRead();
            if (record != null) {
                record.release();
            }
            if (failure == null || rebuild.contradicted()) {
                result.setStripesDecoded(result.getStripesDecoded() + 1);
            }
            if (rebuild.contradicted()) {
                found(shards.get(index), stripe, "the others decode to other bytes than it holds");
            }
            pause(this::decodeNext);
        });
    }

    private void finish() {
        long unread =
                streams.stream().filter(stream -> stream.failure() != null).count();
        log.info(
                "event=segment_compared segment={} stripes={} decoded={} damaged={} unread={}",
                SegmentId.of(shards.getFirst().ref().getSegment()),
                result.getStripesCompared(),
                result.getStripesDecoded(),
                result.getDamagedCells(),
                unread);
        done.complete(
                result.setBytesRead(bytesRead()).setUnreadable((int) unread).build());
    }

    private long bytesRead() {
        return decodedBytes
                + streams.stream().mapToLong(HeaderStream::bytesRead).sum();
    }

    /** What was read costs its time at the scrub's rate. */
    private void pause(Runnable next) {
        long bytes = bytesRead() - paidBytes;
        paidBytes += bytes;
        loop.schedule((long) (bytes * NANOS_PER_SECOND / bytesPerSecond), () -> guarded(next));
    }
}
