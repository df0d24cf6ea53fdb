package io.ashlar.coordinator.plan;

import static org.assertj.core.api.Assertions.assertThat;

import io.ashlar.client.model.DriveId;
import io.ashlar.client.model.Policy;
import io.ashlar.client.model.SegmentId;

import org.junit.jupiter.api.Test;

import java.util.ArrayList;
import java.util.HashMap;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Random;
import java.util.Set;

final class PlacementPlannerTest {
    private static final Policy RS_4_2 = new Policy(4, 2);
    private static final int SEGMENTS = 4000;

    private final Random random = new Random(11);

    private static List<DriveView> drives(int nodeCount, int drivesPerNode) {
        List<DriveView> drives = new ArrayList<>();
        for (int node = 0; node < nodeCount; node++) {
            for (int drive = 0; drive < drivesPerNode; drive++) {
                drives.add(new DriveView(
                        new DriveId(node + 1, drive + 1),
                        "n" + node,
                        "node n" + node,
                        1,
                        1L << 40,
                        false));
            }
        }
        return drives;
    }

    private SegmentId segment() {
        return new SegmentId(random.nextLong(), random.nextLong());
    }

    private static Map<String, Integer> byDomain(List<DriveView> shards) {
        Map<String, Integer> counts = new HashMap<>();
        shards.forEach(shard -> counts.merge(shard.domain(), 1, Integer::sum));
        return counts;
    }

    @Test
    void putsEveryShardInItsOwnDomainWhileThereAreEnough() {
        for (int nodes = 6; nodes <= 12; nodes++) {
            for (int i = 0; i < 200; i++) {
                List<DriveView> placed =
                        PlacementPlanner.place(segment(), RS_4_2, drives(nodes, 3));
                assertThat(byDomain(placed)).hasSize(6);
                assertThat(PlacementPlanner.isWeaker(placed)).isFalse();
            }
        }
    }

    @Test
    void doublesUpOverAllDomainsAndNeverBeyondParity() {
        for (int nodes = 3; nodes < 6; nodes++) {
            for (int i = 0; i < 200; i++) {
                List<DriveView> placed =
                        PlacementPlanner.place(segment(), RS_4_2, drives(nodes, 2));
                Map<String, Integer> counts = byDomain(placed);
                assertThat(counts).hasSize(nodes);
                assertThat(counts.values()).allMatch(count -> count <= RS_4_2.m());
                assertThat(new HashSet<>(placed))
                        .as("two shards of a node are on two drives")
                        .hasSize(6);
                assertThat(PlacementPlanner.isWeaker(placed)).isTrue();
            }
        }
    }

    @Test
    void placesNothingWithTooFewDomains() {
        assertThat(PlacementPlanner.place(segment(), RS_4_2, drives(2, 6))).isEmpty();
        assertThat(PlacementPlanner.place(segment(), new Policy(8, 3), drives(3, 6)))
                .isEmpty();
        assertThat(PlacementPlanner.place(segment(), new Policy(8, 3), drives(4, 6)))
                .hasSize(11);
    }

    @Test
    void usesTheDrivesAlike() {
        Map<DriveId, Integer> load = new HashMap<>();
        List<DriveView> drives = drives(10, 2);
        for (int i = 0; i < SEGMENTS; i++) {
            PlacementPlanner.place(segment(), RS_4_2, drives)
                    .forEach(drive -> load.merge(drive.id(), 1, Integer::sum));
        }
        double mean = SEGMENTS * 6.0 / drives.size();
        assertThat(load).hasSize(drives.size());
        assertThat(load.values()).allMatch(shards -> Math.abs(shards - mean) < 0.1 * mean);
    }

