package io.ashlar.coordinator.plan;

import io.ashlar.client.AshlarException;
import io.ashlar.client.model.DriveId;
import io.ashlar.client.model.Policy;
import io.ashlar.client.model.SegmentId;
import io.ashlar.client.protocol.Placement;
import io.ashlar.client.protocol.Segment;
import io.ashlar.client.protocol.SegmentState;
import io.ashlar.client.protocol.ShardDamage;
import io.ashlar.client.protocol.ShardRef;
import io.ashlar.client.protocol.UnmadeStripes;
import io.ashlar.coordinator.metadata.MetadataReader;
import io.ashlar.coordinator.plan.ClusterView.Availability;
import io.ashlar.coordinator.record.LossRecord;

import org.jspecify.annotations.Nullable;

import java.util.Collection;
import java.util.Comparator;
import java.util.HashMap;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.NavigableMap;
import java.util.Optional;
import java.util.Set;
import java.util.TreeMap;

/**
 * Which segments are not what they should be, and what each of their shards needs. It looks at
 * recorded losses, at the shards of drives that cannot be had, and at weaker segments; so it costs
 * what is wrong, not what there is.
 */
public final class DamageSurvey {
    private final Map<DriveId, Optional<DriveView>> drives = new HashMap<>();
    private final Map<SegmentId, AffectedSegment> affected = new HashMap<>();
    private final MetadataReader metadata;
    private final ClusterView cluster;

    private DamageSurvey(MetadataReader metadata, ClusterView cluster) {
        this.metadata = metadata;
        this.cluster = cluster;
    }

    /** Looks at the metadata as it is now. */
    public static DamageSurvey take(MetadataReader metadata, ClusterView cluster) {
        DamageSurvey survey = new DamageSurvey(metadata, cluster);
        for (LossRecord loss : metadata.losses()) {
            survey.addLoss(loss);
        }
        for (DriveId drive : cluster.unavailableDrives()) {
            survey.addUnavailable(drive);
        }
        for (SegmentId id : metadata.weakerSegments()) {
            survey.addWeaker(id);
        }
        return survey;
    }

    /** In the order in which they are repaired: fewest survivable losses first, then oldest. */
    public List<AffectedSegment> inOrder() {
        return affected.values().stream()
                .sorted(Comparator.comparingInt(AffectedSegment::survivableLosses)
                        .thenComparingLong(AffectedSegment::sinceMillis)
                        .thenComparing(AffectedSegment::id))
                .toList();
    }

    public Collection<AffectedSegment> segments() {
        return affected.values();
    }

    public @Nullable AffectedSegment segment(SegmentId id) {
        return affected.get(id);
    }

    /** What a shard needs, if anything. */
    public @Nullable ShardNeed need(SegmentId id, int index) {
        AffectedSegment segment = affected.get(id);
        if (segment == null) {
            return null;
        }
        ShardNeed spread = segment.spread();
        return spread != null && spread.shard().getIndex() == index
                ? spread
                : segment.needs().get(index);
    }

    /** Whether this shard needs anything. */
    public boolean needs(ShardSlot slot) {
        return need(slot.segment(), slot.index()) != null;
    }

    /** Takes out a segment that has changed since. */
    public void forget(SegmentId id) {
        affected.remove(id);
    }

    private void addLoss(LossRecord loss) {
        ShardRef shard = loss.getShard();
        AffectedSegment segment = affected(SegmentId.of(shard.getSegment()));
        if (segment == null) {
            return;
        }
        DriveId drive = DriveId.of(shard.getDrive());
        boolean missing = loss.getKind() == ShardDamage.Kind.MISSING_SHARD;
        Remedy remedy = switch (cluster.availability(drive)) {
            case AVAILABLE -> missing ? Remedy.ELSEWHERE : Remedy.IN_PLACE;
            case AWAITED -> missing ? Remedy.ELSEWHERE : Remedy.AWAIT;
            case GIVEN_UP -> Remedy.ELSEWHERE;
        };
        segment.put(new ShardNeed(
                shard,
                remedy,
                missing,
                loss.getNumber(),
                loss.getSinceMillis(),
                loss.getDetail(),
                loss.getUnmadeList()));
    }

    private void addUnavailable(DriveId drive) {
        boolean givenUp = cluster.availability(drive) == Availability.GIVEN_UP;
        String reason = drive(drive).map(view -> "node " + view.node() + ", ").orElse("") + "drive "
                + drive + (givenUp ? " is gone" : " is down");
        for (ShardRef shard : metadata.shardsOn(drive)) {
            AffectedSegment segment = affected(SegmentId.of(shard.getSegment()));
            if (segment != null && !segment.needs().containsKey(shard.getIndex())) {
                segment.put(new ShardNeed(
                        shard,
                        givenUp ? Remedy.ELSEWHERE : Remedy.AWAIT,
                        false,
                        0,
                        Long.MAX_VALUE,
                        reason,
                        List.of()));
            }
        }
    }

