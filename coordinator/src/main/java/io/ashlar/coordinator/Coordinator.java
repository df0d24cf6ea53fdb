package io.ashlar.coordinator;

import io.ashlar.client.model.Address;
import io.ashlar.client.transport.Loop;
import io.ashlar.client.transport.Transport;
import io.ashlar.coordinator.log.RatisLog;
import io.ashlar.coordinator.metadata.FailStopStore;
import io.ashlar.coordinator.metadata.Metadata;
import io.ashlar.coordinator.metadata.RocksMetadataStore;

import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

import java.io.IOException;
import java.nio.file.Path;
import java.security.SecureRandom;
import java.util.SortedMap;
import java.util.TreeMap;
import java.util.concurrent.CompletableFuture;

/** A coordinator process: the metadata in RocksDB, its log in Raft, and a port that serves it. */
public final class Coordinator implements AutoCloseable {
    private static final Logger LOG = LoggerFactory.getLogger(Coordinator.class);

    private final Loop loop;
    private final FailStopStore store;
    private final RatisLog log;
    private final CoordinatorService service;
    private final Transport.Listener listener;

    private Coordinator(
            Loop loop,
            FailStopStore store,
            RatisLog log,
            CoordinatorService service,
            Transport.Listener listener) {
        this.loop = loop;
        this.store = store;
        this.log = log;
        this.service = service;
        this.listener = listener;
    }

    /** Starts one; it serves when this returns, and leads a moment later where it is alone. */
    public static Coordinator start(CoordinatorConfig config, Transport transport)
            throws IOException {
        LOG.info("event=coordinator_starting config={}", config);
        Loop loop = transport.nextLoop();
        FailStopStore store = new FailStopStore(
                RocksMetadataStore.open(config.directory().resolve("metadata")), Coordinator::halt);
        Metadata metadata = new Metadata(store);
        RatisLog log = null;
        try {
            log = RatisLog.start(settings(config), loop, metadata, store);
            CoordinatorService service =
                    new CoordinatorService(config, loop, new SecureRandom(), metadata, log);
            Transport.Listener listener = transport.listen(config.listen(), service);
            service.start();
            LOG.info(
                    "event=coordinator_started id={} address={} applied={}",
                    config.id(),
                    listener.address(),
                    metadata.appliedIndex());
            return new Coordinator(loop, store, log, service, listener);
        } catch (IOException | RuntimeException e) {
            if (log != null) {
                log.close();
            }
            store.close();
            throw e;
        }
    }

    /** At once: an orderly end would go on answering, and write to the store that failed. */
    private static void halt() {
        LOG.error("event=coordinator_halted reason=\"its metadata failed\"");
        Runtime.getRuntime().halt(1);
    }

    private static RatisLog.Settings settings(CoordinatorConfig config) {
        SortedMap<String, Address> peers = new TreeMap<>();
        config.peers().forEach((id, peer) -> peers.put(id, peer.raft()));
        Path directory = config.directory().resolve("log");
        return new RatisLog.Settings(
                config.id(),
                peers,
                directory,
                config.raftRpc(),
                config.timings().election().toMillis(),
                RatisLog.SNAPSHOT_EVERY_ENTRIES,
                RatisLog.FILE_BYTES);
    }

    /** Where it serves. */
    public Address address() {
        return listener.address();
    }

    /** Stops serving, then the log, then the metadata: what is applied is kept. */
    @Override
    public void close() {
        listener.close();
        service.stop();
        log.close();
        CompletableFuture<Void> applied = new CompletableFuture<>();
        loop.execute(() -> applied.complete(null));
        applied.join();
        store.sync();
        store.close();
        LOG.info("event=coordinator_stopped");
    }
}
