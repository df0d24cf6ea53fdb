package io.ashlar.tools.command;

import io.ashlar.tools.cluster.ClusterFile;
import io.ashlar.tools.cluster.ClusterReadiness;
import io.ashlar.tools.cluster.LocalCluster;
import io.ashlar.tools.output.Sizes;

import picocli.CommandLine.Command;
import picocli.CommandLine.Option;

import java.io.IOException;
import java.nio.file.Path;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

@Command(
        name = "up",
        description =
                "Start a cluster of real processes on this machine; on a directory that holds one,"
                        + " it goes on.")
final class UpCommand extends Leaf {
    private static final long MIN_DRIVE_BYTES = 64L << 20;

    /** 1 PiB, far above any drive there is. */
    private static final long MAX_DRIVE_BYTES = 1L << 50;

    @Option(names = "--dir", required = true, paramLabel = "DIR", description = "where it lives")
    @SuppressWarnings("NullAway.Init")
    private Path directory;

    @Option(
            names = "--nodes",
            defaultValue = "6",
            description = "storage nodes (default ${DEFAULT-VALUE})")
    private int nodes;

    @Option(
            names = "--coordinators",
            defaultValue = "1",
            description = "coordinators (default ${DEFAULT-VALUE})")
    private int coordinators;

    @Option(
            names = "--port",
            defaultValue = "7400",
            description = "the first port (default ${DEFAULT-VALUE})")
    private int port;

    @Option(
            names = "--drive-size",
            defaultValue = "20G",
            paramLabel = "SIZE",
            description = "what a drive may use at most (default ${DEFAULT-VALUE})")
    @SuppressWarnings("NullAway.Init")
    private ByteCount driveSize;

    @Option(
            names = "--drives-per-node",
            defaultValue = "1",
            description = "drives of a node (default ${DEFAULT-VALUE})")
    private int drivesPerNode;

    @Option(
            names = "--zones",
            defaultValue = "1",
            description = "zones that the nodes are spread over (default ${DEFAULT-VALUE})")
    private int zones;

    @Override
    protected int run() throws Exception {
        requireRange("--nodes", nodes, 1, LocalCluster.MAX_NODES);
        requireRange("--coordinators", coordinators, 1, LocalCluster.MAX_COORDINATORS);
        requireRange("--port", port, 1, 65535 - LocalCluster.MAX_NODES - 16);
        requireRange("--drives-per-node", drivesPerNode, 1, 16);
        requireRange("--zones", zones, 1, nodes);
        if (driveSize.bytes() < MIN_DRIVE_BYTES || driveSize.bytes() > MAX_DRIVE_BYTES) {
            throw misuse("--drive-size is " + driveSize.bytes() + " bytes, expected "
                    + Sizes.format(MIN_DRIVE_BYTES) + " to " + Sizes.format(MAX_DRIVE_BYTES));
        }
        long start = System.nanoTime();
        LocalCluster.Shape asked = new LocalCluster.Shape(
                coordinators, nodes, port, driveSize.bytes(), drivesPerNode, zones);
        LocalCluster cluster = LocalCluster.openOrCreate(directory, asked);
        requireSame(cluster, asked);
        int started = cluster.startAll().size();
        ClusterReadiness.await(cluster);
        ClusterFile file = cluster.file();
        String text = started == 0
                ? "it was up already"
                : "started " + Sizes.count(started, "process") + " in "
                        + Sizes.seconds(System.nanoTime() - start);
        console()
                .line("up: " + Sizes.count(file.coordinators().size(), "coordinator") + ", "
                        + Sizes.count(file.nodes().size(), "node") + " at " + cluster.directory()
                        + ": " + text);
        String addresses = String.join(
                ",",
                cluster.coordinatorAddresses().stream().map(Object::toString).toList());
        if (!addresses.equals(AshlarCommand.DEFAULT_COORDINATOR)) {
            console().line("reach it with: export ASHLAR_COORDINATOR=" + addresses);
        }
        if (console().isJson()) {
            Map<String, Object> object = new LinkedHashMap<>();
            object.put("dir", cluster.directory().toString());
            object.put("started", started);
            object.put("coordinators", List.of(addresses.split(",", -1)));
            object.put("nodes", file.nodes().size());
            console().json(object);
        }
        return CommandTree.DONE;
    }

    /** A cluster stays what it was made as; whoever asks for another is told, not ignored. */
    private void requireSame(LocalCluster cluster, LocalCluster.Shape asked) throws IOException {
        LocalCluster.Shape made = cluster.shape();
        requireSame("--coordinators", asked.coordinators(), made.coordinators());
        requireSame("--nodes", asked.nodes(), made.nodes());
        requireSame("--port", asked.port(), made.port());
        requireSame("--drive-size", asked.driveBytes(), made.driveBytes());
        requireSame("--drives-per-node", asked.drivesPerNode(), made.drivesPerNode());
        requireSame("--zones", asked.zones(), made.zones());
    }

    private void requireSame(String option, long asked, long made) {
        boolean isGiven = spec().commandLine().getParseResult().hasMatchedOption(option);
        if (isGiven && asked != made) {
            throw misuse(option + " is " + asked + ", but the cluster in " + directory
                    + " was made with " + made
                    + ": leave the option out, or choose another directory");
        }
    }

    private void requireRange(String name, int value, int min, int max) {
        if (value < min || value > max) {
            throw misuse(name + " is " + value + ", expected " + min + " to " + max);
        }
    }
}
