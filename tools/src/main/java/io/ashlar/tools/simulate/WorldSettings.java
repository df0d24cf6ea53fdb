package io.ashlar.tools.simulate;

import io.ashlar.client.ClientConfig;
import io.ashlar.client.map.MapLimits;
import io.ashlar.client.model.Address;
import io.ashlar.client.model.Policy;
import io.ashlar.coordinator.CoordinatorConfig;

import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.SortedMap;
import java.util.TreeMap;
import java.util.random.RandomGenerator;

/**
 * What a run is made of, drawn from its seed.
 *
 * @param policies of the volumes
 * @param depth requests that each writer keeps in flight at most
 * @param driftPartsPerMillion by which clocks run fast or slow at most
 */
record WorldSettings(
        int nodeCount,
        int drivesPerNode,
        int coordinatorCount,
        List<Policy> policies,
        int volumeBlocks,
        int depth,
        long driftPartsPerMillion,
        long writeNanos,
        long syncNanos,
        Duration rebuildDelay,
        ClientConfig client) {
    static final long SECOND = 1_000_000_000L;

    /** Who was in trouble a moment ago may be thought to be so still. */
    static final long TROUBLE_LASTS_NANOS = 25 * SECOND;

    private static final long DRIVE_BYTES = 1L << 30;
    private static final int PORT = 7400;
    private static final int PAGE_SEGMENTS = 8;
    private static final int PAGE_SHARDS = 16;
    private static final Policy[] POLICIES = {
        new Policy(4, 2), new Policy(2, 1), new Policy(1, 2), new Policy(3, 2)
    };
    private static final long[] DRIFTS = {0, 100, 10_000, 50_000};

    static WorldSettings draw(RandomGenerator random) {
        List<Policy> policies = new ArrayList<>();
        int volumes = 1 + random.nextInt(3);
        int mostDomains = 0;
        for (int i = 0; i < volumes; i++) {
            Policy policy = POLICIES[random.nextInt(POLICIES.length)];
            policies.add(policy);
            mostDomains = Math.max(mostDomains, policy.n());
        }
        return new WorldSettings(
                mostDomains + random.nextInt(4),
                1 + random.nextInt(2),
                random.nextInt(3) == 0 ? 1 : 3,
                List.copyOf(policies),
                64 + random.nextInt(448),
                1 + random.nextInt(12),
                DRIFTS[random.nextInt(DRIFTS.length)],
                5_000 + random.nextLong(20_000),
                50_000 + random.nextLong(random.nextInt(4) == 0 ? 5_000_000 : 500_000),
                Duration.ofSeconds(3 + random.nextInt(20)),
                drawClient(random));
    }

    private static ClientConfig drawClient(RandomGenerator random) {
        return new ClientConfig(
                Duration.ofMillis(500 + random.nextInt(1000)),
                Duration.ofSeconds(2),
                Duration.ofSeconds(5),
                Duration.ofSeconds(3 + random.nextInt(5)),
                Duration.ofSeconds(5 + random.nextInt(10)),
                Duration.ofSeconds(1),
                1 + random.nextInt(8),
                4096 * (1 + random.nextInt(32)),
                1 << 20,
                5 + random.nextInt(60),
                new MapLimits(4096 + random.nextInt(16_384), 65_536, 2, 1),
                4096L * (8 + random.nextInt(32)),
                4096L * (48 + random.nextInt(64)));
    }

    long drift(RandomGenerator random) {
        return driftPartsPerMillion == 0
                ? 0
                : random.nextLong(-driftPartsPerMillion, driftPartsPerMillion + 1);
    }

    long readNanos(RandomGenerator random) {
        return 10_000 + random.nextLong(100_000);
    }

    /** So few that every inventory is told in several pages. */
    int inventoryPageShards() {
        return PAGE_SHARDS;
    }

    long driveBytes() {
        return DRIVE_BYTES;
    }

    String volumeName(int index) {
        return "v" + index;
    }

    List<String> coordinatorIds() {
        List<String> ids = new ArrayList<>();
        for (int i = 0; i < coordinatorCount; i++) {
            ids.add("c" + i);
        }
        return ids;
    }

    Address coordinatorAddress(String id) {
        return new Address(id, PORT);
    }

    List<Address> coordinatorAddresses() {
        return coordinatorIds().stream().map(this::coordinatorAddress).toList();
    }

    long leaseNanos() {
        return CoordinatorConfig.Timings.standard().lease().toNanos();
    }

    CoordinatorConfig coordinatorConfig(String id) {
        SortedMap<String, CoordinatorConfig.Peer> peers = new TreeMap<>();
        for (String one : coordinatorIds()) {
            Address address = coordinatorAddress(one);
            peers.put(one, new CoordinatorConfig.Peer(address, address));
        }
        Address own = coordinatorAddress(id);
        return new CoordinatorConfig(
                id,
                own,
                own,
                Path.of("nowhere"),
                own,
                peers,
                "netty",
                CoordinatorConfig.Timings.standard().withRebuildDelay(rebuildDelay),
                CoordinatorConfig.RepairLimits.standard(),
                PAGE_SEGMENTS);
    }
}
