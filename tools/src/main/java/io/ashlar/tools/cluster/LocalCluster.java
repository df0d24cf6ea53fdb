package io.ashlar.tools.cluster;

import io.ashlar.client.AshlarException;
import io.ashlar.client.model.Address;
import io.ashlar.tools.cluster.ClusterFile.Member;
import io.ashlar.tools.cluster.ServerProcess.Kind;

import java.io.IOException;
import java.net.InetSocketAddress;
import java.net.ServerSocket;
import java.nio.channels.FileChannel;
import java.nio.channels.FileLock;
import java.nio.channels.OverlappingFileLockException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;

/**
 * A cluster of real processes on this machine, all in one directory: a directory for each process
 * with its configuration, its log and its drives or data. What is created is kept: started again
 * on the same directory, the same cluster goes on.
 */
public final class LocalCluster {
    public static final int MAX_COORDINATORS = 5;
    public static final int MAX_NODES = 64;

    private static final String HOST = "127.0.0.1";

    /** From the first coordinator's port: those of the coordinators' Raft, and of the nodes. */
    private static final int RAFT_PORTS_AT = MAX_COORDINATORS;

    private static final int NODE_PORTS_AT = 11;
    private static final Duration STOP_PATIENCE = Duration.ofSeconds(20);

    private final Path directory;
    private ClusterFile file;

    private LocalCluster(Path directory, ClusterFile file) {
        this.directory = directory;
        this.file = file;
    }

    /** What a cluster is to be, or was made as. */
    public record Shape(
            int coordinators, int nodes, int port, long driveBytes, int drivesPerNode, int zones) {}

    /** The cluster that lives in the directory. */
    public static LocalCluster open(Path directory) throws IOException {
        Path absolute = directory.toAbsolutePath().normalize();
        return new LocalCluster(absolute, ClusterFile.load(absolute));
    }

    /** The cluster that lives in the directory, or a new one of this shape; nothing is started. */
    public static LocalCluster openOrCreate(Path directory, Shape shape) throws IOException {
        Path absolute = directory.toAbsolutePath().normalize();
        if (Files.exists(absolute.resolve(ClusterFile.NAME))) {
            return open(absolute);
        }
        List<Member> coordinators = new ArrayList<>();
        for (int i = 1; i <= shape.coordinators(); i++) {
            String id = "c" + i;
            Address address = new Address(HOST, shape.port() + i - 1);
            coordinators.add(new Member(id, address, 0, absolute.resolve(id), "", List.of()));
        }
        List<Member> nodes = new ArrayList<>();
        for (int i = 1; i <= shape.nodes(); i++) {
            String id = "n" + i;
            Address address = new Address(HOST, shape.port() + NODE_PORTS_AT + i - 1);
            List<Path> drives = new ArrayList<>();
            for (int drive = 1; drive <= shape.drivesPerNode(); drive++) {
                drives.add(absolute.resolve(id).resolve("drive" + drive));
            }
            String zone = "z" + ((i - 1) % shape.zones() + 1);
            nodes.add(new Member(id, address, 0, absolute.resolve(id), zone, drives));
        }
        ClusterFile file = new ClusterFile(coordinators, nodes);
        requireFreePorts(file.members());
        Files.createDirectories(absolute);
        for (Member member : file.members()) {
            Files.createDirectories(member.directory());
        }
        for (Member coordinator : coordinators) {
            ServerConfiguration.writeCoordinator(coordinator, coordinators, RAFT_PORTS_AT);
        }
        for (Member node : nodes) {
            for (Path drive : node.drives()) {
                Files.createDirectories(drive);
            }
            ServerConfiguration.writeNode(node, coordinators, shape.driveBytes());
        }
        file.save(absolute);
        return new LocalCluster(absolute, file);
    }

    public Path directory() {
        return directory;
    }

    /** What it was made as; its drives are as large as those of its first node. */
    public Shape shape() throws IOException {
        Member node = file.nodes().getFirst();
        return new Shape(
                file.coordinators().size(),
                file.nodes().size(),
                file.coordinators().getFirst().address().port(),
                ServerConfiguration.driveBytes(node),
                node.drives().size(),
                (int) file.nodes().stream().map(Member::zone).distinct().count());
    }

    public ClusterFile file() {
        return file;
    }

    public List<Address> coordinatorAddresses() {
        return file.coordinators().stream().map(Member::address).toList();
    }

    public boolean isRunning(Member member) {
        return ServerProcess.find(member).isPresent();
    }

