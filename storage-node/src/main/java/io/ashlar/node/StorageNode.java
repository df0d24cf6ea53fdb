package io.ashlar.node;

import io.ashlar.client.AshlarException;
import io.ashlar.client.ClientConfig;
import io.ashlar.client.cluster.Cluster;
import io.ashlar.client.cluster.CoordinatorCalls;
import io.ashlar.client.cluster.NodeHealth;
import io.ashlar.client.model.Address;
import io.ashlar.client.model.DriveId;
import io.ashlar.client.protocol.Done;
import io.ashlar.client.transport.Buffer;
import io.ashlar.client.transport.Loop;
import io.ashlar.client.transport.Transport;

import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

import java.io.IOException;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;

/**
 * A storage node in service: its drives, the port that it serves them on, and its link to the
 * coordinator. The transport is the caller's, and is closed by the caller after the node.
 */
public final class StorageNode implements AutoCloseable {
    private static final Logger log = LoggerFactory.getLogger(StorageNode.class);

    private static final long ARENA_CHECK_NANOS = 5_000_000_000L;

    /** Records that may wait for a drive's thread, where there is memory for so many. */
    private static final long MAX_QUEUED_APPEND_BYTES = 256L << 20;

    private final StorageNodeConfig config;
    private final NodePlatform platform;
    private final Loop loop;
    private final DamageLog damage = new DamageLog();
    private final Drives drives;
    private final Scrubber scrubber;
    private final Transport.Listener listener;
    private volatile @Nullable CoordinatorLink link;
    private volatile boolean closed;

    private StorageNode(StorageNodeConfig config, Transport transport, NodePlatform platform)
            throws IOException {
        this.config = config;
        this.platform = platform;
        this.loop = transport.nextLoop();
        this.drives = openDrives();
        this.scrubber = new Scrubber(loop, drives, damage, config.scrubBytesPerSecond());
        this.listener = listen(transport);
        var coordinator = new CoordinatorCalls(transport, loop, config.coordinators());
        CoordinatorLink link = new CoordinatorLink(
                loop,
                coordinator,
                new CoordinatorLink.Self(
                        config.node(),
                        advertised().toString(),
                        config.zone(),
                        config.heartbeatInterval(),
                        config.inventoryPageShards()),
                drives,
                damage,
                platform.random(),
                scrubber::scrubbedBytes);
        var cluster = new Cluster(
                transport,
                loop,
                platform.random(),
                coordinator,
                new NodeHealth(),
                ClientConfig.DEFAULT);
        var carrier = new OrderCarrier(
                loop,
                transport,
                drives,
                scrubber,
                new TailSealer(cluster, config.node()),
                config.rebuildsAtOnce());
        var orders = new OrderBook(loop, drives, carrier, link::tellSoon);
        this.link = link;
        loop.execute(() -> link.start(orders));
        loop.execute(this::checkArenas);
    }

    /** Starts a node on this machine's drives; serves when it returns. */
    public static StorageNode start(StorageNodeConfig config, Transport transport)
            throws IOException {
        return start(config, transport, new MachinePlatform());
    }

    /** Starts a node; takes over the platform. */
    public static StorageNode start(
            StorageNodeConfig config, Transport transport, NodePlatform platform)
            throws IOException {
        log.info("node={} state=starting config={}", config.node(), config);
        try {
            var node = new StorageNode(config, transport, platform);
            log.info(
                    "node={} state=serving address={} drives={}",
                    config.node(),
                    node.address(),
                    node.drives.all().size());
            return node;
        } catch (IOException | RuntimeException e) {
            platform.close();
            throw e;
        }
    }

