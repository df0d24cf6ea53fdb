package io.ashlar.node;

import io.ashlar.client.AshlarException;
import io.ashlar.client.protocol.CompareShards;
import io.ashlar.client.protocol.OrderResult;
import io.ashlar.client.protocol.ScrubDrives;
import io.ashlar.client.transport.Loop;
import io.ashlar.client.transport.Transport;

import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

import java.util.ArrayDeque;
import java.util.Queue;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.atomic.AtomicLong;

/**
 * Reads the node's shards again, every cell of every role, and reports what is damaged or missing;
 * for a deep scrub it compares segments' shards with each other as well. One scrub runs at a time, within a rate that leaves the drives to their users: it reads a slice,
 * then waits until the slice's time is over. Lives on the node's loop.
 */
final class Scrubber {
    private static final Logger log = LoggerFactory.getLogger(Scrubber.class);
    private static final double NANOS_PER_SECOND = 1e9;

    private final Loop loop;
    private final Drives drives;
    private final DamageLog damage;
    private final long bytesPerSecond;
    private final Queue<Runnable> waiting = new ArrayDeque<>();
    private final AtomicLong scrubbedBytes = new AtomicLong();
    private boolean running;
    private boolean stopped;

    Scrubber(Loop loop, Drives drives, DamageLog damage, long bytesPerSecond) {
        this.loop = loop;
        this.drives = drives;
        this.damage = damage;
        this.bytesPerSecond = bytesPerSecond;
    }

    /** Bytes read since the running scrub began; of the last one, while none runs. */
    long scrubbedBytes() {
        return scrubbedBytes.get();
    }

    /** Scrubs what is ordered, after what was ordered before. */
    void scrub(ScrubDrives order, Completion<OrderResult> completion) {
        waiting.add(() -> {
            log.info("scrub={} state=running", order.getScrub());
            scrubbedBytes.set(0);
            new Run(order, completion).nextDrive();
        });
        startNext();
    }

    /** Compares the shards of a segment, after what was ordered before. */
    void compare(CompareShards order, Transport transport, Completion<OrderResult> completion) {
        waiting.add(() -> {
            CompletableFuture<?> _ = SegmentComparison.start(
                            loop, transport, order, damage, () -> stopped, bytesPerSecond)
                    .whenComplete((result, failure) -> {
                        running = false;
                        if (failure == null) {
                            completion.done(result);
                        } else {
                            completion.failed(causeOf(failure));
                        }
                        startNext();
                    });
        });
        startNext();
    }

    private static AshlarException causeOf(Throwable failure) {
        try {
            return AshlarException.in(failure);
        } catch (IllegalStateException bug) {
            log.error("a comparison of shards ended by a bug", bug);
            return new AshlarException.Unavailable("the comparison ended by a bug: " + bug, bug);
        }
    }

    private void startNext() {
        if (!running && !stopped && !waiting.isEmpty()) {
            running = true;
            waiting.remove().run();
        }
    }

    /** Starts no further slice. May be called from any thread. */
    void stop() {
        loop.execute(() -> stopped = true);
    }

    /** One scrub: drive after drive, shard after shard, slice after slice. */
    private final class Run {
        private final Completion<OrderResult> completion;
        private final ScrubDrives order;
        private final Queue<Drive> drivesLeft = new ArrayDeque<>(drives.all());
        private final OrderResult.Builder result = OrderResult.newBuilder();

        Run(ScrubDrives order, Completion<OrderResult> completion) {
            this.order = order;
            this.completion = completion;
        }

        void nextDrive() {
            Drive drive = drivesLeft.poll();
            if (drive == null) {
                log.info(
                        "scrub={} state=done cells={} damaged={} unreadableShards={}",
                        order.getScrub(),
                        result.getCellsChecked(),
                        result.getDamagedCells(),
                        result.getUnreadable());
                running = false;
                completion.done(result.build());
                startNext();
                return;
            }
            drive.scrub(order.getSegmentsList(), damage, new Completion<>() {
                @Override
                public void done(DriveScrub scrub) {
                    loop.execute(() -> nextSlice(scrub));
                }

                @Override
                public void failed(AshlarException cause) {
                    loop.execute(() -> {
                        log.warn(
                                "scrub={} drive={} cannot be read: {}",
                                order.getScrub(),
                                drive.path(),
                                cause.getMessage());
                        int shards = drive.shardStates().size();
                        result.setUnreadable(result.getUnreadable() + shards);
                        nextDrive();
                    });
                }
            });
        }

        private void nextSlice(DriveScrub scrub) {
            if (stopped) {
                scrub.abandon();
                return;
            }
            scrub.slice(bytesRead -> loop.execute(() -> afterSlice(scrub, bytesRead)));
        }

        private void afterSlice(DriveScrub scrub, long bytesRead) {
            scrubbedBytes.addAndGet(bytesRead);
            if (scrub.isDone()) {
                scrub.addTo(result);
                nextDrive();
                return;
            }
            long nanos = (long) (bytesRead * NANOS_PER_SECOND / bytesPerSecond);
            loop.schedule(nanos, () -> nextSlice(scrub));
        }
    }
}
