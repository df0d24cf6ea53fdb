package io.ashlar.client.stripe;

import io.ashlar.client.AshlarException;
import io.ashlar.client.cluster.Cluster;
import io.ashlar.client.format.CellFormat;
import io.ashlar.client.log.LogSegment;
import io.ashlar.client.model.Stripe;
import io.ashlar.client.protocol.ReadCell;
import io.ashlar.client.protocol.Request;
import io.ashlar.client.protocol.Response;
import io.ashlar.client.transport.Buffer;
import io.ashlar.client.transport.Transport;

import org.jspecify.annotations.Nullable;

import java.util.List;
import java.util.concurrent.CompletableFuture;

/**
 * Reads pieces of one cell from the node that holds it, and believes nothing that it has not
 * checked. Futures complete on the cluster's loop; whoever gets a buffer owns it.
 */
final class CellReader {
    private final Cluster cluster;
    private final DamageReports damage;
    private final Placements placements;

    /** Of a takeover's reads, which fence; 0 for all others. */
    private final long epoch;

    CellReader(Cluster cluster, DamageReports damage, Placements placements, long epoch) {
        this.cluster = cluster;
        this.damage = damage;
        this.placements = placements;
        this.epoch = epoch;
    }

    /** The pieces, each of the CRC expected of it. */
    CompletableFuture<Buffer> read(PieceRange range, int[] crcs) {
        ReadCell.Builder request = request(range);
        for (int crc : crcs) {
            request.addCrcs(crc);
        }
        return send(range, request.build()).thenCompose(answer -> {
            if (PieceCheck.holds(answer.bulk().segment(), crcs)) {
                return CompletableFuture.completedFuture(answer.bulk());
            }
            answer.bulk().release();
            return damaged(range, "bytes that do not match their CRCs");
        });
    }

    /** The pieces and the header of their record. */
    CompletableFuture<CellPart> readWithHeader(PieceRange range) {
        return send(range, request(range).setHeader(true).build()).thenCompose(answer -> {
            CellPart part = check(range, answer);
            if (part != null) {
                return CompletableFuture.completedFuture(part);
            }
            answer.bulk().release();
            return damaged(range, "no right record of that stripe");
        });
    }

    /** The node did not notice what arrived, so nobody else reports it. */
    private <T> CompletableFuture<T> damaged(PieceRange range, String what) {
        AshlarException cause = new AshlarException.Corrupt(range + " arrived with " + what);
        damage.found(range.stripe().shardOfParticipant(range.participant()).ref(), cause);
        return CompletableFuture.failedFuture(cause);
    }

    private static @Nullable CellPart check(PieceRange range, Transport.Answer answer) {
        int headerBytes = answer.response().getCellBytes().getHeaderBytes();
        Buffer bulk = answer.bulk();
        if (headerBytes <= 0 || bulk.sizeBytes() != headerBytes + range.lengthBytes()) {
            return null;
        }
        CellFormat.Cell cell = CellFormat.read(bulk.segment());
        if (cell == null || !range.stripe().names(cell.stripe())) {
            return null;
        }
        Stripe stripe = cell.stripe();
        int participant = stripe.geometry().participantIn(cell.role());
        boolean right = participant == range.participant()
                && stripe.geometry().headerBytes() == headerBytes
                && PieceCheck.holds(
                        bulk.segment().asSlice(headerBytes),
                        stripe,
                        participant,
                        range.firstPiece());
        return right ? new CellPart(participant, stripe, headerBytes, bulk) : null;
    }

    private ReadCell.Builder request(PieceRange range) {
        return ReadCell.newBuilder()
                .setShard(range.stripe().shardOfParticipant(range.participant()).ref())
                .setOffset(range.stripe().offset())
                .setFirstPiece(range.firstPiece())
                .setPieceCount(range.pieceCount())
                .setHeaderBytes(range.stripe().geometry().headerBytes())
                .setEpoch(epoch);
    }

    private CompletableFuture<Transport.Answer> send(PieceRange range, ReadCell read) {
        LogSegment.Shard shard = range.stripe().shardOfParticipant(range.participant());
        CompletableFuture<Transport.Answer> outcome = new CompletableFuture<>();
        if (shard.address().isEmpty()) {
            AshlarException cause = new AshlarException.Unavailable(
                    "node " + shard.node() + " has no known address");
            note(range.stripe().segment(), shard, cause);
            outcome.completeExceptionally(cause);
            return outcome;
        }
        long sentAt = cluster.loop().nanoTime();
        cluster.transport()
                .call(
                        cluster.loop(),
                        shard.address().get(),
                        Request.newBuilder().setReadCell(read).build(),
                        List.of(),
                        cluster.config().readTimeout().toNanos(),
                        new Transport.ReplyHandler() {
                            @Override
                            public void answered(Response response, Buffer bulk) {
                                long nanos = cluster.loop().nanoTime() - sentAt;
                                cluster.health().answered(shard.node(), nanos);
                                outcome.complete(new Transport.Answer(response, bulk));
                            }

                            @Override
                            public void failed(AshlarException cause) {
                                note(range.stripe().segment(), shard, cause);
                                outcome.completeExceptionally(cause);
                            }
                        });
        return outcome;
    }

    /** A node that is gone, or has no such shard or drive, may not be where the shard is now. */
    private void note(LogSegment segment, LogSegment.Shard shard, AshlarException cause) {
        switch (cause) {
            case AshlarException.Unavailable ignored -> {
                cluster.health().failed(shard.node(), cluster.loop().nanoTime());
                placements.suspect(segment);
            }
            case AshlarException.NotFound ignored -> {
                damage.found(shard.ref(), cause);
                placements.suspect(segment);
            }
            case AshlarException.Invalid ignored -> placements.suspect(segment);
            case AshlarException.Corrupt ignored -> damage.found(shard.ref(), cause);
            case AshlarException.Fenced ignored -> {}
            case AshlarException.InsufficientShards ignored -> {}
            case AshlarException.NoSpace ignored -> {}
            case AshlarException.Incompatible ignored -> {}
        }
    }
}