    /**
     * A drive that cannot be read, or not be understood, does not keep the others from being
     * served; one that should not be served here does.
     */
    private Drives openDrives() throws IOException {
        List<Drive> opened = new ArrayList<>();
        IOException broken = null;
        try {
            for (StorageNodeConfig.DriveConfig drive : config.drives()) {
                try {
                    opened.add(openDrive(drive));
                } catch (IOException e) {
                    if (e instanceof AshlarException && !(e instanceof AshlarException.Corrupt)) {
                        throw e;
                    }
                    log.error(
                            "drive={} state=broken not served until the node is started again: {}",
                            drive.directory(),
                            e.getMessage());
                    broken = e;
                }
            }
            checkDistinct(opened);
            if (opened.isEmpty() && broken != null) {
                throw broken;
            }
            return new Drives(List.copyOf(opened));
        } catch (IOException | RuntimeException e) {
            opened.forEach(Drive::close);
            throw e;
        }
    }

    private static void checkDistinct(List<Drive> drives) throws AshlarException.Invalid {
        Map<DriveId, String> paths = new HashMap<>();
        for (Drive drive : drives) {
            String other = paths.put(drive.id(), drive.path());
            if (other != null) {
                throw new AshlarException.Invalid("drives " + other + " and " + drive.path()
                        + " are copies of one drive, " + drive.id() + ": remove one of them");
            }
        }
    }

    /** Half of the memory that buffers may take: the rest is for what comes in and goes out. */
    private long queuedAppendBytesPerDrive() {
        return Math.min(
                MAX_QUEUED_APPEND_BYTES,
                Buffer.maxMemoryBytes() / 2 / config.drives().size());
    }

    private Drive openDrive(StorageNodeConfig.DriveConfig drive) throws IOException {
        DriveDirectory directory = platform.directory(drive.directory());
        try {
            return Drive.open(
                    directory,
                    new Drive.Settings(
                            config.node(), drive.capacityBytes(), queuedAppendBytesPerDrive()),
                    new Drive.Threads(
                            platform.driveThread(drive.directory()),
                            platform.readers(drive.directory(), config.readersPerDrive())),
                    platform.random(),
                    damage,
                    this::driveChanged);
        } catch (IOException | RuntimeException e) {
            directory.close();
            throw e;
        }
    }

    private Transport.Listener listen(Transport transport) throws AshlarException {
        try {
            return transport.listen(config.listen(), new NodeService(drives));
        } catch (AshlarException e) {
            drives.all().forEach(Drive::close);
            throw e;
        }
    }

    /** Where it serves: the port is the one taken, where it was asked for any. */
    public Address address() {
        return listener.address();
    }

    private Address advertised() {
        Address advertised = config.advertise();
        return advertised.port() == 0
                ? new Address(advertised.host(), listener.address().port())
                : advertised;
    }

    /** A drive failed or lost shards; what happens before the first registration is in that. */
    private void driveChanged() {
        CoordinatorLink link = this.link;
        if (link != null) {
            link.registerSoon();
        }
    }

    /** A deleted arena is to be noticed within seconds, not at the next scrub. */
    private void checkArenas() {
        if (closed) {
            return;
        }
        for (Drive drive : drives.all()) {
            drive.checkArena(new Completion<>() {
                @Override
                public void done(Done value) {}

                @Override
                public void failed(AshlarException cause) {
                    log.error(
                            "drive={} cannot be looked after: {}",
                            drive.path(),
                            cause.getMessage());
                }
            });
        }
        loop.schedule(ARENA_CHECK_NANOS, this::checkArenas);
    }

    /** Ends as a process does that is killed, for simulations: nothing more is said or marked. */
    public void abandon() {
        listener.close();
        CoordinatorLink link = this.link;
        if (link != null) {
            link.stop();
        }
        closed = true;
        scrubber.stop();
    }

    /** Stops serving, marks every drive as stopped cleanly and gives it free. */
    @Override
    public void close() {
        listener.close();
        CoordinatorLink link = this.link;
        if (link != null) {
            link.stop();
        }
        closed = true;
        scrubber.stop();
        drives.all().forEach(Drive::stop);
        platform.close();
        drives.all().forEach(Drive::close);
        log.info("node={} state=stopped", config.node());
    }
}
