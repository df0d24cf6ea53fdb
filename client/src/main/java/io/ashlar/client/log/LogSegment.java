package io.ashlar.client.log;

import io.ashlar.client.AshlarException;
import io.ashlar.client.model.Address;
import io.ashlar.client.model.DriveId;
import io.ashlar.client.model.Policy;
import io.ashlar.client.model.SegmentId;
import io.ashlar.client.protocol.LostRange;
import io.ashlar.client.protocol.Placement;
import io.ashlar.client.protocol.Segment;
import io.ashlar.client.protocol.SegmentState;
import io.ashlar.client.protocol.ShardRef;
import io.ashlar.ec.ReedSolomon;

import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.stream.IntStream;

/**
 * A segment as its volume's client knows it. A volume of 1 TiB may have 32,768 of them, so a shard
 * is kept as its incarnation and its place, which segments share ({@link ShardPlaces}). Lives on the
 * volume's loop.
 */
public final class LogSegment {
    private final SegmentId id;
    private final long sequence;
    private final long epoch;
    private final Policy policy;
    private final ReedSolomon code;
    private final long shardBytes;
    private final boolean weaker;
    private final ShardPlaces known;
    private SegmentState state;
    private long sealedBytes;
    private long stripeCount;
    private ShardPlace[] places;
    private long[] incarnations;
    private final List<LostRange> lost;
    private List<Shard> former = List.of();

    private LogSegment(Segment segment, Policy policy, ShardPlaces known) throws AshlarException {
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
        this.known = known;
        this.places = places(segment);
        this.incarnations = incarnations(segment);
        this.lost = List.copyOf(segment.getLostList());
    }

    /** A shard as it is placed now. */
    public record Shard(SegmentId segment, int index, long incarnation, ShardPlace place) {
        public ShardRef ref() {
            return ShardRef.newBuilder()
                    .setSegment(segment.toProto())
                    .setIndex(index)
                    .setIncarnation(incarnation)
                    .setDrive(place.drive().toProto())
                    .build();
        }

        public String node() {
            return place.node();
        }

        /** Where its node was last known to listen; empty if it never registered. */
        public Optional<Address> address() {
            return place.address();
        }

        DriveId drive() {
            return place.drive();
        }
    }

    /**
     * As the coordinator tells of it.
     *
     * @param known the places of the volume's shards, to which those of this one are added
     */
    public static LogSegment of(Segment segment, ShardPlaces known) throws AshlarException {
        return new LogSegment(segment, Policy.parse(segment.getPolicy()), known);
    }

    private ShardPlace[] places(Segment segment) throws AshlarException {
        if (segment.getPlacementsCount() != policy.n()) {
            throw new AshlarException.Incompatible("segment " + SegmentId.of(segment.getId())
                    + " has " + segment.getPlacementsCount() + " placements, its policy " + policy);
        }
        ShardPlace[] told = new ShardPlace[policy.n()];
        for (int i = 0; i < told.length; i++) {
            told[i] = known.of(segment.getPlacements(i));
        }
        return told;
    }

    private static long[] incarnations(Segment segment) {
        return segment.getPlacementsList().stream()
                .mapToLong(placement -> placement.getShard().getIncarnation())
                .toArray();
    }

    /**
     * Learns where the shards are now.
     *
     * @param former where those that lack cells were before
     */
    public void moveTo(Segment segment, List<Placement> former) throws AshlarException {
        if (!SegmentId.of(segment.getId()).equals(id)) {
            throw new IllegalStateException("segment " + id + " told of another's placement");
        }
        List<Shard> before = new ArrayList<>();
        for (Placement placement : former) {
            ShardRef shard = placement.getShard();
            before.add(
                    new Shard(id, shard.getIndex(), shard.getIncarnation(), known.of(placement)));
        }
        places = places(segment);
        incarnations = incarnations(segment);
        this.former = List.copyOf(before);
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

    /**
     * Where a range ends that is lost as its seal says, without anything that tells what it held: the
     * place itself where that is in none.
     */
    long lostUntil(long place) {
        return lost.stream()
                .filter(range -> place >= range.getOffset())
                .mapToLong(range -> range.getOffset() + range.getLengthBytes())
                .filter(end -> end > place)
                .findFirst()
                .orElse(place);
    }

    public List<Shard> shards() {
        return IntStream.range(0, places.length).mapToObj(this::shard).toList();
    }

    /** Where shards that lack cells were before, as it was told last: nobody else may have those. */
    List<Shard> former() {
        return former;
    }

    public Shard shard(int index) {
        return new Shard(id, index, incarnations[index], places[index]);
    }

    @Override
    public String toString() {
        return "segment " + id;
    }
}
