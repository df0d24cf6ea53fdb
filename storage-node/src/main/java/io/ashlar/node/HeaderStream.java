package io.ashlar.node;

import io.ashlar.client.AshlarException;
import io.ashlar.client.format.CellFormat;
import io.ashlar.client.model.SegmentId;
import io.ashlar.client.model.Stripe;
import io.ashlar.client.transport.Buffer;
import io.ashlar.client.transport.Transport;

import org.jspecify.annotations.Nullable;

import java.lang.foreign.MemorySegment;
import java.util.TreeMap;
import java.util.concurrent.CompletableFuture;

/**
 * The stripes that one shard of a sealed segment tells of, in order, a few at a time. Lives on the
 * node's loop.
 */
final class HeaderStream {
    private static final int BYTES_PER_CALL = 256 * 1024;

    private final PeerShard shard;
    private final SegmentId segment;
    private final long sealedBytes;
    private final TreeMap<Long, Stripe> ahead = new TreeMap<>();
    private long readTo;
    private long bytesRead;
    private @Nullable String failure;

    HeaderStream(PeerShard shard, SegmentId segment, long sealedBytes) {
        this.shard = shard;
        this.segment = segment;
        this.sealedBytes = sealedBytes;
    }

    PeerShard shard() {
        return shard;
    }

    /** Why it cannot be read any further, or null. */
    @Nullable
    String failure() {
        return failure;
    }

    long bytesRead() {
        return bytesRead;
    }

    /** All that it tells of below this offset has come. */
    long readTo() {
        return failure != null ? sealedBytes : readTo;
    }

    /** The first stripe at or behind this offset that has come; null: none has. */
    @Nullable
    Stripe next(long offset) {
        var next = ahead.ceilingEntry(offset);
        return next == null ? null : next.getValue();
    }

    /** Forgets what begins before this offset. */
    void dropBefore(long offset) {
        ahead.headMap(offset).clear();
    }

    /** Reads on, unless everything below this offset has come. */
    CompletableFuture<?> readBeyond(long offset) {
        if (readTo() > offset || readTo() >= sealedBytes) {
            return CompletableFuture.completedFuture(null);
        }
        return shard.headers(readTo, BYTES_PER_CALL).handle((answer, cause) -> {
            if (cause != null) {
                failure = String.valueOf(AshlarException.in(cause).getMessage());
            } else {
                take(answer);
            }
            return readTo;
        });
    }

    private void take(Transport.Answer answer) {
        Buffer bulk = answer.bulk();
        try {
            bytesRead += bulk.sizeBytes();
            long at = 0;
            while (at < bulk.sizeBytes()) {
                MemorySegment rest = bulk.segment().asSlice(at);
                CellFormat.Cell cell = CellFormat.read(rest);
                if (cell == null) {
                    failure = "its headers were damaged on the way";
                    return;
                }
                Stripe stripe = cell.stripe();
                if (stripe.identity().segment().equals(segment)) {
                    ahead.put(stripe.identity().offset(), stripe);
                }
                at += stripe.geometry().headerBytes();
            }
        } finally {
            bulk.release();
        }
        long next = answer.response().getHeaders().getNextOffset();
        if (next <= readTo) {
            failure = "it does not tell of anything behind " + readTo;
        }
        readTo = next;
    }
}
