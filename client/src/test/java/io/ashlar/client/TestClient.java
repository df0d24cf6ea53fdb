package io.ashlar.client;

import io.ashlar.client.cluster.Cluster;
import io.ashlar.client.cluster.CoordinatorCalls;
import io.ashlar.client.cluster.NodeHealth;
import io.ashlar.client.fake.FakeCluster;
import io.ashlar.client.fake.FakeLoop;
import io.ashlar.client.log.VolumeOpening;
import io.ashlar.client.protocol.AbandonedVolume;
import io.ashlar.client.stripe.DamageReports;

import java.nio.ByteBuffer;
import java.util.List;
import java.util.Set;
import java.util.concurrent.CompletableFuture;
import java.util.function.Supplier;
import java.util.random.RandomGenerator;

/** A client process of a fake cluster, which has one volume open. */
final class TestClient {
    static final long SECOND = 1_000_000_000L;
    private static final long PATIENCE_NANOS = 60 * SECOND;

    private final FakeLoop loop;
    private final FakeCluster.ClientTransport transport;
    private final Cluster reached;

    TestClient(FakeLoop loop, FakeCluster cluster, RandomGenerator random, ClientConfig config) {
        this.loop = loop;
        this.transport = cluster.newClient();
        this.reached = new Cluster(
                transport,
                loop,
                random,
                new CoordinatorCalls(transport, loop, List.of(FakeCluster.COORDINATOR)),
                new NodeHealth(),
                config);
    }

    Volume open() {
        return finish(this::openAsync);
    }

    CompletableFuture<Volume> openAsync() {
        return Volume.open(reached, "disk0", new OpenOptions("test"));
    }

    /** As an operator does it who gives up what cannot be recovered now. */
    CompletableFuture<Volume> openGivingUp() {
        return Volume.open(reached, "disk0", new OpenOptions("operator").givingUp());
    }

    /** And who says that these nodes will never come back. */
    CompletableFuture<Volume> openWithout(Set<String> nodes) {
        return Volume.open(
                reached, "disk0", new OpenOptions("operator").givingUp().withoutNodes(nodes));
    }

    /** As a worker does it that was ordered to. */
    CompletableFuture<Void> sealTail(AbandonedVolume left) {
        return VolumeOpening.sealTail(reached, left, "worker", new DamageReports(reached));
    }

    void write(Volume volume, int firstBlock, byte[] bytes) {
        finish(() -> volume.writeAsync(firstBlock * 4096L, ByteBuffer.wrap(bytes)));
    }

    byte[] read(Volume volume, int firstBlock, int blockCount) {
        byte[] bytes = new byte[blockCount * 4096];
        finish(() -> volume.readAsync(firstBlock * 4096L, ByteBuffer.wrap(bytes)));
        return bytes;
    }

    VolumeStats stats(Volume volume) {
        return finish(volume::statsAsync);
    }

    void close(Volume volume) {
        finish(volume::closeAsync);
    }

    <T> T finish(Supplier<CompletableFuture<T>> action) {
        CompletableFuture<T> outcome = action.get();
        loop.runUntil(outcome::isDone, PATIENCE_NANOS);
        return outcome.join();
    }

    void hearCoordinator(boolean hears) {
        transport.hearCoordinator(hears);
    }

    /** Dies, and gives its memory back. */
    void kill() {
        transport.kill();
        loop.runFor(10 * SECOND);
    }
}
