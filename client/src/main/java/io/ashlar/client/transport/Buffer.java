package io.ashlar.client.transport;

import io.netty.buffer.ByteBuf;
import io.netty.buffer.PooledByteBufAllocator;
import io.netty.util.internal.PlatformDependent;

import java.lang.foreign.MemorySegment;

/**
 * Off-heap bytes with a count of owners. Whoever allocates or receives a buffer owns it once; a
 * method that keeps a borrowed buffer beyond its return calls {@link #retain()}; every owner calls
 * {@link #release()} once. The bytes of a buffer that was handed to a transport must not change
 * until the transport has released it.
 */
public final class Buffer {
    private final ByteBuf bytes;
    private final MemorySegment segment;

    private Buffer(ByteBuf bytes) {
        this.bytes = bytes;
        this.segment = bytes.isReadable()
                ? MemorySegment.ofBuffer(
                        bytes.nioBuffer(bytes.readerIndex(), bytes.readableBytes()))
                : MemorySegment.NULL;
    }

    /** A buffer of exactly this many bytes, whatever was in them before. */
    public static Buffer allocate(int sizeBytes) {
        ByteBuf bytes = PooledByteBufAllocator.DEFAULT.directBuffer(sizeBytes, sizeBytes);
        return new Buffer(bytes.writerIndex(sizeBytes));
    }

    /** What all buffers of this process may take together; more is refused by an error. */
    public static long maxMemoryBytes() {
        return PlatformDependent.maxDirectMemory();
    }

    /** A buffer of no bytes. */
    public static Buffer empty() {
        return allocate(0);
    }

    /** Takes over the caller's ownership of the readable bytes. */
    static Buffer owning(ByteBuf bytes) {
        return new Buffer(bytes);
    }

    /** The readable bytes, still owned by this buffer. */
    ByteBuf bytes() {
        return bytes;
    }

    /**
     * The same for a channel to write and release, which moves the indices of what it has written a
     * part of: another channel may be writing the same bytes.
     */
    ByteBuf toWrite() {
        return bytes.duplicate();
    }

    /** The memory, valid until the last owner releases it. */
    public MemorySegment segment() {
        return segment;
    }

    public int sizeBytes() {
        return bytes.readableBytes();
    }

    public Buffer retain() {
        bytes.retain();
        return this;
    }

    public void release() {
        bytes.release();
    }

    /** A part of this buffer that is owned, and released, on its own. */
    public Buffer slice(int offset, int sizeBytes) {
        return new Buffer(bytes.retainedSlice(bytes.readerIndex() + offset, sizeBytes));
    }
}
