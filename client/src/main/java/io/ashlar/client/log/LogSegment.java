package io.ashlar.client.log;

import io.ashlar.client.AshlarException;
import io.ashlar.client.model.Address;
import io.ashlar.client.model.DriveId;
import io.ashlar.client.model.Policy;
import io.ashlar.client.model.SegmentId;
import io.ashlar.client.protocol.Placement;
import io.ashlar.client.protocol.Segment;
import io.ashlar.client.protocol.SegmentState;
import io.ashlar.client.protocol.ShardRef;
import io.ashlar.ec.ReedSolomon;

import java.util.ArrayList;
import java.util.List;
import java.util.Optional;

/** A segment as its volume's client knows it. Lives on the volume's loop. */
public final class LogSegment {
    private final SegmentId id;
    private final long sequence;
    private final long epoch;
    private final Policy policy;
    private final ReedSolomon code;
    private final long shardBytes;
    private final boolean weaker;
    private SegmentState state;
    private long sealedBytes;
    private long stripeCount;
    private List<Shard> shards;

    private LogSegment(Segment segment, Policy policy) throws AshlarException {
        this.id = SegmentId.of(segment.getId());
        this.sequence = segment.getSequence();
        this.epoch = segment.getEpoch();
        this.policy = policy;
        this.code = ReedSolomon.of(policy.k(), policy.m());
        this.shardBytes = segment.getShardBytes();
        this.weaker = segment.getWeaker();
        this.state = segment.getState();
        this.sealedBytes = segment.getSealedBytes();
        this.stripeCount = segment.getStripeCount();
        this.shards = shards(segment, policy);
    }

    /**
     * A shard's place.
     *
     * @param address where its node was last known to listen; empty if it never registered
     */
    public record Shard(ShardRef ref, String node, Optional<Address> address, int cells) {
        DriveId drive() {
            return DriveId.of(ref.getDrive());
        }
    }

    public static LogSegment of(Segment segment) throws AshlarException {
        return new LogSegment(segment, Policy.parse(segment.getPolicy()));
    }

    private static List<Shard> shards(Segment segment, Policy policy) throws AshlarException {
        if (segment.getPlacementsCount() != policy.n()) {
            throw new AshlarException.Incompatible("segment " + SegmentId.of(segment.getId())
                    + " has " + segment.getPlacementsCount() + " placements, its policy " + policy);
        }
        List<Shard> shards = new ArrayList<>(policy.n());
        for (Placement placement : segment.getPlacementsList()) {
            Optional<Address> address = placement.getAddress().isEmpty()
                    ? Optional.empty()
                    : Optional.of(Address.parse(placement.getAddress()));
            shards.add(new Shard(
                    placement.getShard(), placement.getNode(), address, placement.getCells()));
        }
        return List.copyOf(shards);
    }

    /** Learns where the shards are now. */
    public void moveTo(Segment segment) throws AshlarException {
        if (!SegmentId.of(segment.getId()).equals(id)) {
            throw new IllegalStateException("segment " + id + " told of another's placement");
        }
        shards = shards(segment, policy);
    }

    public void sealed(long bytes, long stripes) {
        state = SegmentState.SEALED;
        sealedBytes = bytes;
        stripeCount = stripes;
    }

    public SegmentId id() {
        return id;
    }

    /** Its place in the volume's log. */
    public long sequence() {
        return sequence;
    }

    /** Of the writer that created it. */
    public long epoch() {
        return epoch;
    }

    public Policy policy() {
        return policy;
    }

    public ReedSolomon code() {
        return code;
    }

    /** Bytes of records that each shard can take. */
    public long shardBytes() {
        return shardBytes;
    }

    /** Whether some failure domain held more than one of its shards when it was made. */
    boolean isWeaker() {
        return weaker;
    }

    public boolean isSealed() {
        return state == SegmentState.SEALED;
    }

    public long sealedBytes() {
        return sealedBytes;
    }

    public long stripeCount() {
        return stripeCount;
    }

    public List<Shard> shards() {
        return shards;
    }

    @Override
    public String toString() {
        return "segment " + id;
    }
}
