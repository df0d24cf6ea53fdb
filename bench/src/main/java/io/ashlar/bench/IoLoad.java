package io.ashlar.bench;

import io.ashlar.client.AshlarException;
import io.ashlar.client.Volume;

import org.HdrHistogram.Histogram;
import org.jspecify.annotations.Nullable;

import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.time.Duration;
import java.util.BitSet;
import java.util.Random;
import java.util.concurrent.BlockingQueue;
import java.util.concurrent.LinkedBlockingQueue;
import java.util.concurrent.TimeUnit;

/**
 * A fixed number of requests at a time against a volume, from one thread. Every 4 KiB that it writes
 * says where it belongs, and every such block that it reads must say so.
 */
final class IoLoad {
    private static final long SEED = 1;
    private static final int STAMP_EVERY_BYTES = 4096;
    private static final long STAMP = 0x41_53_48_4C_42_45_4E_43L;
    private static final long MAX_VERIFIED_AFTERWARDS = 256L << 20;
    private static final long PATIENCE_SECONDS = 60;

    private final Volume volume;
    private final Pattern pattern;
    private final int blockBytes;
    private final int readPercent;
    private final long blockCount;
    private final Random random = new Random(SEED);
    private final BlockingQueue<Slot> finished = new LinkedBlockingQueue<>();
    private final Histogram nanos = new Histogram(TimeUnit.SECONDS.toNanos(120), 3);
    private final BitSet written = new BitSet();
    private final BitSet busy = new BitSet();
    private final int depth;
    private long next;
    private long requests;
    private long bytesVerified;

    IoLoad(Volume volume, Pattern pattern, int blockBytes, int depth, int readPercent) {
        this.volume = volume;
        this.pattern = pattern;
        this.blockBytes = blockBytes;
        this.depth = depth;
        this.readPercent = readPercent;
        this.blockCount = Math.min(volume.sizeBytes() / blockBytes, Integer.MAX_VALUE);
    }

    /** What the load is like; the names are those of the command line. */
    enum Pattern {
        seqwrite,
        seqread,
        randwrite,
        randread;

        boolean isRandom() {
            return this == randwrite || this == randread;
        }

        boolean isRead() {
            return this == seqread || this == randread;
        }
    }

    record Result(
            double seconds,
            long requests,
            double mibPerSecond,
            double iops,
            long p50Micros,
            long p99Micros,
            long maxMicros,
            long bytesVerified,
            long degradedReads) {}

    /** A request's place, used again and again. */
    private static final class Slot {
        final ByteBuffer bytes;
        int block;
        boolean isRead;
        long startNanos;
        long endNanos;

        @Nullable
        Throwable failure;

        Slot(int blockBytes) {
            bytes = ByteBuffer.allocateDirect(blockBytes).order(ByteOrder.LITTLE_ENDIAN);
            new Random(SEED).ints((long) blockBytes / 4).forEach(bytes::putInt);
        }
    }

    Result run(Duration duration) throws AshlarException, InterruptedException {
        long start = System.nanoTime();
        long end = start + duration.toNanos();
        int inFlight = (int) Math.min(depth, blockCount);
        for (int i = 0; i < inFlight; i++) {
            issue(new Slot(blockBytes));
        }
        while (inFlight > 0) {
            Slot slot = takeFinished();
            complete(slot);
            if (System.nanoTime() < end) {
                issue(slot);
            } else {
                inFlight--;
            }
        }
        volume.flush();
        double seconds = (System.nanoTime() - start) / 1e9;
        verifyWritten();
        return new Result(
                seconds,
                requests,
                requests * (blockBytes / 1048576.0) / seconds,
                requests / seconds,
                nanos.getValueAtPercentile(50) / 1000,
                nanos.getValueAtPercentile(99) / 1000,
                nanos.getMaxValue() / 1000,
                bytesVerified,
                volume.stats().degradedReads());
    }

    private Slot takeFinished() throws AshlarException, InterruptedException {
        Slot slot = finished.poll(PATIENCE_SECONDS, TimeUnit.SECONDS);
        if (slot == null) {
            throw new AshlarException.Unavailable(
                    "no request ended within " + PATIENCE_SECONDS + " s");
        }
        return slot;
    }

    private void issue(Slot slot) {
        slot.block = nextBlock();
        busy.set(slot.block);
        slot.isRead = pattern.isRead() || (pattern.isRandom() && random.nextInt(100) < readPercent);
        long offset = (long) slot.block * blockBytes;
        slot.startNanos = System.nanoTime();
        if (!slot.isRead) {
            stamp(slot, offset);
        }
        var outcome = slot.isRead
                ? volume.readAsync(offset, slot.bytes.clear())
                : volume.writeAsync(offset, slot.bytes.clear());
        var _ = outcome.whenComplete((ignored, failure) -> {
            slot.endNanos = System.nanoTime();
            slot.failure = failure;
            finished.add(slot);
        });
    }

    /** One that no request in flight touches, or its answer could not be checked. */
    private int nextBlock() {
        int block;
        do {
            block = (int) (pattern.isRandom() ? random.nextLong(blockCount) : next++ % blockCount);
        } while (busy.get(block));
        return block;
    }

    private static void stamp(Slot slot, long offset) {
        for (int at = 0; at < slot.bytes.capacity(); at += STAMP_EVERY_BYTES) {
            slot.bytes.putLong(at, STAMP).putLong(at + 8, offset + at);
        }
    }

    private void complete(Slot slot) throws AshlarException {
        busy.clear(slot.block);
        if (slot.failure != null) {
            throw AshlarException.in(slot.failure);
        }
        requests++;
        nanos.recordValue(
                Math.min(slot.endNanos - slot.startNanos, nanos.getHighestTrackableValue()));
        if (slot.isRead) {
            verify(slot.bytes, (long) slot.block * blockBytes, written.get(slot.block));
        } else {
            written.set(slot.block);
        }
    }

    private void verify(ByteBuffer bytes, long offset, boolean mustBeStamped)
            throws AshlarException {
        for (int at = 0; at < blockBytes; at += STAMP_EVERY_BYTES) {
            boolean isStamped = bytes.getLong(at) == STAMP;
            if ((mustBeStamped && !isStamped)
                    || (isStamped && bytes.getLong(at + 8) != offset + at)) {
                throw new AshlarException.Corrupt("byte " + (offset + at) + " of volume "
                        + volume.name() + " holds what was written elsewhere");
            }
            if (isStamped) {
                bytesVerified += STAMP_EVERY_BYTES;
            }
        }
    }

    /** Reads back the first of what was written. */
    private void verifyWritten() throws AshlarException {
        ByteBuffer bytes = ByteBuffer.allocateDirect(blockBytes).order(ByteOrder.LITTLE_ENDIAN);
        long left = MAX_VERIFIED_AFTERWARDS;
        for (int block = written.nextSetBit(0);
                block >= 0 && left > 0;
                block = written.nextSetBit(block + 1)) {
            long offset = (long) block * blockBytes;
            volume.read(offset, bytes.clear());
            verify(bytes, offset, true);
            left -= blockBytes;
        }
    }
}
