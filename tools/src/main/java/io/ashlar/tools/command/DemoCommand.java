package io.ashlar.tools.command;

import io.ashlar.tools.cluster.LocalCluster;
import io.ashlar.tools.demo.Demo;

import org.jspecify.annotations.Nullable;

import picocli.CommandLine.Command;
import picocli.CommandLine.Option;

import java.io.IOException;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.net.ServerSocket;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Comparator;
import java.util.List;
import java.util.stream.Stream;

@Command(
        name = "demo",
        description =
                "The whole story on this machine, verified: a cluster, a disk image, two nodes killed,"
                        + " rot, scrub, repair.")
final class DemoCommand extends Leaf {
    private static final int FIRST_PORT = 7400;
    private static final int LAST_PORT = 17400;
    private static final int PORT_STEP = 100;
    private static final int PORTS_NEEDED = 18;

    @Option(names = "--keep", description = "leave the cluster running, with its data")
    private boolean keep;

    @Option(
            names = "--dir",
            paramLabel = "DIR",
            description = "where to work, a new or empty directory (default: a temporary one)")
    private @Nullable Path directory;

    @Override
    protected int run() throws Exception {
        Path work = workDirectory();
        Thread stop = new Thread(() -> stopQuietly(work), "ashlar-demo-stop");
        Runtime.getRuntime().addShutdownHook(stop);
        boolean held = false;
        try {
            Demo.run(console(), work, freePort());
            held = true;
        } finally {
            boolean _ = Runtime.getRuntime().removeShutdownHook(stop);
            if (!held) {
                stopQuietly(work);
                console().error("the demo failed; images, drives and logs are kept in " + work);
            }
        }
        if (keep) {
            console()
                    .line("kept: ashlar status --coordinator "
                            + LocalCluster.open(work).coordinatorAddresses().getFirst()
                            + " shows it, ashlar down --dir " + work + " stops it");
        } else {
            stopQuietly(work);
            deleteTree(work);
        }
        return CommandTree.DONE;
    }

    private Path workDirectory() throws IOException, CommandFailed {
        if (directory == null) {
            return Files.createTempDirectory("ashlar-demo-").toRealPath();
        }
        Files.createDirectories(directory);
        try (Stream<Path> files = Files.list(directory)) {
            if (files.findAny().isPresent()) {
                throw new CommandFailed(directory + " is not empty: name a new or empty directory");
            }
        }
        return directory.toRealPath();
    }

    /** The first port of a free range: the demo must not meet a cluster that runs here already. */
    private static int freePort() throws CommandFailed {
        for (int port = FIRST_PORT; port <= LAST_PORT; port += PORT_STEP) {
            boolean free = true;
            for (int i = 0; free && i < PORTS_NEEDED; i++) {
                free = isFree(port + i);
            }
            if (free) {
                return port;
            }
        }
        throw new CommandFailed("no free ports between " + FIRST_PORT + " and " + LAST_PORT);
    }

    private static boolean isFree(int port) {
        try (ServerSocket socket = new ServerSocket()) {
            socket.setReuseAddress(true);
            socket.bind(new InetSocketAddress(InetAddress.getLoopbackAddress(), port));
            return true;
        } catch (IOException e) {
            return false;
        }
    }

    private void stopQuietly(Path work) {
        try {
            if (Files.exists(work.resolve("cluster.json"))) {
                List<String> _ = LocalCluster.open(work).stopAll();
            }
        } catch (IOException e) {
            console().error("cannot stop the demo's processes: " + e.getMessage());
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
        }
    }

    private static void deleteTree(Path root) throws IOException {
        List<Path> paths;
        try (Stream<Path> walk = Files.walk(root)) {
            paths = walk.sorted(Comparator.reverseOrder()).toList();
        }
        for (Path path : paths) {
            Files.delete(path);
        }
    }
}
