package io.ashlar.coordinator.plan;

import io.ashlar.client.model.DriveId;
import io.ashlar.client.model.Policy;
import io.ashlar.client.model.SegmentId;

import org.apache.commons.codec.digest.MurmurHash3;

import java.nio.ByteBuffer;
import java.util.ArrayList;
import java.util.Collection;
import java.util.HashMap;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;

/**
 * Where shards go: weighted rendezvous hashing [1] under the rule of failure domains.
 *
 * <p>Every drive draws a score from the hash of segment and drive, scaled so that its chance to
 * score highest is its share of all weights. Shards go to the drives in the order of their scores,
 * but first to domains that hold none, then to nodes that hold none, then to drives that hold none;
 * so shards are doubled up only when domains have run out, and never more than m in one. Among those
 * that are equal in this a drive that answers slowly comes last: it is used where redundancy needs it,
 * and nowhere else. A drive that comes or goes moves only the shards that it wins or held.
 *
 * <p>[1] Thaler and Ravishankar, "Using name-based mappings to increase hit rates", 1998; weights
 * after Schindelhauer and Schomaker, "Weighted distributed hash tables", 2005.
 */
public final class PlacementPlanner {
    private static final int KEY_BYTES = 32;
    private static final double UNIT_OF_53_BITS = 0x1.0p-53;

    private PlacementPlanner() {}

    /**
     * A drive for every shard, or for none where fewer than the policy's least number of domains
     * have a drive.
     */
    public static List<DriveView> place(
            SegmentId segment, Policy policy, Collection<DriveView> drives) {
        List<DriveView> chosen = new ArrayList<>();
        Occupancy occupancy = new Occupancy();
        List<Scored> scored = score(segment, drives);
        while (chosen.size() < policy.n()) {
            Optional<DriveView> next = next(scored, occupancy, policy.m());
            if (next.isEmpty()) {
                return List.of();
            }
            occupancy.add(next.get());
            chosen.add(next.get());
        }
        return chosen;
    }

    /**
     * A drive for one more shard beside those that the segment has elsewhere.
     *
     * @param others where its other shards are
     */
    public static Optional<DriveView> replace(
            SegmentId segment,
            Policy policy,
            Collection<DriveView> others,
            Collection<DriveView> drives) {
        Occupancy occupancy = new Occupancy();
        others.forEach(occupancy::add);
        return next(score(segment, drives), occupancy, policy.m());
    }

    /** Whether some domain holds more than one of these shards. */
    public static boolean isWeaker(Collection<DriveView> shards) {
        Set<String> domains = new HashSet<>();
        shards.forEach(shard -> domains.add(shard.domain()));
        return domains.size() < shards.size();
    }

    private static Optional<DriveView> next(
            List<Scored> scored, Occupancy occupancy, int maxPerDomain) {
        Scored best = null;
        for (Scored candidate : scored) {
            if (occupancy.inDomain(candidate.drive()) < maxPerDomain
                    && (best == null || occupancy.prefers(candidate, best))) {
                best = candidate;
            }
        }
        return best == null ? Optional.empty() : Optional.of(best.drive());
    }

    private static List<Scored> score(SegmentId segment, Collection<DriveView> drives) {
        List<Scored> scored = new ArrayList<>(drives.size());
        for (DriveView drive : drives) {
            scored.add(new Scored(drive, score(segment, drive.id(), drive.weight())));
        }
        return scored;
    }

    /** {@code -weight / ln(u)} with u uniform in (0, 1): the same in every replica and release. */
    private static double score(SegmentId segment, DriveId drive, double weight) {
        byte[] key = ByteBuffer.allocate(KEY_BYTES)
                .putLong(segment.high())
                .putLong(segment.low())
                .putLong(drive.high())
                .putLong(drive.low())
                .array();
        long hash = MurmurHash3.hash128x64(key)[0];
        double uniform = ((hash >>> 11) + 0.5) * UNIT_OF_53_BITS;
        return -weight / StrictMath.log(uniform);
    }

    private record Scored(DriveView drive, double score) {}

    /** How many shards of the segment are where. */
    private static final class Occupancy {
        private final Map<String, Integer> byDomain = new HashMap<>();
        private final Map<String, Integer> byNode = new HashMap<>();
        private final Map<DriveId, Integer> byDrive = new HashMap<>();

        void add(DriveView drive) {
            byDomain.merge(drive.domain(), 1, Integer::sum);
            byNode.merge(drive.node(), 1, Integer::sum);
            byDrive.merge(drive.id(), 1, Integer::sum);
        }

        int inDomain(DriveView drive) {
            return byDomain.getOrDefault(drive.domain(), 0);
        }

        boolean prefers(Scored one, Scored other) {
            int order = Integer.compare(inDomain(one.drive()), inDomain(other.drive()));
            if (order == 0) {
                order = Integer.compare(
                        byNode.getOrDefault(one.drive().node(), 0),
                        byNode.getOrDefault(other.drive().node(), 0));
            }
            if (order == 0) {
                order = Integer.compare(
                        byDrive.getOrDefault(one.drive().id(), 0),
                        byDrive.getOrDefault(other.drive().id(), 0));
            }
            if (order == 0) {
                order = Boolean.compare(one.drive().slow(), other.drive().slow());
            }
            if (order == 0) {
                order = Double.compare(other.score(), one.score());
            }
            if (order == 0) {
                order = one.drive().id().compareTo(other.drive().id());
            }
            return order < 0;
        }
    }
}
