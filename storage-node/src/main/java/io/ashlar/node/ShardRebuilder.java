package io.ashlar.node;

import io.ashlar.client.AshlarException;
import io.ashlar.client.model.DriveId;
import io.ashlar.client.model.Policy;
import io.ashlar.client.model.SegmentId;
import io.ashlar.client.model.Stripe;
import io.ashlar.client.model.VolumeId;
import io.ashlar.client.protocol.AppendCell;
import io.ashlar.client.protocol.Done;
import io.ashlar.client.protocol.OrderResult;
import io.ashlar.client.protocol.Placement;
import io.ashlar.client.protocol.RebuildShard;
import io.ashlar.client.protocol.Segment;
import io.ashlar.client.protocol.SegmentState;
import io.ashlar.client.protocol.ShardRef;
import io.ashlar.client.transport.Buffer;
import io.ashlar.client.transport.Loop;
import io.ashlar.client.transport.Transport;

import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import java.util.function.Consumer;

/**
 * Makes one shard of a sealed segment complete. Stripe after stripe, a few at a time: what the
 * shard holds whole stays, everything else is rebuilt from the other shards and written as recovery
 * does. It goes on past stripes that cannot be decoded and, once every stripe up to the sealed
 * length has been seen to, fails with how many there were and the first of them; what it made stays
 * made. Memory: {@link #STRIPES_AT_ONCE} stripes. Lives on the node's loop.
 */
final class ShardRebuilder {
    private static final Logger log = LoggerFactory.getLogger(ShardRebuilder.class);

    /** Stripes of which cells are being fetched, decoded or written. */
    static final int STRIPES_AT_ONCE = 4;

    private final Loop loop;
    private final Drive drive;
    private final ShardRef ref;
    private final ShardEntry wanted;
    private final List<PeerShard> peers;
    private final StripeLocator locator;
    private final Completion<OrderResult> completion;
    private final OrderResult.Builder result = OrderResult.newBuilder();
    private long cursor;
    private int cells;
    private int underWay;
    private int undecodable;
    private long firstUndecodableAt = Long.MAX_VALUE;
    private String firstUndecodable = "";
    private boolean locating;
    private @Nullable AshlarException endedBy;
    private boolean ended;

    private ShardRebuilder(
            Loop loop,
            Transport transport,
            Drive drive,
            ShardRef ref,
            ShardEntry wanted,
            Segment segment,
            Completion<OrderResult> completion) {
        this.loop = loop;
        this.drive = drive;
        this.ref = ref;
        this.wanted = wanted;
        this.completion = completion;
        this.peers = new ArrayList<>();
        for (Placement placement : segment.getPlacementsList()) {
            if (!placement.getShard().equals(ref)) {
                peers.add(new PeerShard(transport, loop, placement));
            }
        }
        this.locator = new StripeLocator(wanted.key().segment(), wanted.policy(), peers);
    }

    /** Carries out an order; completes on the loop or on the drive's thread. */
    static void start(
            Loop loop,
            Transport transport,
            Drives drives,
            RebuildShard order,
            Completion<OrderResult> completion) {
        try {
            Drive drive = drives.of(order.getShard());
            var rebuilder = new ShardRebuilder(
                    loop,
                    transport,
                    drive,
                    order.getShard(),
                    entryOf(order),
                    order.getSegment(),
                    completion);
            log.info(
                    "drive={} shard={} state=rebuilding",
                    drive.path(),
                    ShardKey.of(order.getShard()));
            rebuilder.prepare();
        } catch (AshlarException e) {
            completion.failed(e);
        }
    }

    /** The entry of the shard if it had to be created: sealed, and knowing nothing yet. */
    private static ShardEntry entryOf(RebuildShard order) throws AshlarException.Invalid {
        Segment segment = order.getSegment();
        if (segment.getState() != SegmentState.SEALED) {
            throw new AshlarException.Invalid("segment " + SegmentId.of(segment.getId())
                    + " is not sealed: its shards are not to be rebuilt");
        }
        return new ShardEntry(
                ShardKey.of(order.getShard()),
                VolumeId.of(segment.getVolume()),
                segment.getEpoch(),
                segment.getSequence(),
                Policy.parse(segment.getPolicy()),
                segment.getShardBytes(),
                ShardEntry.NO_RUN,
                segment.getEpoch(),
                new ShardEntry.Seal(
                        segment.getSealedBytes(), segment.getStripeCount(), order.getCells()),
                false,
                true);
    }

    private void prepare() {
        CompletableFuture<Done> created =
                future(done -> drive.create(DriveId.of(ref.getDrive()), wanted, true, done));
        CompletableFuture<?> _ = created.thenCompose(
                        _ -> this.<Done>future(done -> drive.seal(ref, wanted.seal(), done)))
                .whenComplete((_, failure) -> {
                    if (failure != null) {
                        end(causeOf(failure));
                    } else {
                        goOn();
                    }
                });
    }

    /** What a drive is asked, as a future that completes on the loop. */
    private <T> CompletableFuture<T> future(Consumer<Completion<T>> request) {
        CompletableFuture<T> future = new CompletableFuture<>();
        request.accept(new Completion<>() {
            @Override
            public void done(T value) {
                loop.execute(() -> future.complete(value));
            }

            @Override
            public void failed(AshlarException cause) {
                loop.execute(() -> future.completeExceptionally(cause));
            }
        });
        return future;
    }

