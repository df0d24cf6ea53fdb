package io.ashlar.client.map;

import io.ashlar.client.AshlarException;
import io.ashlar.client.log.LogSegment;
import io.ashlar.client.model.MapRoot;
import io.ashlar.client.model.SegmentId;
import io.ashlar.client.transport.Buffer;

import java.util.concurrent.CompletableFuture;

/** Stands behind a map that is kept in memory alone: never asked, as its table is never full. */
final class NoStore implements MapStore {
    @Override
    public CompletableFuture<PagePlace> append(Buffer pages) {
        pages.release();
        return CompletableFuture.failedFuture(refusal());
    }

    @Override
    public CompletableFuture<Buffer> read(PagePlace place, int[] crcs) {
        return CompletableFuture.failedFuture(refusal());
    }

    @Override
    public CompletableFuture<Void> commit(MapRoot root) {
        return CompletableFuture.failedFuture(refusal());
    }

    @Override
    public LogSegment segment(SegmentId id) throws AshlarException {
        throw refusal();
    }

    private static AshlarException refusal() {
        return new AshlarException.Invalid("this map is kept in memory alone");
    }
}
