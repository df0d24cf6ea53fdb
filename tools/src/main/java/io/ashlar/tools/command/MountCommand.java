package io.ashlar.tools.command;

import static java.nio.charset.StandardCharsets.UTF_8;

import io.ashlar.client.AshlarClient;
import io.ashlar.client.AshlarException;
import io.ashlar.client.ClientConfig;
import io.ashlar.client.OpenOptions;
import io.ashlar.client.Volume;
import io.ashlar.client.model.VolumeName;
import io.ashlar.client.nbd.NbdServer;
import io.ashlar.client.nbd.VolumeDisk;
import io.ashlar.client.transport.NettyTransport;
import io.ashlar.tools.LogConfigurator;

import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

import picocli.CommandLine.ArgGroup;
import picocli.CommandLine.Command;
import picocli.CommandLine.Option;
import picocli.CommandLine.Parameters;

import java.io.IOException;
import java.net.ConnectException;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.net.ServerSocket;
import java.net.SocketAddress;
import java.net.URI;
import java.net.URISyntaxException;
import java.net.UnixDomainSocketAddress;
import java.nio.channels.SocketChannel;
import java.nio.file.Files;
import java.nio.file.LinkOption;
import java.nio.file.Path;
import java.security.SecureRandom;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Deque;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.concurrent.CountDownLatch;

@Command(
        name = "mount",
        description = {
            "Serve volumes as NBD exports of their names, until SIGTERM.",
            "Prints a line with \"ready\" and its address for each volume when it serves."
        })
final class MountCommand extends Leaf {
    /** What the system takes of a Unix socket's path. */
    private static final int MAX_SOCKET_PATH_BYTES = 107;

    /** Of a file's mode, S_IFMT and S_IFSOCK. */
    private static final int FILE_TYPE = 0xf000;

    private static final int SOCKET_TYPE = 0xc000;

    @Parameters(arity = "1..*", paramLabel = "NAME", description = "the volumes")
    @SuppressWarnings("NullAway.Init")
    private List<VolumeName> names;

    @ArgGroup(multiplicity = "1")
    @SuppressWarnings("NullAway.Init")
    private Place place;

    /** Where it listens. */
    static final class Place {
        @Option(names = "--socket", paramLabel = "PATH", description = "listen on a Unix socket")
        private @Nullable Path socket;

        @Option(
                names = "--port",
                paramLabel = "N",
                description = "listen on this machine's loopback address; 0 is any free port")
        private @Nullable Integer port;
    }

    @Option(names = "--read-only", description = "refuse writes")
    private boolean readOnly;

    @Option(
            names = "--steal",
            description = "take the volumes from whoever has them: their writes fail")
    private boolean steal;

    private final Deque<AutoCloseable> open = new ArrayDeque<>();
    private boolean stopping;
    private volatile boolean failed;

    @Override
    protected int run() throws Exception {
        requireSense();
        LogConfigurator.enableByDefault();
        Logger log = LoggerFactory.getLogger("io.ashlar.tools.Server");
        Runtime.getRuntime().addShutdownHook(new Thread(() -> stop(log), "ashlar-stop"));
        try {
            serve();
        } catch (Exception e) {
            failed = true;
            close(log);
            throw e;
        }
        new CountDownLatch(1).await();
        throw new IllegalStateException("a server ended by itself");
    }

    private void requireSense() {
        if (Set.copyOf(names).size() < names.size()) {
            throw misuse("a volume is named twice");
        }
        if (place.port != null && (place.port < 0 || place.port > 65535)) {
            throw misuse("--port is " + place.port + ", expected 0 to 65535");
        }
        if (place.socket != null
                && place.socket.toAbsolutePath().toString().getBytes(UTF_8).length
                        > MAX_SOCKET_PATH_BYTES) {
            throw misuse("--socket: a path of more than " + MAX_SOCKET_PATH_BYTES
                    + " bytes cannot be a socket's: " + place.socket.toAbsolutePath());
        }
    }

    private void serve() throws IOException, CommandFailed {
        if (place.socket != null) {
            requireDirectory(place.socket);
            removeIfStale(place.socket);
        } else if (place.port != null) {
            requireFree(place.port);
        }
        NettyTransport transport = new NettyTransport("ashlar-mount", 1);
        AshlarClient client = AshlarClient.connect(
                transport, coordinators(), ClientConfig.DEFAULT, new SecureRandom());
        hold(client);
        OpenOptions options = OpenOptions.forProcess("mount");
        List<VolumeDisk> disks = new ArrayList<>();
        for (VolumeName name : names) {
            Volume volume = client.open(name.text(), steal ? options.stealing() : options);
            hold(volume);
            disks.add(new VolumeDisk(volume, readOnly));
        }
        NbdServer server = NbdServer.start(transport, address(), disks);
        if (place.socket != null) {
            hold(() -> Files.deleteIfExists(place.socket));
        }
        hold(server);
        for (VolumeName name : names) {
            ready(name, server.address());
        }
    }

