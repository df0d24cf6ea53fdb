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
import java.util.Optional;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionException;
import java.util.function.Consumer;

/**
 * Makes one shard of a sealed segment complete. Stripe after stripe, a few at a time: what the
 * shard holds whole stays, everything else is rebuilt from the other shards and written as recovery
 * does. It goes on past stripes whose cell cannot be made, so that one never keeps another from being
 * made, and tells of them in the end. A shard that lacks cells is marked durably: from then on none
 * of its empty places is taken as proof that nothing was written there (INV-6). Which stripes there
 * are it learns from placed shards and from its own former places: what only a former place of
 * another shard knows, that one has to bring back first, as a replay asks placed shards alone
 * (INV-7). Memory: {@link #STRIPES_AT_ONCE} stripes. Lives on the node's loop.
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
    private long nextNumber;
    private final UnmadeCells unmade = new UnmadeCells();
    private int underWay;
    private boolean locating;
    private @Nullable AshlarException endedBy;
    private boolean ended;

    private ShardRebuilder(
            Loop loop,
            Transport transport,
            Drive drive,
            ShardRef ref,
            ShardEntry wanted,
            List<Placement> placements,
            List<Placement> former,
            Completion<OrderResult> completion) {
        this.loop = loop;
        this.drive = drive;
        this.ref = ref;
        this.wanted = wanted;
        this.completion = completion;
        this.peers = new ArrayList<>();
        List<PeerShard> telling = new ArrayList<>();
        for (Placement placement : placements) {
            if (!placement.getShard().equals(ref)) {
                telling.add(new PeerShard(transport, loop, placement));
            }
        }
        peers.addAll(telling);
        for (Placement placement : former) {
            PeerShard place = new PeerShard(transport, loop, placement);
            peers.add(place);
            if (place.index() == ref.getIndex()) {
                telling.add(place);
            }
        }
        this.locator = new StripeLocator(wanted.key().segment(), wanted.policy(), telling);
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
                    order.getSegment().getPlacementsList(),
                    order.getFormerList(),
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
            nextNumber = stripe.identity().number() + 1;
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
                passOver(failure);
            }
        });
    }

    /** Goes on at the next stripe that any shard tells of: nobody tells of those in between. */
    private void passOver(Throwable failure) {
        CellUnmadeException cause = unmadeBy(failure);
        if (cause == null) {
            end(causeOf(failure));
            return;
        }
        Stripe next = locator.nextKnown(cursor);
        long nextStripe =
                next == null ? wanted.seal().stripeCount() : next.identity().number();
        unmade.addHeadless(nextNumber, Math.max(1, nextStripe - nextNumber), cause);
        cursor = next == null ? wanted.seal().sealedBytes() : next.identity().offset();
        goOn();
    }

    /** Keeps the shard's own record where it is whole and of this stripe, else makes it. */
    private void see(Stripe stripe) {
        long offset = stripe.identity().offset();
        CompletableFuture<?> _ = this.<Optional<Stripe>>future(
                        whole -> drive.reads().wholeAt(ref, offset, whole))
                .thenCompose(own -> own.isPresent() && own.get().sameAs(stripe)
                        ? KEPT
                        : rebuild(stripe, own.orElse(null), true))
                .whenComplete((_, failure) -> {
                    underWay--;
                    result.setCellsChecked(result.getCellsChecked() + 1);
                    if (failure != null) {
                        passOver(stripe, failure);
                    }
                    goOn();
                });
    }

    private void passOver(Stripe stripe, Throwable failure) {
        CellUnmadeException cause = unmadeBy(failure);
        if (cause == null) {
            end(causeOf(failure));
        } else {
            unmade.add(stripe, cause);
        }
    }

    /** What it says where it says that a cell cannot be made; null where it ends the rebuild. */
    private static @Nullable CellUnmadeException unmadeBy(Throwable failure) {
        Throwable cause = failure;
        while (cause instanceof CompletionException && cause.getCause() != null) {
            cause = cause.getCause();
        }
        return cause instanceof CellUnmadeException told ? told : null;
    }

    private static final CompletableFuture<Done> KEPT =
            CompletableFuture.completedFuture(Done.getDefaultInstance());

    /**
     * Makes the cell of a stripe.
     *
     * @param own what the shard holds there: whole, but another stripe
     * @param first whether another stripe that prevails in this place is to be made instead
     */
    private CompletableFuture<Done> rebuild(Stripe stripe, @Nullable Stripe own, boolean first) {
        CellRebuild rebuild = CellRebuild.start(stripe, wanted.key().index(), peers, own);
        return rebuild.record()
                .whenComplete((_, failure) ->
                        result.setBytesRead(result.getBytesRead() + rebuild.bytesRead()))
                .thenCompose(record -> write(stripe, record, own != null))
                .exceptionallyCompose(failure -> {
                    CellUnmadeException cause = unmadeBy(failure);
                    Stripe prevailing = cause == null ? null : cause.prevailing();
                    if (prevailing == null || !first) {
                        return CompletableFuture.failedFuture(failure);
                    }
                    return own != null && prevailing.sameAs(own)
                            ? KEPT
                            : rebuild(prevailing, own, false);
                });
    }

    private CompletableFuture<Done> write(Stripe stripe, Buffer record, boolean replace) {
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
        return this.<Done>future(done -> {
                    if (replace) {
                        drive.replace(append, record, done);
                    } else {
                        drive.append(append, record, done);
                    }
                })
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
        AshlarException cause = endedBy != null ? endedBy : contradiction();
        if (cause != null) {
            completion.done(result.setFailure(cause.toFailure()).build());
            return;
        }
        int lacking = cellsLacking();
        unmade.addTo(result);
        result.setUnmadeCells(lacking);
        drive.rebuilt(ref, wanted.seal(), lacking, new Completion<>() {
            @Override
            public void done(Done value) {
                log.info(
                        "drive={} shard={} state={} cells={} written={} bytesWritten={} unmade={}",
                        drive.path(),
                        wanted.key(),
                        lacking == 0 ? "rebuilt" : "incomplete",
                        cells,
                        result.getCellsWritten(),
                        result.getBytesWritten(),
                        lacking);
                completion.done(result.build());
            }

            @Override
            public void failed(AshlarException cause) {
                completion.failed(cause);
            }
        });
    }

    /** What the seal says against what the other shards told; null: nothing. */
    private @Nullable AshlarException contradiction() {
        int expected = wanted.seal().cells();
        boolean tooFew = cells < expected && !unmade.hasHeadless();
        return expected == 0 || (cells <= expected && !tooFew)
                ? null
                : new AshlarException.Corrupt(wanted.key() + " takes part in " + cells
                        + " stripes, its segment's seal says " + expected);
    }

    /**
     * Cells that the shard has not got. The seal tells how many of the stripes that no other shard
     * knows have a cell here: often none.
     */
    private int cellsLacking() {
        int expected = wanted.seal().cells();
        long unlocated = expected == 0 ? unmade.headlessCount() : expected - cells;
        if (unlocated == 0) {
            unmade.dropHeadless();
        }
        return (int) Math.min(Integer.MAX_VALUE, unmade.locatedCount() + unlocated);
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