    /** One of two shards in a domain moves, where a domain is free; the one with the best drive. */
    private void addWeaker(SegmentId id) {
        AffectedSegment segment = affected(id);
        if (segment == null || !segment.needs().isEmpty()) {
            return;
        }
        Set<String> taken = new HashSet<>();
        for (Placement placement : segment.segment().getPlacementsList()) {
            ShardRef shard = placement.getShard();
            if (!taken.add(segment.domain(shard.getIndex()))) {
                segment.spread(new ShardNeed(
                        shard,
                        Remedy.SPREAD,
                        false,
                        0,
                        Long.MAX_VALUE,
                        "to be spread over more failure domains",
                        List.of()));
                return;
            }
        }
    }

    private @Nullable AffectedSegment affected(SegmentId id) {
        AffectedSegment known = affected.get(id);
        if (known != null) {
            return known;
        }
        Segment segment = metadata.segment(id);
        if (segment == null || segment.getState() == SegmentState.CREATING) {
            return null;
        }
        AffectedSegment made = new AffectedSegment(id, segment, domains(segment));
        affected.put(id, made);
        return made;
    }

    private Map<Integer, String> domains(Segment segment) {
        Map<Integer, String> domains = new HashMap<>();
        for (Placement placement : segment.getPlacementsList()) {
            DriveId drive = DriveId.of(placement.getShard().getDrive());
            domains.put(
                    placement.getShard().getIndex(),
                    drive(drive).map(DriveView::domain).orElse(placement.getNode()));
        }
        return domains;
    }

    /** Looked up once for all segments. */
    private Optional<DriveView> drive(DriveId id) {
        return drives.computeIfAbsent(id, cluster::drive);
    }

    /** What a shard needs. */
    public enum Remedy {
        /** Its node has it: its bad cells are rebuilt there. */
        IN_PLACE,
        /** It is rebuilt on another drive. */
        ELSEWHERE,
        /** Its node may come back. */
        AWAIT,
        /** It is well, but shares its failure domain. */
        SPREAD
    }

    /**
     * A shard and what it needs.
     *
     * @param missing whether its living node said that it is not there
     * @param loss number of the recorded loss, or 0
     * @param unmade stripes whose cell its last repair could not make
     */
    public record ShardNeed(
            ShardRef shard,
            Remedy remedy,
            boolean missing,
            long loss,
            long sinceMillis,
            String reason,
            List<UnmadeStripes> unmade) {

        /** Whether it lacks cells that nothing makes, as all who may hold them have answered. */
        public boolean isUndecodable() {
            return unmade.stream().anyMatch(UnmadeStripes::getAnswered);
        }
    }

    /** A segment with shards that are lost, unavailable or badly spread. */
    public static final class AffectedSegment {
        private final SegmentId id;
        private final Segment segment;
        private final Policy policy;
        private final Map<Integer, String> domains;
        private final NavigableMap<Integer, ShardNeed> needs = new TreeMap<>();
        private @Nullable ShardNeed spread;

        AffectedSegment(SegmentId id, Segment segment, Map<Integer, String> domains) {
            this.id = id;
            this.segment = segment;
            this.domains = domains;
            try {
                this.policy = Policy.parse(segment.getPolicy());
            } catch (AshlarException.Invalid e) {
                throw new IllegalStateException("segment " + id + " has no valid policy", e);
            }
        }

        void put(ShardNeed need) {
            needs.put(need.shard().getIndex(), need);
        }

        void spread(ShardNeed need) {
            spread = need;
        }

        public SegmentId id() {
            return id;
        }

        public Segment segment() {
            return segment;
        }

        public Policy policy() {
            return policy;
        }

        /** Shards that do not count now, by index. */
        public NavigableMap<Integer, ShardNeed> needs() {
            return needs;
        }

        /** The shard that should move to another domain. */
        public @Nullable ShardNeed spread() {
            return spread;
        }

        /** The failure domain of a shard. */
        String domain(int index) {
            return domains.getOrDefault(index, "");
        }

        /**
         * How many more failure domains, whichever they are, may be lost and every stripe is still
         * sure to be readable; negative: some may be lost already. A domain with two shards takes
         * both with it, so a weaker segment survives fewer than its policy says.
         */
        public int survivableLosses() {
            int spare = policy.m() - needs.size();
            if (spare <= 0) {
                return spare;
            }
            Map<String, Integer> wellByDomain = new HashMap<>();
            domains.forEach((index, domain) -> {
                if (!needs.containsKey(index)) {
                    wellByDomain.merge(domain, 1, Integer::sum);
                }
            });
            List<Integer> fullestFirst = wellByDomain.values().stream()
                    .sorted(Comparator.reverseOrder())
                    .toList();
            int survived = 0;
            for (int shards : fullestFirst) {
                spare -= shards;
                if (spare < 0) {
                    break;
                }
                survived++;
            }
            return survived;
        }

        /** Shards that no waiting will bring back. */
        public int goneShards() {
            return (int) needs.values().stream().filter(ShardNeed::missing).count();
        }

        long sinceMillis() {
            return needs.values().stream()
                    .mapToLong(ShardNeed::sinceMillis)
                    .min()
                    .orElse(Long.MAX_VALUE);
        }
    }
}