    /** Closed in the opposite order. */
    private void hold(AutoCloseable resource) throws IOException {
        synchronized (open) {
            if (!stopping) {
                open.push(resource);
                return;
            }
        }
        try {
            resource.close();
        } catch (Exception e) {
            throw new IOException("not closed cleanly: " + reason(e), e);
        }
    }

    private SocketAddress address() {
        return place.socket != null
                ? UnixDomainSocketAddress.of(place.socket.toAbsolutePath())
                : new InetSocketAddress(
                        InetAddress.getLoopbackAddress(), place.port == null ? 0 : place.port);
    }

    /** Whoever cannot listen is to take no volume from anybody first. */
    private static void requireFree(int port) throws CommandFailed {
        try {
            new ServerSocket(port, 1, InetAddress.getLoopbackAddress()).close();
        } catch (IOException e) {
            throw new CommandFailed("nobody can listen at port " + port + ": " + reason(e)
                    + "; choose another, or 0 for any that is free");
        }
    }

    private static void requireDirectory(Path socket) throws CommandFailed {
        Path directory = socket.toAbsolutePath().getParent();
        if (directory == null || !Files.isDirectory(directory) || !Files.isWritable(directory)) {
            throw new CommandFailed("no socket can be made in " + directory
                    + ": expected a directory that can be written to");
        }
    }

    /** A server that was killed leaves its socket's file: nobody answers there. */
    private static void removeIfStale(Path socket) throws IOException, CommandFailed {
        if (!Files.exists(socket, LinkOption.NOFOLLOW_LINKS)) {
            return;
        }
        int mode = (int) Files.getAttribute(socket, "unix:mode", LinkOption.NOFOLLOW_LINKS);
        if ((mode & FILE_TYPE) != SOCKET_TYPE) {
            throw new CommandFailed(socket + " is there already, and is no socket: choose another"
                    + " path, or remove it");
        }
        if (answers(socket)) {
            throw new CommandFailed("another server listens on " + socket
                    + ": stop that one first, or choose another path");
        }
        Files.delete(socket);
    }

    private static boolean answers(Path socket) throws IOException {
        try (SocketChannel channel = SocketChannel.open(UnixDomainSocketAddress.of(socket))) {
            return channel.isConnected();
        } catch (ConnectException e) {
            return false;
        }
    }

    private void ready(VolumeName name, SocketAddress address) throws IOException {
        String uri = uri(name, address);
        console().line("ready " + uri);
        if (console().isJson()) {
            Map<String, Object> object = new LinkedHashMap<>();
            object.put("volume", name.text());
            object.put("ready", uri);
            console().json(object);
        }
    }

    private String uri(VolumeName name, SocketAddress address) throws IOException {
        try {
            String path = "/" + name.text();
            return address instanceof InetSocketAddress inet
                    ? new URI(
                                    "nbd",
                                    null,
                                    inet.getAddress().getHostAddress(),
                                    inet.getPort(),
                                    path,
                                    null,
                                    null)
                            .toASCIIString()
                    : new URI("nbd+unix", "", path, "socket=" + address, null).toASCIIString();
        } catch (URISyntaxException e) {
            throw new IOException("no address can be made of " + address, e);
        }
    }

    private void stop(Logger log) {
        if (failed) {
            return;
        }
        int exitCode = close(log) ? CommandTree.DONE : CommandTree.FAILED;
        // Without this the exit code would be the signal's.
        Runtime.getRuntime().halt(exitCode);
    }

    /** Whether nothing failed. */
    private boolean close(Logger log) {
        boolean clean = true;
        synchronized (open) {
            stopping = true;
            while (!open.isEmpty()) {
                try {
                    AutoCloseable last = open.pop();
                    if (last instanceof Volume) {
                        beginClosingVolumes();
                    }
                    last.close();
                } catch (Exception e) {
                    clean = false;
                    log.error("event=unclean_stop reason=\"{}\"", reason(e));
                }
            }
        }
        return clean;
    }

    /** So that many take no longer than one does where no coordinator answers. */
    private void beginClosingVolumes() {
        for (AutoCloseable resource : open) {
            if (resource instanceof Volume volume) {
                var _ = volume.closeAsync();
            }
        }
    }

    private static String reason(Exception e) {
        return e instanceof AshlarException failure ? failure.getMessage() : e.toString();
    }
}
