package io.ashlar.node;

import io.ashlar.client.AshlarException;
import io.ashlar.client.format.CellFormat;
import io.ashlar.client.protocol.Headers;
import io.ashlar.client.protocol.Range;
import io.ashlar.client.protocol.ReadHeaders;
import io.ashlar.client.protocol.Response;
import io.ashlar.client.transport.Buffer;

import java.lang.foreign.MemorySegment;
import java.util.List;

/**
 * Lists a shard's records, and the places of which nothing truthful can be said (INV-6).
 *
 * <p>Between two records lies a <em>gap</em>. If it holds nothing but zeros, nothing was ever
 * written there: a negative, not listed. If anything else is in it, a record may have begun at any
 * page up to there, so all of that is unknown. But where the node once stopped uncleanly while the
 * shard was open, whatever is beyond every stamp found in the shard may be a write that was cut
 * short, of which nobody was told: a negative too. A gap in which a record was written since the
 * node started, which cannot be read, or of a shard whose bytes were lost, is unknown in any case.
 */
final class HeaderReader {
    private static final int MAX_ANSWER_BYTES = 4 * 1024 * 1024;

    private final Shard shard;
    private final long stampBytes;
    private final Headers.Builder answer = Headers.newBuilder();
    private final Buffer headers;
    private int headersBytes;
    private long gapAt;
    private long gapEnd;
    private boolean gapUnreadable;

    private HeaderReader(Shard shard, long from, int maxBytes) {
        this.shard = shard;
        this.stampBytes = shard.durableBytes();
        this.headers = Buffer.allocate(maxBytes);
        this.gapAt = from;
        this.gapEnd = from;
    }

    /** Answers the request; runs on a reader thread, after an open shard was scanned. */
    static Reply read(DriveFile arena, Shard shard, ReadHeaders request) throws AshlarException {
        long from = request.getFromOffset();
        if (from < 0 || from % CellFormat.ALIGN_BYTES != 0) {
            throw new AshlarException.Invalid("headers of " + shard.key() + " from " + from
                    + ": not a multiple of " + CellFormat.ALIGN_BYTES);
        }
        int wanted = Math.max(request.getMaxBytes(), CellFormat.MAX_HEADER_BYTES);
        int maxBytes = request.getMaxBytes() == 0 ? MAX_ANSWER_BYTES : wanted;
        var reader = new HeaderReader(shard, from, Math.min(maxBytes, MAX_ANSWER_BYTES));
        try {
            return reader.walk(arena, request);
        } finally {
            reader.headers.release();
        }
    }

    private Reply walk(DriveFile arena, ReadHeaders request) throws AshlarException.NotFound {
        long next = shard.entry().shardBytes();
        try (var walk =
                new RecordWalk(arena, shard, request.getFromOffset(), request.getVerifyCells())) {
            RecordWalk.Found found = walk.next();
            while (found != null) {
                if (found.cell() != null && isFull(found.cell(), request)) {
                    next = found.offset();
                    break;
                }
                add(found, walk.header());
                found = walk.next();
            }
            closeGap(found == null ? shard.entry().limitBytes() : found.offset());
        }
        if (shard.deleted()) {
            throw ShardStore.notFound(shard.key()); // what was read may be another shard's zeros
        }
        answer.setNextOffset(next);
        List<Buffer> bulk = headersBytes == 0 ? List.of() : List.of(headers.slice(0, headersBytes));
        return new Reply(Response.newBuilder().setHeaders(answer).build(), bulk);
    }

    private boolean isFull(CellFormat.Cell cell, ReadHeaders request) {
        int bytes = headersBytes + cell.stripe().geometry().headerBytes();
        boolean asked = request.getMaxBytes() > 0 && bytes > request.getMaxBytes();
        return headersBytes > 0 && (asked || bytes > headers.sizeBytes());
    }

    private void add(RecordWalk.Found found, MemorySegment header) {
        switch (found.kind()) {
            case RECORD -> {
                closeGap(found.offset());
                int bytes = found.cell() == null
                        ? 0
                        : found.cell().stripe().geometry().headerBytes();
                MemorySegment.copy(header, 0, headers.segment(), headersBytes, bytes);
                headersBytes += bytes;
                gapAt = found.endOffset();
            }
            case DAMAGED -> {
                closeGap(found.offset());
                gapEnd = found.endOffset();
                closeGap(found.endOffset());
                gapAt = found.endOffset();
            }
            case GARBAGE -> gapEnd = found.endOffset();
            case ZERO -> {}
            case UNREADABLE -> {
                gapEnd = found.endOffset();
                gapUnreadable = true;
            }
        }
    }

    private void closeGap(long end) {
        ShardEntry entry = shard.entry();
        long writtenEnd = shard.endOfWrittenIn(gapAt, end);
        if (entry.holesProveNothing()) {
            addUnknown(gapAt, end);
        } else if (writtenEnd >= 0) {
            addUnknown(gapAt, Math.max(gapEnd, writtenEnd));
        } else if (gapUnreadable || !entry.uncleanStop() || entry.sealed()) {
            addUnknown(gapAt, gapEnd);
        } else {
            addUnknown(gapAt, Math.min(gapEnd, stampBytes));
        }
        gapAt = end;
        gapEnd = end;
        gapUnreadable = false;
    }

    private void addUnknown(long from, long to) {
        if (from < to) {
            answer.addUnknown(Range.newBuilder().setOffset(from).setLength(to - from));
        }
    }
}
