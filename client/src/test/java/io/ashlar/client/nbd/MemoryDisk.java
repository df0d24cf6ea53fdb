package io.ashlar.client.nbd;

import io.ashlar.client.AshlarException;
import io.ashlar.client.HealthExtent;
import io.ashlar.client.HealthExtent.Health;
import io.ashlar.client.VolumeExtent;

import org.jspecify.annotations.Nullable;

import java.nio.ByteBuffer;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Deque;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import java.util.stream.Stream;

/** A disk in memory, which does what it is asked at once, when it is told to, or not at all. */
final class MemoryDisk implements NbdExport {
    final byte[] bytes;
    private final String name;
    private final boolean readOnly;
    private final Deque<Runnable> held = new ArrayDeque<>();
    private boolean holding;
    private @Nullable AshlarException failure;

    MemoryDisk(String name, int sizeBytes, boolean readOnly) {
        this.name = name;
        this.bytes = new byte[sizeBytes];
        this.readOnly = readOnly;
    }

    /** Nothing is done any more until it is released. */
    void hold() {
        holding = true;
    }

    int heldCount() {
        return held.size();
    }

    /** Does what was held longest. */
    void releaseOne() {
        held.remove().run();
    }

    void release() {
        holding = false;
        while (!held.isEmpty()) {
            releaseOne();
        }
    }

    /** Whatever it is asked from now on fails so. */
    void fail(AshlarException cause) {
        failure = cause;
    }

    private <T> CompletableFuture<T> later(java.util.function.Supplier<T> action) {
        CompletableFuture<T> done = new CompletableFuture<>();
        AshlarException cause = failure;
        Runnable work = () -> {
            if (cause == null) {
                done.complete(action.get());
            } else {
                done.completeExceptionally(cause);
            }
        };
        if (holding) {
            held.add(work);
        } else {
            work.run();
        }
        return done;
    }

    private CompletableFuture<Void> doLater(Runnable action) {
        return this.<Boolean>later(() -> {
                    action.run();
                    return true;
                })
                .thenAccept(ignored -> {});
    }

    @Override
    public String name() {
        return name;
    }

    @Override
    public long sizeBytes() {
        return bytes.length;
    }

    @Override
    public boolean isReadOnly() {
        return readOnly;
    }

    @Override
    public CompletableFuture<Void> read(long offset, ByteBuffer target) {
        return doLater(
                () -> target.put(target.position(), bytes, (int) offset, target.remaining()));
    }

    @Override
    public CompletableFuture<Void> write(long offset, int lengthBytes, ByteBuffer blocks) {
        int at = blocks.position() + (int) (offset % BLOCK_BYTES);
        return doLater(() -> blocks.get(at, bytes, (int) offset, lengthBytes));
    }

    @Override
    public CompletableFuture<Void> zero(long offset, long lengthBytes) {
        return doLater(
                () -> Arrays.fill(bytes, (int) offset, (int) (offset + lengthBytes), (byte) 0));
    }

    @Override
    public CompletableFuture<Void> trim(long offset, long lengthBytes) {
        return zero(offset, lengthBytes);
    }

    @Override
    public CompletableFuture<Void> flush() {
        return doLater(() -> {});
    }

    @Override
    public CompletableFuture<List<VolumeExtent>> extents(
            long offset, long lengthBytes, int maxExtents) {
        return later(() -> {
            List<VolumeExtent> extents = new ArrayList<>();
            long at = offset;
            long end = offset + lengthBytes;
            while (at < end && extents.size() < maxExtents) {
                long next = Math.min(end, at - at % BLOCK_BYTES + BLOCK_BYTES);
                extents.add(new VolumeExtent(
                        at,
                        next - at,
                        isZero(at, next)
                                ? VolumeExtent.Content.ZERO
                                : VolumeExtent.Content.STORED));
                at = next;
            }
            return extents;
        });
    }

    /** What is in its first block alone is degraded. */
    @Override
    public CompletableFuture<List<HealthExtent>> health(
            long offset, long lengthBytes, int maxExtents) {
        return later(() -> {
            long end = offset + lengthBytes;
            long degraded = Math.max(offset, Math.min(end, BLOCK_BYTES));
            return Stream.of(
                            new HealthExtent(offset, degraded - offset, Health.DEGRADED),
                            new HealthExtent(degraded, end - degraded, Health.WHOLE))
                    .filter(extent -> extent.lengthBytes() > 0)
                    .limit(maxExtents)
                    .toList();
        });
    }

    private boolean isZero(long from, long to) {
        for (long i = from; i < to; i++) {
            if (bytes[(int) i] != 0) {
                return false;
            }
        }
        return true;
    }
}
