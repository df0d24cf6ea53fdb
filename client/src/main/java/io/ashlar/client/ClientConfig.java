package io.ashlar.client;

import io.ashlar.client.map.MapLimits;

import java.time.Duration;

/**
 * How a client behaves.
 *
 * @param hangBound a participant that does not answer an append, or is not heard of while it makes a
 *     shard, for so long has failed
 * @param readTimeout the same for a read of a cell
 * @param readPatience how long a read waits for nodes to come back where too few of a stripe's
 *     cells can be reached
 * @param recoveryTimeout the same for what a takeover asks of a node
 * @param coordinatorTimeout how long a call to the coordinator is retried
 * @param leaseRenewal between renewals of a writer's lease
 * @param windowStripes stripes in flight at most
 * @param stripeBytes user bytes in a stripe at most, a multiple of 4096
 * @param maxWaitingBytes bytes of writes waiting at most; more are held back
 * @param maxTailStripes stripes after which the map is saved, so that opening the volume after a
 *     crash replays about so many
 * @param mapLimits what memory the map of a volume may take
 * @param firstShardBytes size of the shards of a volume's first segment; the next ones grow with
 *     what is written
 * @param maxShardBytes size of shards at most
 */
public record ClientConfig(
        Duration hangBound,
        Duration readTimeout,
        Duration readPatience,
        Duration recoveryTimeout,
        Duration coordinatorTimeout,
        Duration leaseRenewal,
        int windowStripes,
        int stripeBytes,
        long maxWaitingBytes,
        long maxTailStripes,
        MapLimits mapLimits,
        long firstShardBytes,
        long maxShardBytes) {

    public static final ClientConfig DEFAULT = new ClientConfig(
            Duration.ofSeconds(1),
            Duration.ofSeconds(5),
            Duration.ofSeconds(15),
            Duration.ofSeconds(10),
            Duration.ofSeconds(15),
            Duration.ofSeconds(1),
            8,
            1 << 20,
            64L << 20,
            10_000,
            MapLimits.DEFAULT,
            4L << 20,
            64L << 20);

    public ClientConfig {
        if (stripeBytes < 4096 || stripeBytes % 4096 != 0 || windowStripes < 1) {
            throw new IllegalArgumentException(
                    "stripes of " + stripeBytes + " bytes, " + windowStripes + " in flight");
        }
    }

    /** The same with reads that wait so long for nodes to come back. */
    public ClientConfig withReadPatience(Duration patience) {
        return with(patience, maxTailStripes);
    }

    /** The same with checkpoints at other distances. */
    public ClientConfig withMaxTailStripes(long stripes) {
        return with(readPatience, stripes);
    }

    private ClientConfig with(Duration patience, long tailStripes) {
        return new ClientConfig(
                hangBound,
                readTimeout,
                patience,
                recoveryTimeout,
                coordinatorTimeout,
                leaseRenewal,
                windowStripes,
                stripeBytes,
                maxWaitingBytes,
                tailStripes,
                mapLimits,
                firstShardBytes,
                maxShardBytes);
    }
}
