package io.ashlar.client.nbd;

import io.ashlar.client.VolumeExtent;
import io.netty.buffer.ByteBuf;
import io.netty.channel.Channel;

import org.jspecify.annotations.Nullable;

import java.nio.ByteBuffer;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import java.util.function.BiConsumer;
import java.util.function.Supplier;

/**
 * Has an export do what a client asks for, and hands the outcome to the {@link Answers}. Lives on the
 * channel's loop; the export may complete on any thread.
 */
final class Commands {
    /** Shorter reads are answered in one piece, whatever they consist of. */
    private static final int MIN_SPARSE_BYTES = 32 << 10;

    /** What a read consists of more parts than is answered in one piece, too. */
    private static final int MAX_READ_PARTS = 64;

    private final Channel channel;
    private final Negotiated negotiated;
    private final NbdExport export;
    private final ReplyStyle style;
    private final Answers answers;

    Commands(Channel channel, Negotiated negotiated, Answers answers) {
        this.channel = channel;
        this.negotiated = negotiated;
        this.export = negotiated.export();
        this.style = negotiated.style();
        this.answers = answers;
    }

    /**
     * Carries out a command without data, which {@link NbdRequest#refusal} has nothing against.
     *
     * <p>NO_HOLE makes no difference: in a log every write takes room of its own, so zeroes that are
     * stored would not reserve any.
     */
    void carryOut(NbdRequest next) {
        try {
            begin(next);
        } catch (RuntimeException | Error e) {
            answers.ended(next, e);
        }
    }

    private void begin(NbdRequest next) {
        switch (next.command()) {
            case NbdFormat.CMD_READ -> read(next);
            case NbdFormat.CMD_WRITE -> answers.done(next); // of no bytes
            case NbdFormat.CMD_FLUSH -> done(next, export.flush());
            case NbdFormat.CMD_TRIM -> done(next, export.trim(next.offset(), next.length()));
            case NbdFormat.CMD_WRITE_ZEROES ->
                done(next, export.zero(next.offset(), next.length()));
            case NbdFormat.CMD_CACHE -> cache(next);
            case NbdFormat.CMD_BLOCK_STATUS -> status(next, negotiated.contexts());
            default -> throw new IllegalStateException("command " + next.command());
        }
    }

    void write(NbdRequest next, ByteBuf blocks) {
        int length = (int) next.length();
        CompletableFuture<Void> written = attempt(
                () -> export.write(next.offset(), length, blocks.nioBuffer(0, blocks.capacity())));
        whenDone(written, (ignored, failure) -> {
            blocks.release();
            answers.ended(next, failure);
        });
    }

    private void done(NbdRequest next, CompletableFuture<Void> work) {
        whenDone(work, (ignored, failure) -> answers.ended(next, failure));
    }

    /** Brings what the map says of the range into memory. */
    private void cache(NbdRequest next) {
        long length = Math.min(next.length(), BlockStatus.MAX_LENGTH_BYTES);
        CompletableFuture<List<VolumeExtent>> extents =
                attempt(() -> export.extents(next.offset(), length, BlockStatus.MAX_EXTENTS));
        whenDone(extents, (ignored, failure) -> answers.ended(next, failure));
    }

    private void read(NbdRequest next) {
        int length = (int) next.length();
        boolean whole = style == ReplyStyle.SIMPLE
                || next.has(NbdFormat.CMD_FLAG_DF)
                || length < MIN_SPARSE_BYTES;
        if (length == 0) {
            answers.done(next);
        } else if (whole) {
            readRanges(next, List.of(new Range(next.offset(), length, false)));
        } else {
            CompletableFuture<List<VolumeExtent>> extents =
                    export.extents(next.offset(), length, MAX_READ_PARTS);
            whenDone(extents, (found, failure) -> {
                if (failure == null) {
                    readRanges(next, rangesOf(next, found));
                } else {
                    answers.ended(next, failure);
                }
            });
        }
    }

    /** A part of a read, which is a hole or not. */
    private record Range(long offset, int lengthBytes, boolean isHole) {}

    /**
     * A piece of a reply.
     *
     * @param data null for a hole
     */
    private record Part(
            long offset, int lengthBytes, @Nullable ByteBuf data) {}

    private static List<Range> rangesOf(NbdRequest next, List<VolumeExtent> extents) {
        List<Range> ranges = new ArrayList<>();
        long dataFrom = next.offset();
        long end = next.offset() + next.length();
        for (VolumeExtent extent : extents) {
            if (extent.content() == VolumeExtent.Content.ZERO) {
                if (dataFrom < extent.offset()) {
                    ranges.add(new Range(dataFrom, (int) (extent.offset() - dataFrom), false));
                }
                ranges.add(new Range(extent.offset(), (int) extent.lengthBytes(), true));
                dataFrom = extent.endOffset();
            }
        }
        if (dataFrom < end) {
            ranges.add(new Range(dataFrom, (int) (end - dataFrom), false));
        }
        return ranges;
    }