    private void goOn() {
        long sealedBytes = wanted.seal().sealedBytes();
        while (endedBy == null && underWay < STRIPES_AT_ONCE && cursor < sealedBytes) {
            Stripe stripe = locator.known(cursor);
            if (stripe == null) {
                locate();
                return;
            }
            if (stripe.endOffset() > sealedBytes) {
                end(new AshlarException.Corrupt(
                        stripe + " ends beyond the sealed length " + sealedBytes));
                return;
            }
            cursor = stripe.endOffset();
            if (stripe.participantOfShard(wanted.key().index()) >= 0) {
                cells++;
                underWay++;
                see(stripe);
            }
        }
        if (underWay == 0 && !locating && !ended) {
            finish();
        }
    }

    private void locate() {
        if (locating) {
            return;
        }
        locating = true;
        CompletableFuture<?> _ = locator.locate(cursor).whenComplete((_, failure) -> {
            locating = false;
            if (failure == null) {
                goOn();
            } else {
                passOver(cursor, causeOf(failure));
            }
        });
    }

    /** Goes on at the next stripe that any shard tells of; those in between are lost. */
    private void passOver(long offset, AshlarException cause) {
        Long next = locator.nextKnown(offset);
        cursor = next == null ? wanted.seal().sealedBytes() : next;
        endUnlessUndecodable(offset, cause);
        goOn();
    }

    /** Keeps the shard's own record where it is whole, else makes it. */
    private void see(Stripe stripe) {
        CompletableFuture<?> _ = this.<Boolean>future(
                        holds -> drive.reads().holds(ref, stripe, holds))
                .thenCompose(holds -> holds ? KEPT : rebuild(stripe))
                .whenComplete((_, failure) -> {
                    underWay--;
                    result.setCellsChecked(result.getCellsChecked() + 1);
                    if (failure != null) {
                        endUnlessUndecodable(stripe.identity().offset(), causeOf(failure));
                    }
                    goOn();
                });
    }

    /** What the other shards cannot make keeps nothing else from being made. */
    private void endUnlessUndecodable(long offset, AshlarException cause) {
        if (!(cause instanceof AshlarException.InsufficientShards
                || cause instanceof AshlarException.Corrupt)) {
            end(cause);
            return;
        }
        undecodable++;
        if (offset < firstUndecodableAt) {
            firstUndecodableAt = offset;
            firstUndecodable = String.valueOf(cause.getMessage());
        }
    }

    private static final CompletableFuture<Done> KEPT =
            CompletableFuture.completedFuture(Done.getDefaultInstance());

    private CompletableFuture<Done> rebuild(Stripe stripe) {
        CellRebuild rebuild = CellRebuild.start(stripe, wanted.key().index(), peers);
        return rebuild.record()
                .whenComplete((_, failure) ->
                        result.setBytesRead(result.getBytesRead() + rebuild.bytesRead()))
                .thenCompose(record -> write(stripe, record));
    }

    private CompletableFuture<Done> write(Stripe stripe, Buffer record) {
        long epoch;
        try {
            epoch = drive.find(ref).entry().fenceEpoch();
        } catch (AshlarException e) {
            record.release();
            return CompletableFuture.failedFuture(e);
        }
        AppendCell append = AppendCell.newBuilder()
                .setShard(ref)
                .setOffset(stripe.identity().offset())
                .setEpoch(epoch)
                .setRecovery(true)
                .build();
        int recordBytes = record.sizeBytes();
        return this.<Done>future(done -> drive.append(append, record, done))
                .whenComplete((_, failure) -> {
                    if (failure == null) {
                        result.setCellsWritten(result.getCellsWritten() + 1);
                        result.setBytesWritten(result.getBytesWritten() + recordBytes);
                    }
                });
    }

    private void finish() {
        ended = true;
        result.setBytesRead(result.getBytesRead() + locator.headerBytesRead());
        AshlarException cause = endedBy != null ? endedBy : shortfall();
        if (cause != null) {
            log.info(
                    "drive={} shard={} state=incomplete written={} undecodable={}",
                    drive.path(),
                    wanted.key(),
                    result.getCellsWritten(),
                    undecodable);
            completion.done(result.setFailure(cause.toFailure()).build());
            return;
        }
        drive.rebuilt(ref, wanted.seal(), new Completion<>() {
            @Override
            public void done(Done value) {
                log.info(
                        "drive={} shard={} state=rebuilt cells={} written={} bytesWritten={}",
                        drive.path(),
                        wanted.key(),
                        cells,
                        result.getCellsWritten(),
                        result.getBytesWritten());
                completion.done(result.build());
            }

            @Override
            public void failed(AshlarException cause) {
                completion.failed(cause);
            }
        });
    }

    /** What the shard still lacks though every stripe was seen to; null: nothing. */
    private @Nullable AshlarException shortfall() {
        if (undecodable > 0) {
            return new AshlarException.InsufficientShards(
                    undecodable + (undecodable == 1 ? " stripe" : " stripes")
                            + " cannot be made, the first: " + firstUndecodable);
        }
        int expected = wanted.seal().cells();
        return expected == 0 || expected == cells
                ? null
                : new AshlarException.Corrupt(wanted.key() + " takes part in " + cells
                        + " stripes, its segment's seal says " + expected);
    }

    private AshlarException causeOf(Throwable failure) {
        try {
            return AshlarException.in(failure);
        } catch (IllegalStateException bug) {
            log.error("drive={} shard={} rebuild ended by a bug", drive.path(), wanted.key(), bug);
            return new AshlarException.Unavailable("the rebuild ended by a bug: " + bug, bug);
        }
    }

    /** Gives up once nothing is under way; what was rebuilt is kept and spared the next time. */
    private void end(AshlarException cause) {
        if (endedBy == null) {
            endedBy = cause;
        }
        if (underWay == 0 && !ended) {
            finish();
        }
    }
}
