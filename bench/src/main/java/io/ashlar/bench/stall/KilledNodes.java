package io.ashlar.bench.stall;

import io.ashlar.client.AshlarClient;
import io.ashlar.client.AshlarException;
import io.ashlar.client.OpenOptions;
import io.ashlar.client.Volume;
import io.ashlar.client.model.Compression;
import io.ashlar.client.model.Policy;
import io.ashlar.client.model.VolumeName;
import io.ashlar.client.protocol.ClusterStatus;
import io.ashlar.client.protocol.Health;
import io.ashlar.tools.cluster.ClusterConnection;
import io.ashlar.tools.cluster.ClusterFile.Member;
import io.ashlar.tools.cluster.ClusterOperations;
import io.ashlar.tools.cluster.LocalCluster;
import io.ashlar.tools.cluster.MemberReadiness;
import io.ashlar.tools.stall.SteadyWriter;

import java.io.IOException;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.function.Consumer;

/**
 * Kills one node after the other (SIGKILL) under a writer that never pauses, starts each again, and
 * waits until all is whole before the next.
 */
public final class KilledNodes {
    private static final long VOLUME_BYTES = 16L << 20;
    private static final long WARM_UP_WRITES = 2_000;
    private static final Duration WATCHED = Duration.ofSeconds(4);
    private static final Duration PATIENCE = Duration.ofMinutes(2);
    private static final Duration POLL = Duration.ofMillis(100);

    private final LocalCluster cluster;
    private final VolumeName volumeName;

    public KilledNodes(LocalCluster cluster, VolumeName volumeName) {
        this.cluster = cluster;
        this.volumeName = volumeName;
    }

    /**
     * What one kill did.
     *
     * @param longestGap between two acknowledgements, within four seconds from the kill on
     * @param quietGap the same within the four seconds before
     * @param acknowledged writes in the four seconds from the kill on
     */
    public record Kill(String node, Duration longestGap, Duration quietGap, long acknowledged) {}

    /** All kills, and how many bytes were read back and were right. */
    public record Figures(List<Kill> kills, long verifiedBytes) {}

    /** Creates the volume, measures, deletes it. */
    public Figures measure(Policy policy, int killCount, Consumer<Kill> listener)
            throws IOException, InterruptedException {
        try (ClusterConnection connection = new ClusterConnection(cluster.coordinatorAddresses())) {
            ClusterOperations.createVolume(
                    connection, volumeName, VOLUME_BYTES, policy, Compression.NONE);
            try {
                return write(connection, killCount, listener);
            } finally {
                ClusterOperations.deleteVolume(connection, volumeName);
            }
        }
    }

    private Figures write(ClusterConnection connection, int killCount, Consumer<Kill> listener)
            throws IOException, InterruptedException {
        List<Kill> kills = new ArrayList<>();
        try (AshlarClient client = AshlarClient.connect(cluster.coordinatorAddresses());
                Volume volume = client.open(volumeName.text(), OpenOptions.forProcess("bench"));
                SteadyWriter writer = SteadyWriter.start(volume)) {
            writer.awaitMore(WARM_UP_WRITES, PATIENCE);
            List<Member> nodes = cluster.file().nodes();
            for (int i = 0; i < killCount; i++) {
                awaitWhole(connection);
                Kill kill = kill(writer, nodes.get(i % nodes.size()).id());
                kills.add(kill);
                listener.accept(kill);
            }
            return new Figures(List.copyOf(kills), writer.stopAndVerify(PATIENCE));
        }
    }

    private Kill kill(SteadyWriter writer, String node) throws IOException, InterruptedException {
        writer.beginMeasuring();
        Thread.sleep(WATCHED);
        Duration quiet = writer.longestGap();
        long before = writer.acknowledged();
        writer.beginMeasuring();
        cluster.kill(node);
        Thread.sleep(WATCHED);
        writer.awaitMore(1, PATIENCE);
        Kill kill = new Kill(node, writer.longestGap(), quiet, writer.acknowledged() - before);
        boolean _ = cluster.start(node);
        MemberReadiness.await(cluster, node);
        return kill;
    }

    private void awaitWhole(ClusterConnection connection)
            throws AshlarException, InterruptedException {
        long deadline = System.nanoTime() + PATIENCE.toNanos();
        ClusterStatus status = ClusterOperations.status(connection);
        int nodeCount = cluster.file().nodes().size();
        while (status.getHealth() != Health.OK || ClusterOperations.up(status).size() < nodeCount) {
            if (System.nanoTime() > deadline) {
                throw new AshlarException.Unavailable("not everything is repaired after "
                        + PATIENCE.toSeconds() + " s: " + ClusterOperations.describe(status));
            }
            Thread.sleep(POLL);
            status = ClusterOperations.status(connection);
        }
    }
}