    private void readRanges(NbdRequest next, List<Range> ranges) {
        List<Part> parts = new ArrayList<>();
        try {
            for (Range range : ranges) {
                int size = style.dataHeaderBytes() + range.lengthBytes;
                parts.add(new Part(
                        range.offset,
                        range.lengthBytes,
                        range.isHole ? null : channel.alloc().directBuffer(size, size)));
            }
        } catch (RuntimeException | Error e) {
            release(parts);
            answers.ended(next, e);
            return;
        }
        List<CompletableFuture<Void>> reads = new ArrayList<>();
        for (Part part : parts) {
            if (part.data != null) {
                ByteBuffer target = part.data.nioBuffer(style.dataHeaderBytes(), part.lengthBytes);
                reads.add(attempt(() -> export.read(part.offset, target)));
            }
        }
        CompletableFuture<Void> all = reads.size() == 1
                ? reads.getFirst()
                : CompletableFuture.allOf(reads.toArray(CompletableFuture[]::new));
        whenDone(all, (ignored, failure) -> {
            if (failure == null && channel.isActive()) {
                answerParts(next, parts);
            } else {
                release(parts);
                answers.ended(next, failure);
            }
        });
    }

    private static void release(List<Part> parts) {
        for (Part part : parts) {
            if (part.data != null) {
                part.data.release();
            }
        }
    }

    /** What fails at once fails as what fails later does. */
    private static <T> CompletableFuture<T> attempt(Supplier<CompletableFuture<T>> work) {
        try {
            return work.get();
        } catch (RuntimeException | Error e) {
            return CompletableFuture.failedFuture(e);
        }
    }

    private void answerParts(NbdRequest next, List<Part> parts) {
        for (int i = 0; i < parts.size(); i++) {
            Part part = parts.get(i);
            boolean last = i == parts.size() - 1;
            ByteBuf reply = part.data;
            if (reply == null) {
                reply = channel.alloc().buffer();
                style.writeChunk(
                        reply, next, last, NbdFormat.CHUNK_OFFSET_HOLE, Long.BYTES + Integer.BYTES);
                reply.writeLong(part.offset).writeInt(part.lengthBytes);
            } else {
                style.writeDataHeader(reply, next, last, part.offset, part.lengthBytes);
                reply.writerIndex(reply.capacity());
            }
            if (last) {
                answers.sendLast(next.memoryBytes(), reply);
            } else {
                answers.sendPart(reply);
            }
        }
    }

    /** The payload names the range's length and the contexts. */
    void statusOfSome(NbdRequest next, ByteBuf payload) {
        long length = payload.readableBytes() < Long.BYTES ? 0 : payload.readLong();
        List<Integer> ids = new ArrayList<>();
        while (payload.readableBytes() >= Integer.BYTES) {
            ids.add(payload.readInt());
        }
        boolean odd = payload.isReadable();
        payload.release();
        List<MetaContext> wanted = negotiated.contexts().stream()
                .filter(one -> ids.contains(one.id()))
                .toList();
        NbdRequest ranged =
                new NbdRequest(next.flags(), next.command(), next.cookie(), next.offset(), length);
        boolean right = !odd
                && !wanted.isEmpty()
                && wanted.size() == ids.size()
                && length != 0
                && ranged.isWithin(export.sizeBytes());
        if (right) {
            status(ranged, wanted);
        } else {
            NbdRequest.Refusal refusal = new NbdRequest.Refusal(
                    NbdError.INVAL, "the payload names no range or no contexts of this export");
            answers.refused(next, next.memoryBytes(), refusal);
        }
    }

    private void status(NbdRequest next, List<MetaContext> contexts) {
        long length = Math.min(next.length(), BlockStatus.MAX_LENGTH_BYTES);
        CompletableFuture<List<List<MetaContext.Status>>> told =
                CompletableFuture.completedFuture(List.of());
        for (MetaContext context : contexts) {
            told = told.thenCompose(
                    before -> attempt(() -> context.ask(export, next.offset(), length))
                            .thenApply(one -> with(before, one)));
        }
        whenDone(told, (statuses, failure) -> {
            if (failure == null) {
                answers.send(
                        next.memoryBytes(),
                        reply -> BlockStatus.write(reply, style, next, contexts, statuses));
            } else {
                answers.ended(next, failure);
            }
        });
    }

    private static <T> List<T> with(List<T> some, T another) {
        List<T> all = new ArrayList<>(some);
        all.add(another);
        return all;
    }

    /** Hears on the channel's loop of what the export has done. */
    private <T> void whenDone(CompletableFuture<T> work, BiConsumer<T, @Nullable Throwable> then) {
        var _ = work.whenComplete((result, failure) -> {
            if (channel.eventLoop().inEventLoop()) {
                then.accept(result, failure);
            } else {
                channel.eventLoop().execute(() -> then.accept(result, failure));
            }
        });
    }
}