    /** Starts every process that does not run; those it started. */
    public List<Member> startAll() throws IOException {
        try (FileChannel channel = lockFile();
                FileLock _ = lock(channel)) {
            file = ClusterFile.load(directory);
            List<Member> stopped =
                    file.members().stream().filter(member -> !isRunning(member)).toList();
            requireFreePorts(stopped);
            for (Member member : stopped) {
                startLocked(member);
            }
            return stopped;
        }
    }

    /** Starts one process again; false where it runs. */
    public boolean start(String id) throws IOException {
        try (FileChannel channel = lockFile();
                FileLock _ = lock(channel)) {
            file = ClusterFile.load(directory);
            Member member = member(id);
            if (isRunning(member)) {
                return false;
            }
            requireFreePorts(List.of(member));
            startLocked(member);
            return true;
        }
    }

    private void startLocked(Member member) throws IOException {
        Kind kind = file.coordinators().contains(member) ? Kind.COORDINATOR : Kind.NODE;
        long pid = ServerProcess.start(kind, member);
        file = file.with(member.withPid(pid));
        file.save(directory);
    }

    /** Fails where a process that was started has ended. */
    public void requireAllRunning() throws IOException {
        for (Member member : file.members()) {
            if (!isRunning(member)) {
                throw ServerProcess.diedEarly(member);
            }
        }
    }

    public void requireRunning(String id) throws IOException {
        Member member = member(id);
        if (!isRunning(member)) {
            throw ServerProcess.diedEarly(member);
        }
    }

    /** Stops every process cleanly, nodes first; the ids of those that had to be killed. */
    public List<String> stopAll() throws IOException, InterruptedException {
        List<String> killed = new ArrayList<>();
        try (FileChannel channel = lockFile();
                FileLock _ = lock(channel)) {
            file = ClusterFile.load(directory);
            stop(file.nodes(), killed);
            stop(file.coordinators(), killed);
        }
        return killed;
    }

    private void stop(List<Member> members, List<String> killed) throws InterruptedException {
        for (Member member : members) {
            ServerProcess.find(member).ifPresent(ProcessHandle::destroy);
        }
        for (Member member : members) {
            Optional<ProcessHandle> process = ServerProcess.find(member);
            if (process.isPresent() && !ServerProcess.stop(process.get(), STOP_PATIENCE)) {
                boolean _ = process.get().destroyForcibly();
                killed.add(member.id());
            }
        }
    }

    /** Kills a process (SIGKILL) and waits until it is gone; its machine ends its connections. */
    public void kill(String id) throws IOException {
        ProcessHandle process = running(id);
        boolean _ = process.destroyForcibly();
        process.onExit().join();
    }

    /** Makes a process say nothing any more (SIGSTOP), as one without power: no connection ends. */
    public void silence(String id) throws IOException, InterruptedException {
        ServerProcess.signal("STOP", running(id));
    }

    /** Lets a process that was silenced go on. */
    public void wake(String id) throws IOException, InterruptedException {
        ServerProcess.signal("CONT", running(id));
    }

    private ProcessHandle running(String id) throws AshlarException {
        return ServerProcess.find(member(id))
                .orElseThrow(() -> new AshlarException.Unavailable(id + " does not run"));
    }

    public Member member(String id) throws AshlarException {
        return file.find(id)
                .orElseThrow(() -> new AshlarException.NotFound(
                        "no process \"" + id + "\" in " + directory + ": expected one of "
                                + file.members().stream().map(Member::id).toList()));
    }

    private static void requireFreePorts(List<Member> members) throws AshlarException {
        for (Member member : members) {
            Address address = member.address();
            try (ServerSocket socket = new ServerSocket()) {
                socket.setReuseAddress(true);
                socket.bind(new InetSocketAddress(address.host(), address.port()));
            } catch (IOException e) {
                throw new AshlarException.Unavailable(
                        "port " + address.port() + " is occupied, " + member.id()
                                + " needs it: stop what uses it, or choose others with --port");
            }
        }
    }

    /** One command at a time changes the directory. */
    private FileChannel lockFile() throws IOException {
        return FileChannel.open(
                directory.resolve("lock"), StandardOpenOption.CREATE, StandardOpenOption.WRITE);
    }

    private FileLock lock(FileChannel channel) throws IOException {
        try {
            return channel.lock();
        } catch (OverlappingFileLockException e) {
            throw new IllegalStateException("two commands of one process on " + directory, e);
        }
    }
}
