package io.ashlar.client.nbd;

import io.netty.buffer.ByteBuf;
import io.netty.buffer.ByteBufAllocator;

import java.util.ArrayDeque;
import java.util.Deque;

/** What a connection has received and nobody has looked at yet. Lives on the channel's loop. */
final class Inbox {
    private final Deque<ByteBuf> received = new ArrayDeque<>();
    private boolean closed;

    /** Takes over the caller's ownership. */
    void add(ByteBuf bytes) {
        if (closed || !bytes.isReadable()) {
            bytes.release();
        } else {
            received.add(bytes);
        }
    }

    boolean hasBytes() {
        return !received.isEmpty();
    }

    /** Copies up to so many bytes. */
    void moveTo(ByteBuf target, int maxBytes) {
        int left = maxBytes;
        while (left > 0 && !received.isEmpty()) {
            ByteBuf first = received.peek();
            int count = Math.min(left, first.readableBytes());
            target.writeBytes(first, count);
            left -= count;
            dropIfEmpty(first);
        }
    }

    /** Forgets up to so many bytes, and says how many. */
    long skip(long maxBytes) {
        long left = maxBytes;
        while (left > 0 && !received.isEmpty()) {
            ByteBuf first = received.peek();
            int count = (int) Math.min(left, first.readableBytes());
            first.skipBytes(count);
            left -= count;
            dropIfEmpty(first);
        }
        return maxBytes - left;
    }

    private void dropIfEmpty(ByteBuf first) {
        if (!first.isReadable()) {
            received.remove();
            first.release();
        }
    }

    /** All that is there as one buffer, the caller's to release. */
    ByteBuf takeAll(ByteBufAllocator allocator) {
        int bytes = received.stream().mapToInt(ByteBuf::readableBytes).sum();
        ByteBuf all = allocator.buffer(bytes);
        moveTo(all, bytes);
        return all;
    }

    /** Whatever comes from now on is dropped. */
    void close() {
        closed = true;
        received.forEach(ByteBuf::release);
        received.clear();
    }
}
