package io.ashlar.tools.cluster;

import io.ashlar.client.AshlarException;
import io.ashlar.client.protocol.ClusterStatus;

import java.io.IOException;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;

/** Waits until a one-machine cluster can serve: a coordinator leads and knows every node as up. */
public final class ClusterReadiness {
    private static final Duration PATIENCE = Duration.ofSeconds(60);
    private static final Duration CALL_TIMEOUT = Duration.ofSeconds(2);
    private static final Duration PAUSE = Duration.ofMillis(100);

    private ClusterReadiness() {}

    public static void await(LocalCluster cluster) throws IOException, InterruptedException {
        long deadline = System.nanoTime() + PATIENCE.toNanos();
        try (ClusterConnection connection = new ClusterConnection(cluster.coordinatorAddresses())) {
            while (true) {
                cluster.requireAllRunning();
                String missing = missing(cluster, connection);
                if (missing.isEmpty()) {
                    return;
                }
                if (System.nanoTime() > deadline) {
                    throw new AshlarException.Unavailable("the cluster cannot serve after "
                            + PATIENCE.toSeconds() + " s: " + missing + "; see the logs in "
                            + cluster.directory());
                }
                Thread.sleep(PAUSE);
            }
        }
    }

    /** What is still missing, or empty. */
    private static String missing(LocalCluster cluster, ClusterConnection connection) {
        ClusterStatus status;
        try {
            status = ClusterOperations.status(connection, CALL_TIMEOUT);
        } catch (AshlarException e) {
            return String.valueOf(e.getMessage());
        }
        List<String> up = ClusterOperations.up(status);
        List<String> missing = new ArrayList<>();
        cluster.file().nodes().stream()
                .map(ClusterFile.Member::id)
                .filter(id -> !up.contains(id))
                .forEach(missing::add);
        return missing.isEmpty() ? "" : "not up: " + String.join(", ", missing);
    }
}
