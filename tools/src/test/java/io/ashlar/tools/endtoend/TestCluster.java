package io.ashlar.tools.endtoend;

import static org.assertj.core.api.Assertions.assertThat;

import io.ashlar.tools.cluster.ClusterReadiness;
import io.ashlar.tools.cluster.FreePorts;
import io.ashlar.tools.cluster.LocalCluster;
import io.ashlar.tools.command.Ran;

import java.io.IOException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;

/** A small cluster of real processes for tests. */
final class TestCluster implements AutoCloseable {
    private static final int PORTS = 20;

    private final LocalCluster cluster;

    private TestCluster(LocalCluster cluster) {
        this.cluster = cluster;
    }

    static TestCluster start(Path directory, int nodes, long driveBytes)
            throws IOException, InterruptedException {
        LocalCluster cluster = LocalCluster.openOrCreate(
                directory,
                new LocalCluster.Shape(1, nodes, FreePorts.run(PORTS), driveBytes, 1, 1));
        TestCluster started = new TestCluster(cluster);
        try {
            var _ = cluster.startAll();
            ClusterReadiness.await(cluster);
            return started;
        } catch (IOException | InterruptedException | RuntimeException e) {
            started.close();
            throw e;
        }
    }

    LocalCluster cluster() {
        return cluster;
    }

    /** {@code HOST:PORT} of the only one. */
    String coordinator() {
        return cluster.coordinatorAddresses().getFirst().toString();
    }

    /** Runs a command against this cluster. */
    Ran ashlar(String... args) {
        List<String> all = new ArrayList<>(List.of(args));
        all.addAll(List.of("--coordinator", coordinator()));
        return Ran.of(all.toArray(String[]::new));
    }

    /** Runs a command against this cluster that has to succeed. */
    Ran done(String... args) {
        Ran ran = ashlar(args);
        assertThat(ran.exitCode()).as(ran.toString()).isZero();
        return ran;
    }

    @Override
    public void close() throws IOException {
        try {
            var _ = cluster.stopAll();
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
        }
    }
}
