package io.ashlar.client.log;

import io.ashlar.client.cluster.Cluster;
import io.ashlar.client.model.DriveId;
import io.ashlar.client.model.Stripe;
import io.ashlar.client.protocol.SlowDrive;

import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

import java.util.List;
import java.util.Set;
import java.util.concurrent.CompletableFuture;

/**
 * Lets the log go on elsewhere where a participant answers, but slowly, and another drive can take
 * its place without making the segment weaker (INV-5). Nothing fails by that: the segment takes no
 * more stripes, and is sealed, as a full one is, once all of its stripes are acknowledged. Where no
 * other drive can, it stays, and asks again later and later. Lives on the volume's loop.
 */
final class SlowParticipants {
    private static final Logger LOG = LoggerFactory.getLogger(SlowParticipants.class);
    private static final long NANOS_PER_MICRO = 1_000;

    /** Between two attempts; doubled by each that follows soon. */
    private static final long FIRST_PAUSE_NANOS = 5_000_000_000L;

    private static final long MAX_PAUSE_NANOS = 320_000_000_000L;

    private final Cluster cluster;
    private final WriterIdentity writer;
    private final OpenSegments segments;
    private final DrivePace pace;
    private long pauseNanos = FIRST_PAUSE_NANOS;
    private long triedNanos;
    private boolean tried;

    SlowParticipants(
            Cluster cluster, WriterIdentity writer, OpenSegments segments, DrivePace pace) {
        this.cluster = cluster;
        this.writer = writer;
        this.segments = segments;
        this.pace = pace;
    }

    /**
     * All participants of a stripe have answered.
     *
     * @param nanos what each took
     */
    void stripeAnswered(OpenSegment segment, Stripe stripe, long[] nanos) {
        DriveId[] drives = new DriveId[nanos.length];
        for (int i = 0; i < nanos.length; i++) {
            drives[i] = segment.segment().shard(stripe.shardOfParticipant(i)).drive();
        }
        pace.stripeAnswered(drives, nanos, now());
    }

    /** It did not answer within the hang bound, and failed by that. */
    void silent(LogSegment.Shard shard) {
        pace.silent(shard.drive(), cluster.config().hangBound().toNanos(), now());
    }

    /** Whether to try to go on elsewhere now. */
    boolean isTimeToLeave() {
        Set<DriveId> slow = pace.slow(now()).keySet();
        return !slow.isEmpty()
                && segments.endsOn(slow)
                && !segments.isCreating()
                && (!tried || now() - triedNanos >= pauseNanos);
    }

    /** Tries; fails where the log has to stay where it is. */
    CompletableFuture<Void> leave() {
        long now = now();
        boolean isSoon = tried && now - triedNanos < 2 * pauseNanos;
        pauseNanos = isSoon ? Math.min(2 * pauseNanos, MAX_PAUSE_NANOS) : FIRST_PAUSE_NANOS;
        tried = true;
        triedNanos = now;
        Set<DriveId> slow = pace.slow(now).keySet();
        LOG.warn("event=slow-participants volume={} drives={}", writer.name(), pace.slow(now));
        return segments.leaveLast(slow);
    }

    /** What the coordinator is told. */
    List<SlowDrive> found() {
        return pace.slow(now()).entrySet().stream()
                .map(slow -> SlowDrive.newBuilder()
                        .setDrive(slow.getKey().toProto())
                        .setAppendMicros(slow.getValue().appendNanos() / NANOS_PER_MICRO)
                        .setOthersMicros(slow.getValue().othersNanos() / NANOS_PER_MICRO)
                        .setSilent(slow.getValue().silent())
                        .build())
                .toList();
    }

    private long now() {
        return cluster.loop().nanoTime();
    }
}
