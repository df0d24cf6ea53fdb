package io.ashlar.coordinator;

import io.ashlar.client.AshlarException;
import io.ashlar.client.protocol.Order;
import io.ashlar.client.protocol.ReportDamage;
import io.ashlar.client.protocol.Request;
import io.ashlar.client.protocol.Segment;
import io.ashlar.client.protocol.ShardDamage;
import io.ashlar.client.protocol.StartRepair;
import io.ashlar.client.protocol.VolumeInfo;

import java.time.Duration;
import java.util.HashSet;
import java.util.Set;

/** What tests of repair ask of a cluster. */
abstract class RepairFixture {
    static final Duration DELAY = Duration.ofSeconds(60);

    static VolumeInfo held(TestCluster cluster, String policy) throws AshlarException {
        cluster.createVolume("disk0", policy);
        return cluster.open("disk0", "writer", true).getVolume();
    }

    static void report(TestCluster cluster, Segment segment, int index) throws AshlarException {
        cluster.ask(Request.newBuilder()
                .setReportDamage(ReportDamage.newBuilder()
                        .addDamage(ShardDamage.newBuilder()
                                .setShard(TestCluster.shard(segment, index))
                                .setKind(ShardDamage.Kind.CORRUPT_CELL)
                                .setCells(1)
                                .setDetail("a reader found it")))
                .build());
    }

    static void startRepair(TestCluster cluster) throws AshlarException {
        cluster.ask(Request.newBuilder()
                .setStartRepair(StartRepair.getDefaultInstance())
                .build());
    }

    static long rebuilds(TestNode node) {
        return node.ordered.stream()
                .filter(order -> order.getKindCase() == Order.KindCase.REBUILD)
                .count();
    }

    static Set<String> nodesOf(Segment segment) {
        Set<String> nodes = new HashSet<>();
        segment.getPlacementsList().forEach(placement -> nodes.add(placement.getNode()));
        return nodes;
    }

    static TestNode spareOf(TestCluster cluster, Segment segment) {
        return cluster.nodes.values().stream()
                .filter(node -> !nodesOf(segment).contains(node.id))
                .findFirst()
                .orElseThrow();
    }
}
