package io.ashlar.tools;

import io.ashlar.client.model.Address;
import io.ashlar.client.transport.NettyTransport;
import io.ashlar.client.transport.Transport;
import io.ashlar.coordinator.Coordinator;
import io.ashlar.coordinator.CoordinatorConfig;
import io.ashlar.node.StorageNode;
import io.ashlar.node.StorageNodeConfig;
import io.ashlar.tools.cluster.ClusterConnection;
import io.ashlar.tools.cluster.ClusterOperations;
import io.ashlar.tools.command.CommandTree;
import io.ashlar.tools.output.Console;

import java.io.IOException;
import java.io.InputStream;
import java.io.OutputStream;
import java.io.PrintStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.List;
import java.util.Map;
import java.util.Random;
import java.util.stream.Stream;

/**
 * What the launcher runs once after a build, so that the JVM records the classes that commands and
 * servers load: a small cluster within this process, and the commands people use most. What fails
 * here only starts slower later.
 */
public final class Training {
    private static final int NODES = 3;
    private static final long DRIVE_BYTES = 512L << 20;
    private static final int IMAGE_BYTES = 8 << 20;
    private static final Duration PATIENCE = Duration.ofSeconds(20);
    private static final Duration POLL = Duration.ofMillis(50);

    private Training() {}

    public static void main(String[] args) throws Exception {
        LogConfigurator.enableByDefault();
        Path directory = Files.createTempDirectory("ashlar-training-");
        Runtime.getRuntime().addShutdownHook(new Thread(() -> deleteTree(directory)));
        try (Transport transport = new NettyTransport("ashlar", 1)) {
            List<AutoCloseable> servers = new ArrayList<>();
            Address coordinator = startServers(transport, directory, servers);
            runCommands(coordinator.toString(), directory);
            for (AutoCloseable server : servers.reversed()) {
                server.close();
            }
        }
        System.exit(0);
    }

    private static Address startServers(
            Transport transport, Path directory, List<AutoCloseable> servers)
            throws IOException, InterruptedException {
        Address anyPort = new Address("127.0.0.1", 0);
        Path file = directory.resolve("coordinator");
        Files.writeString(
                file, "id = c1\nlisten = " + anyPort + "\ndirectory = " + directory.resolve("c1"));
        Coordinator coordinator = Coordinator.start(CoordinatorConfig.load(file), transport);
        servers.add(coordinator);
        List<Address> coordinators = List.of(coordinator.address());
        for (int i = 1; i <= NODES; i++) {
            String drive = directory.resolve("drive" + i).toString();
            StorageNodeConfig config = StorageNodeConfig.of(
                    "n" + i,
                    anyPort,
                    "",
                    coordinators,
                    List.of(new StorageNodeConfig.DriveConfig(drive, DRIVE_BYTES)));
            servers.add(
                    StorageNode.start(StorageNodeConfig.parse(config.text(), "node"), transport));
        }
        awaitNodes(coordinators);
        return coordinator.address();
    }

    private static void awaitNodes(List<Address> coordinators)
            throws IOException, InterruptedException {
        long deadline = System.nanoTime() + PATIENCE.toNanos();
        try (ClusterConnection connection = new ClusterConnection(coordinators)) {
            while (ClusterOperations.up(ClusterOperations.status(connection)).size() < NODES
                    && System.nanoTime() < deadline) {
                Thread.sleep(POLL);
            }
        }
    }

    private static void runCommands(String coordinator, Path directory) throws IOException {
        Path image = directory.resolve("image");
        byte[] bytes = new byte[IMAGE_BYTES];
        new Random(1).nextBytes(bytes);
        Files.write(image, bytes);
        String exported = directory.resolve("exported").toString();
        for (List<String> line : List.of(
                List.of("--help"),
                List.of("completion", "bash"),
                List.of("no-such-command"),
                List.of("volume", "create", "v", "--size", "8M", "--policy", "rs-1-2"),
                List.of("volume", "import", image.toString(), "v"),
                List.of("volume", "export", "v", exported),
                List.of("volume", "verify", "v", "--every-pattern"),
                List.of("volume", "list"),
                List.of("volume", "info", "v", "--json"),
                List.of("status"),
                List.of("status", "--json"),
                List.of("node", "list"),
                List.of("events"),
                List.of("scrub", "start", "--wait"),
                List.of("repair", "start", "--wait"),
                List.of("volume", "delete", "v"),
                List.of("down", "--dir", exported))) {
            List<String> arguments = new ArrayList<>(line);
            if (!line.getFirst().startsWith("-") && !line.getFirst().startsWith("no-")) {
                arguments.addAll(List.of("--coordinator", coordinator));
            }
            run(arguments);
        }
    }

    private static void run(List<String> arguments) {
        PrintStream nowhere = new PrintStream(OutputStream.nullOutputStream());
        Console console =
                new Console(InputStream.nullInputStream(), nowhere, nowhere, Map.of(), false);
        int exitCode = CommandTree.run(console, arguments.toArray(String[]::new));
        System.err.println(exitCode + " " + String.join(" ", arguments));
    }

    private static void deleteTree(Path root) {
        try (Stream<Path> walk = Files.walk(root)) {
            for (Path path : walk.sorted(Comparator.reverseOrder()).toList()) {
                Files.delete(path);
            }
        } catch (IOException e) {
            System.err.println("cannot delete " + root + ": " + e.getMessage());
        }
    }
}
