package io.ashlar.client.log;

import io.ashlar.client.model.DriveId;
import io.ashlar.client.model.LogPosition;
import io.ashlar.client.model.SegmentId;
import io.ashlar.client.model.Stripe;
import io.ashlar.client.model.VolumeId;
import io.ashlar.client.protocol.SegmentSeal;
import io.ashlar.client.protocol.ShardSeal;
import io.ashlar.client.stripe.EncodedStripe;

import java.util.Set;

/**
 * A segment that this writer appends to: how far stripes were placed in it, and how far they are
 * acknowledged. Lives on the volume's loop.
 */
final class OpenSegment {
    private final LogSegment segment;
    private long placedBytes;
    private long placedStripes;
    private long acknowledgedBytes;
    private long acknowledgedStripes;
    private final int[] acknowledgedCells;
    private SegmentId predecessor = SegmentId.NONE;
    private long predecessorBytes;
    private boolean left;

    OpenSegment(LogSegment segment) {
        this.segment = segment;
        this.acknowledgedCells = new int[segment.policy().n()];
    }

    LogSegment segment() {
        return segment;
    }

    boolean isEmpty() {
        return placedStripes == 0;
    }

    /**
     * Whether a record fits.
     *
     * @param keptBytes that have to remain behind it, if that can be: the first record needs no more
     *     than its own
     */
    boolean hasRoomFor(int recordBytes, int keptBytes) {
        long kept = isEmpty() ? 0 : Math.min(keptBytes, segment.shardBytes() / 4);
        return !left && placedBytes + recordBytes + kept <= segment.shardBytes();
    }

    /** It takes no more stripes, as if it were full. */
    void leave() {
        left = true;
    }

    boolean isLeft() {
        return left;
    }

    /** Whether one of these drives holds a shard of it. */
    boolean isOn(Set<DriveId> drives) {
        return segment.shards().stream().anyMatch(shard -> drives.contains(shard.drive()));
    }

    boolean isMoreThanHalfFull() {
        return placedBytes > segment.shardBytes() / 2;
    }

    /** Whether all that was placed is acknowledged. */
    boolean isSettled() {
        return acknowledgedStripes == placedStripes;
    }

    long placedBytes() {
        return placedBytes;
    }

    LogPosition acknowledged() {
        return new LogPosition(segment.id(), acknowledgedStripes, acknowledgedBytes);
    }

    /** Links it to the log before it; until the first stripe only. */
    void follow(SegmentId previous, long previousBytes) {
        if (!isEmpty()) {
            throw new IllegalStateException(segment + " holds stripes and cannot be linked anew");
        }
        predecessor = previous;
        predecessorBytes = previousBytes;
    }

    SegmentId predecessor() {
        return predecessor;
    }

    long predecessorBytes() {
        return predecessorBytes;
    }

    /** Gives a stripe the next place. */
    Stripe place(
            VolumeId volume, EncodedStripe encoded, LogPosition acknowledged, long wallMillis) {
        Stripe stripe = encoded.at(
                new Stripe.Identity(
                        volume, segment.id(), placedStripes, placedBytes, segment.epoch()),
                new Stripe.Links(predecessor, predecessorBytes, acknowledged, wallMillis));
        placedStripes++;
        placedBytes = stripe.endOffset();
        return stripe;
    }

    /** All participants of the next stripe have it durably. */
    void acknowledge(Stripe stripe) {
        if (stripe.identity().number() != acknowledgedStripes) {
            throw new IllegalStateException(stripe + " acknowledged out of order");
        }
        acknowledgedStripes++;
        acknowledgedBytes = stripe.endOffset();
        for (int i = 0; i < stripe.geometry().participants(); i++) {
            acknowledgedCells[stripe.shardOfParticipant(i)]++;
        }
    }

    /**
     * Seals at what is acknowledged. Every shard is proved complete: an acknowledged stripe is
     * durable on all its participants (INV-4).
     */
    SegmentSeal seal() {
        SegmentSeal.Builder seal = SegmentSeal.newBuilder()
                .setSegment(segment.id().toProto())
                .setSealedBytes(acknowledgedBytes)
                .setStripeCount(acknowledgedStripes);
        for (int cells : acknowledgedCells) {
            seal.addShards(ShardSeal.newBuilder().setCells(cells).setComplete(true));
        }
        return seal.build();
    }

    @Override
    public String toString() {
        return segment.toString();
    }
}