    @Test
    void givesTwiceTheWeightMoreShards() {
        List<DriveView> drives = new ArrayList<>(drives(20, 1));
        DriveView first = drives.getFirst();
        drives.set(0, new DriveView(first.id(), first.node(), first.domain(), 2, 1L << 40, false));
        Map<DriveId, Integer> load = new HashMap<>();
        for (int i = 0; i < SEGMENTS; i++) {
            PlacementPlanner.place(segment(), new Policy(1, 1), drives)
                    .forEach(drive -> load.merge(drive.id(), 1, Integer::sum));
        }
        double others = (2.0 * SEGMENTS - load.getOrDefault(first.id(), 0)) / 19;
        assertThat(load.getOrDefault(first.id(), 0) / others).isBetween(1.7, 2.3);
    }

    @Test
    void movesOnlyWhatANewDriveWins() {
        List<DriveView> before = drives(10, 1);
        List<DriveView> after = drives(11, 1);
        DriveId added = after.getLast().id();
        int moved = 0;
        for (int i = 0; i < SEGMENTS; i++) {
            SegmentId segment = segment();
            Set<DriveView> placedBefore =
                    new HashSet<>(PlacementPlanner.place(segment, RS_4_2, before));
            for (DriveView drive : PlacementPlanner.place(segment, RS_4_2, after)) {
                if (!placedBefore.contains(drive)) {
                    assertThat(drive.id()).isEqualTo(added);
                    moved++;
                }
            }
        }
        assertThat(moved / (SEGMENTS * 6.0)).isBetween(0.07, 0.11);
    }

    @Test
    void replacesALostShardOutsideTheDomainsInUse() {
        for (int i = 0; i < 200; i++) {
            SegmentId segment = segment();
            List<DriveView> placed = PlacementPlanner.place(segment, RS_4_2, drives(8, 1));
            List<DriveView> others = placed.subList(1, 6);
            DriveView replacement = PlacementPlanner.replace(segment, RS_4_2, others, drives(8, 1))
                    .orElseThrow();
            assertThat(byDomain(others)).doesNotContainKey(replacement.domain());
        }
    }

    @Test
    void doublesAReplacementUpOnlyWhenNoDomainIsFree() {
        SegmentId segment = segment();
        List<DriveView> five = drives(5, 1);
        DriveView replacement =
                PlacementPlanner.replace(segment, RS_4_2, five, five).orElseThrow();
        assertThat(five).contains(replacement);
        List<DriveView> full = new ArrayList<>(drives(2, 2));
        assertThat(PlacementPlanner.replace(segment, RS_4_2, full, drives(2, 2)))
                .as("never more than m in a domain")
                .isEmpty();
    }

    /** These drives with all those of one node slow. */
    private static List<DriveView> withSlowNode(List<DriveView> drives, String node) {
        return drives.stream()
                .map(drive -> new DriveView(
                        drive.id(),
                        drive.node(),
                        drive.domain(),
                        drive.weight(),
                        drive.roomBytes(),
                        drive.node().equals(node)))
                .toList();
    }

    @Test
    void slowDrivesAreUsedOnlyWhereRedundancyNeedsThem() {
        for (int i = 0; i < 100; i++) {
            SegmentId segment = segment();
            List<DriveView> seven = withSlowNode(drives(7, 2), "n3");
            List<DriveView> placed = PlacementPlanner.place(segment, RS_4_2, seven);
            assertThat(placed).hasSize(6).noneMatch(DriveView::slow);
            assertThat(PlacementPlanner.replace(
                            segment,
                            RS_4_2,
                            placed.subList(1, 6),
                            withSlowNode(drives(7, 2), "n3")))
                    .hasValueSatisfying(drive -> assertThat(drive.slow()).isFalse());

            List<DriveView> six = withSlowNode(drives(6, 2), "n3");
            placed = PlacementPlanner.place(segment, RS_4_2, six);
            assertThat(Spread.of(placed)).isEqualTo(new Spread(6, 6, 6));
            List<DriveView> others =
                    placed.stream().filter(drive -> !drive.slow()).toList();
            assertThat(PlacementPlanner.replace(segment, RS_4_2, others, six))
                    .hasValueSatisfying(drive -> assertThat(drive.slow()).isTrue());
        }
    }
}
