package io.ashlar.tools.crash;

import io.ashlar.client.AshlarClient;
import io.ashlar.client.model.Address;
import io.ashlar.client.protocol.ClusterStatus;
import io.ashlar.client.protocol.CreateVolume;
import io.ashlar.client.protocol.Id;
import io.ashlar.client.protocol.Request;
import io.ashlar.tools.cluster.ClusterConnection;
import io.ashlar.tools.cluster.ClusterFile.Member;
import io.ashlar.tools.cluster.ClusterOperations;
import io.ashlar.tools.cluster.ClusterReadiness;
import io.ashlar.tools.cluster.FreePorts;
import io.ashlar.tools.cluster.LocalCluster;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.function.Predicate;

/**
 * One coordinator and six nodes as processes, each on a machine of its own as far as power goes: where
 * the machine allows it, a member's data lie on a {@link CuttableDrive}.
 */
final class CrashCluster implements AutoCloseable {
    static final String COORDINATOR = "c1";
    static final List<String> NODES = List.of("n1", "n2", "n3", "n4", "n5", "n6");

    private static final int PORTS = 20;
    private static final long DRIVE_BYTES = 1L << 30;
    private static final long SPARE_BYTES = 128L << 20;
    private static final Duration PATIENCE = Duration.ofMinutes(2);

    private final LocalCluster cluster;
    private final Map<String, CuttableDrive> drives = new LinkedHashMap<>();

    private CrashCluster(LocalCluster cluster) {
        this.cluster = cluster;
    }

    /** Starts a new one in the directory. */
    static CrashCluster start(Path directory, boolean powerCuts)
            throws IOException, InterruptedException {
        LocalCluster cluster = LocalCluster.openOrCreate(
                directory.resolve("cluster"),
                new LocalCluster.Shape(1, NODES.size(), FreePorts.run(PORTS), DRIVE_BYTES, 1, 1));
        CrashCluster started = new CrashCluster(cluster);
        try {
            if (powerCuts) {
                started.formatDrives(directory);
            }
            started.startMissing();
            return started;
        } catch (IOException | InterruptedException | RuntimeException e) {
            started.close();
            throw e;
        }
    }

    private void formatDrives(Path directory) throws IOException, InterruptedException {
        for (Member member : cluster.file().members()) {
            Path data = member.drives().isEmpty()
                    ? Files.createDirectories(member.directory().resolve("data"))
                    : member.drives().getFirst();
            drives.put(
                    member.id(),
                    CuttableDrive.format(
                            directory.resolve(member.id() + ".ext4"),
                            data,
                            DRIVE_BYTES + SPARE_BYTES));
        }
    }

    List<Address> coordinators() {
        return cluster.coordinatorAddresses();
    }

    void createVolume(String name, long sizeBytes) throws Exception {
        try (AshlarClient client = AshlarClient.connect(coordinators())) {
            client.call(Request.newBuilder()
                    .setCreateVolume(CreateVolume.newBuilder()
                            .setRequestId(client.newRequestId())
                            .setId(Id.newBuilder().setHigh(7).setLow(7))
                            .setName(name)
                            .setSizeBytes(sizeBytes)
                            .setPolicy("rs-4-2")
                            .setCompression("none"))
                    .build());
        }
    }

    /** SIGKILL to all of them, one right after the other; then their power fails. */
    void cut(List<String> members) throws IOException, InterruptedException {
        for (String member : members) {
            cluster.kill(member);
        }
        for (String member : members) {
            CuttableDrive drive = drives.get(member);
            if (drive != null) {
                drive.cutPower();
            }
        }
    }

    void start(String member) throws IOException, InterruptedException {
        powerOn(member);
        boolean _ = cluster.start(member);
    }

    /** Starts what does not run, and waits until all are up. */
    void startMissing() throws IOException, InterruptedException {
        for (String member : drives.keySet()) {
            powerOn(member);
        }
        var _ = cluster.startAll();
        ClusterReadiness.await(cluster);
    }

    private void powerOn(String member) throws IOException, InterruptedException {
        CuttableDrive drive = drives.get(member);
        if (drive != null && !drive.isOn()) {
            drive.powerOn();
        }
    }

    /** Waits; fails where it does not come about within the time. */
    void awaitStatus(String what, Predicate<ClusterStatus> wanted)
            throws IOException, InterruptedException {
        try (ClusterConnection connection = new ClusterConnection(coordinators())) {
            var _ = ClusterOperations.awaitStatus(connection, what, wanted, PATIENCE);
        }
    }

    @Override
    public void close() throws IOException {
        try {
            var _ = cluster.stopAll();
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
        }
        for (CuttableDrive drive : drives.values()) {
            drive.close();
        }
    }
}
