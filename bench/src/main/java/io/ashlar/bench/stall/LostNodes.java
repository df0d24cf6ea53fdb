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
import java.util.stream.IntStream;

/**
 * Loses nodes, one or some at once, under a writer that never pauses, has them back, and waits until
 * all is whole before the next.
 */
public final class LostNodes {
    private static final long VOLUME_BYTES = 16L << 20;
    private static final long WARM_UP_WRITES = 2_000;
    private static final Duration WATCHED = Duration.ofSeconds(4);
    private static final Duration PATIENCE = Duration.ofMinutes(2);
    private static final Duration POLL = Duration.ofMillis(100);

    private final LocalCluster cluster;
    private final VolumeName volumeName;
    private final Way way;

    public LostNodes(LocalCluster cluster, VolumeName volumeName, Way way) {
        this.cluster = cluster;
        this.volumeName = volumeName;
        this.way = way;
    }

    /** How nodes are lost. */
    public enum Way {
        /** SIGKILL: their machine ends their connections. */
        KILLED,
        /** SIGSTOP: no connection ends, as without power or network. */
        SILENCED
    }

    /**
     * What one loss did.
     *
     * @param longestGap between two acknowledgements, within four seconds from the loss on
     * @param quietGap the same within the four seconds before
     * @param acknowledged writes in the four seconds from the loss on
     */
    public record Loss(
            List<String> nodes, Duration longestGap, Duration quietGap, long acknowledged) {}

    /** All losses, and how many bytes were read back and were right. */
    public record Figures(List<Loss> losses, long verifiedBytes) {}

    /**
     * Creates the volume, measures, deletes it.
     *
     * @param atOnce nodes that are lost together
     */
    public Figures measure(Policy policy, int lossCount, int atOnce, Consumer<Loss> listener)
            throws IOException, InterruptedException {
        try (ClusterConnection connection = new ClusterConnection(cluster.coordinatorAddresses())) {
            ClusterOperations.createVolume(
                    connection, volumeName, VOLUME_BYTES, policy, Compression.NONE);
            try {
                return write(connection, lossCount, atOnce, listener);
            } finally {
                ClusterOperations.deleteVolume(connection, volumeName);
            }
        }
    }

    private Figures write(
            ClusterConnection connection, int lossCount, int atOnce, Consumer<Loss> listener)
            throws IOException, InterruptedException {
        List<Loss> losses = new ArrayList<>();
        try (AshlarClient client = AshlarClient.connect(cluster.coordinatorAddresses());
                Volume volume = client.open(volumeName.text(), OpenOptions.forProcess("bench"));
                SteadyWriter writer = SteadyWriter.start(volume)) {
            writer.awaitMore(WARM_UP_WRITES, PATIENCE);
            List<String> ids = cluster.file().nodes().stream().map(Member::id).toList();
            for (int i = 0; i < lossCount; i++) {
                int first = i;
                List<String> nodes = IntStream.range(0, atOnce)
                        .mapToObj(next -> ids.get((first + next) % ids.size()))
                        .toList();
                awaitWhole(connection);
                Loss loss = lose(writer, nodes);
                losses.add(loss);
                listener.accept(loss);
            }
            return new Figures(List.copyOf(losses), writer.stopAndVerify(PATIENCE));
        }
    }

    private Loss lose(SteadyWriter writer, List<String> nodes)
            throws IOException, InterruptedException {
        writer.beginMeasuring();
        Thread.sleep(WATCHED);
        Duration quiet = writer.longestGap();
        long before = writer.acknowledged();
        writer.beginMeasuring();
        try {
            for (String node : nodes) {
                lose(node);
            }
            Thread.sleep(WATCHED);
            writer.awaitMore(1, PATIENCE);
            return new Loss(nodes, writer.longestGap(), quiet, writer.acknowledged() - before);
        } finally {
            for (String node : nodes) {
                haveBack(node);
            }
        }
    }

    private void lose(String node) throws IOException, InterruptedException {
        switch (way) {
            case KILLED -> cluster.kill(node);
            case SILENCED -> cluster.silence(node);
        }
    }

    private void haveBack(String node) throws IOException, InterruptedException {
        switch (way) {
            case KILLED -> {
                boolean _ = cluster.start(node);
                MemberReadiness.await(cluster, node);
            }
            case SILENCED -> cluster.wake(node);
        }
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
