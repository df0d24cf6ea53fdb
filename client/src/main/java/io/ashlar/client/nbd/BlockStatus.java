package io.ashlar.client.nbd;

import io.netty.buffer.ByteBuf;

import java.util.ArrayList;
import java.util.List;

/** The chunks that answer a BLOCK_STATUS: one for each context, of extents that are alike. */
final class BlockStatus {
    /** Told of at a time; the client asks again for the rest. */
    static final int MAX_EXTENTS = 4 << 10;

    /** The map's extents of a window, and what is made of them. */
    static final long MEMORY_BYTES = 4L << 20;

    /** A range is not looked through any further, however long it is. */
    static final long MAX_LENGTH_BYTES = 4L << 30;

    /** What the compact form can say, in whole blocks. */
    private static final long MAX_COMPACT_BYTES = (1L << 32) - NbdExport.BLOCK_BYTES;

    private BlockStatus() {}

    /** What is told of each context, in the order of the contexts. */
    static void write(
            ByteBuf reply,
            ReplyStyle style,
            NbdRequest request,
            List<MetaContext> contexts,
            List<List<MetaContext.Status>> told) {
        for (int i = 0; i < contexts.size(); i++) {
            MetaContext context = contexts.get(i);
            List<MetaContext.Status> merged = merge(style, told.get(i));
            int count = request.has(NbdFormat.CMD_FLAG_REQ_ONE) ? 1 : merged.size();
            boolean last = i == contexts.size() - 1;
            boolean extended = style == ReplyStyle.EXTENDED;
            style.writeChunk(
                    reply,
                    request,
                    last,
                    extended ? NbdFormat.CHUNK_BLOCK_STATUS_EXT : NbdFormat.CHUNK_BLOCK_STATUS,
                    extended ? 8 + count * 16 : 4 + count * 8);
            reply.writeInt(context.id());
            if (extended) {
                reply.writeInt(count);
            }
            for (MetaContext.Status status : merged.subList(0, count)) {
                if (extended) {
                    reply.writeLong(status.lengthBytes()).writeLong(status.flags());
                } else {
                    reply.writeInt((int) status.lengthBytes()).writeInt(status.flags());
                }
            }
        }
    }

    private static List<MetaContext.Status> merge(ReplyStyle style, List<MetaContext.Status> told) {
        long maxBytes = style == ReplyStyle.EXTENDED ? Long.MAX_VALUE : MAX_COMPACT_BYTES;
        List<MetaContext.Status> merged = new ArrayList<>();
        for (MetaContext.Status status : told) {
            long left = status.lengthBytes();
            if (!merged.isEmpty() && merged.getLast().flags() == status.flags()) {
                left += merged.removeLast().lengthBytes();
            }
            while (left > 0) {
                long part = Math.min(left, maxBytes);
                merged.add(new MetaContext.Status(part, status.flags()));
                left -= part;
            }
        }
        return merged;
    }
}
