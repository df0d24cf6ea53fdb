package io.ashlar.tools.endtoend;

import io.ashlar.tools.cluster.ClusterReadiness;
import io.ashlar.tools.cluster.LocalCluster;
import io.ashlar.tools.command.Ran;

import java.io.IOException;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.net.ServerSocket;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Random;

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
                directory, new LocalCluster.Shape(1, nodes, freePort(), driveBytes, 1, 1));
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

    /** The first of a range of ports that are free. */
    static int freePort() {
        Random random = new Random();
        while (true) {
            int port = 20_000 + random.nextInt(10_000);
            boolean free = true;
            for (int i = 0; free && i < PORTS; i++) {
                free = isFree(port + i);
            }
            if (free) {
                return port;
            }
        }
    }

    private static boolean isFree(int port) {
        try (ServerSocket socket = new ServerSocket()) {
            socket.bind(new InetSocketAddress(InetAddress.getLoopbackAddress(), port));
            return true;
        } catch (IOException e) {
            return false;
        }
    }

    LocalCluster cluster() {
        return cluster;
    }

    /** Runs a command against this cluster. */
    Ran ashlar(String... args) {
        List<String> all = new ArrayList<>(List.of(args));
        all.addAll(List.of(
                "--coordinator", cluster.coordinatorAddresses().getFirst().toString()));
        return Ran.of(all.toArray(String[]::new));
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
