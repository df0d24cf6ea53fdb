package io.ashlar.client.log;

import io.ashlar.client.AshlarException;
import io.ashlar.client.cluster.Cluster;
import io.ashlar.client.format.CellFormat;
import io.ashlar.client.model.Address;
import io.ashlar.client.protocol.FenceShard;
import io.ashlar.client.protocol.Headers;
import io.ashlar.client.protocol.Range;
import io.ashlar.client.protocol.ReadHeaders;
import io.ashlar.client.protocol.Request;
import io.ashlar.client.transport.Buffer;
import io.ashlar.client.transport.Transport;

import java.lang.foreign.MemorySegment;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.concurrent.CompletableFuture;

/**
 * Asks one shard what it holds. Of open segments under a fence, which the node makes durable first,
 * so that nothing is appended to it afterwards; of sealed ones without. Lives on the cluster's loop.
 */
final class EvidenceReader {
    private static final int PAGE_BYTES = 1 << 20;

    private final Cluster cluster;
    private final LogSegment.Shard shard;
    private final long epoch;
    private final long endBytes;

    private final Map<Long, CellFormat.Cell> cells = new HashMap<>();
    private final List<ShardEvidence.Span> unknown = new ArrayList<>();

    private EvidenceReader(Cluster cluster, LogSegment.Shard shard, long epoch, long endBytes) {
        this.cluster = cluster;
        this.shard = shard;
        this.epoch = epoch;
        this.endBytes = endBytes;
    }

    /** Fences the shard, then reads it; fails only with FENCED, where a later epoch came first. */
    static CompletableFuture<ShardEvidence> underFence(
            Cluster cluster, LogSegment segment, LogSegment.Shard shard, long epoch) {
        EvidenceReader reader = new EvidenceReader(cluster, shard, epoch, segment.shardBytes());
        return believe(reader.fence().thenCompose(ignored -> reader.readFrom(0)));
    }

    /** Reads the headers of a sealed segment's shard, from an offset up to its sealed length. */
    static CompletableFuture<ShardEvidence> ofSealed(
            Cluster cluster, LogSegment segment, LogSegment.Shard shard, long fromBytes) {
        return believe(
                new EvidenceReader(cluster, shard, 0, segment.sealedBytes()).readFrom(fromBytes));
    }

    /** A shard that is not there is gone; one that did not answer, or its drive, may come back. */
    private static CompletableFuture<ShardEvidence> believe(
            CompletableFuture<ShardEvidence> reading) {
        return reading.exceptionallyCompose(failure -> {
            AshlarException cause = AshlarException.in(failure);
            return switch (cause) {
                case AshlarException.Fenced fenced -> CompletableFuture.failedFuture(fenced);
                case AshlarException.NotFound ignored ->
                    CompletableFuture.completedFuture(new ShardEvidence.Gone(cause.getMessage()));
                case AshlarException.Invalid ignored -> unreachable(cause);
                case AshlarException.Unavailable ignored -> unreachable(cause);
                case AshlarException.Corrupt ignored -> unreachable(cause);
                case AshlarException.InsufficientShards ignored -> unreachable(cause);
                case AshlarException.NoSpace ignored -> unreachable(cause);
                case AshlarException.Incompatible ignored -> unreachable(cause);
            };
        });
    }

    private static CompletableFuture<ShardEvidence> unreachable(AshlarException cause) {
        return CompletableFuture.completedFuture(new ShardEvidence.Unreachable(cause.getMessage()));
    }

    private CompletableFuture<Transport.Answer> ask(Request request) {
        if (shard.address().isEmpty()) {
            return CompletableFuture.failedFuture(new AshlarException.Unavailable(
                    "node " + shard.node() + " has no known address"));
        }
        Address address = shard.address().get();
        return cluster.transport()
                .ask(
                        cluster.loop(),
                        address,
                        request,
                        List.of(),
                        cluster.config().recoveryTimeout().toNanos());
    }

    private CompletableFuture<Void> fence() {
        FenceShard fence =
                FenceShard.newBuilder().setShard(shard.ref()).setEpoch(epoch).build();
        return ask(Request.newBuilder().setFenceShard(fence).build())
                .thenAccept(answer -> answer.bulk().release());
    }

    private CompletableFuture<ShardEvidence> readFrom(long offset) {
        ReadHeaders read = ReadHeaders.newBuilder()
                .setShard(shard.ref())
                .setFromOffset(offset)
                .setEpoch(epoch)
                .setVerifyCells(epoch != 0)
                .setMaxBytes(PAGE_BYTES)
                .build();
        return ask(Request.newBuilder().setReadHeaders(read).build()).thenCompose(answer -> {
            Headers headers = answer.response().getHeaders();
            try {
                take(headers, answer.bulk());
            } catch (AshlarException e) {
                return CompletableFuture.failedFuture(e);
            } finally {
                answer.bulk().release();
            }
            if (headers.getNextOffset() <= offset) {
                return CompletableFuture.failedFuture(new AshlarException.Incompatible(
                        "node " + shard.node() + " does not get beyond " + offset));
            }
            return headers.getNextOffset() < endBytes
                    ? readFrom(headers.getNextOffset())
                    : CompletableFuture.completedFuture(new ShardEvidence.Answered(cells, unknown));
        });
    }

    private void take(Headers headers, Buffer bulk) throws AshlarException {
        for (Range range : headers.getUnknownList()) {
            unknown.add(new ShardEvidence.Span(range.getOffset(), range.getLength()));
        }
        long at = 0;
        while (at < bulk.sizeBytes()) {
            MemorySegment rest = bulk.segment().asSlice(at);
            CellFormat.Cell cell = CellFormat.read(rest);
            if (cell == null) {
                throw new AshlarException.Corrupt(
                        "node " + shard.node() + " sent a header that is damaged");
            }
            cells.put(cell.stripe().identity().offset(), cell);
            at += cell.stripe().geometry().headerBytes();
        }
    }
}
