package io.ashlar.client;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.ashlar.client.cluster.Cluster;
import io.ashlar.client.cluster.CoordinatorCalls;
import io.ashlar.client.cluster.NodeHealth;
import io.ashlar.client.fake.FakeCluster;
import io.ashlar.client.fake.FakeLoop;
import io.ashlar.client.fake.PausableLoop;
import io.ashlar.client.model.Policy;
import io.ashlar.client.protocol.Request;

import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;

import java.nio.ByteBuffer;
import java.util.Arrays;
import java.util.List;
import java.util.SplittableRandom;
import java.util.concurrent.CompletableFuture;

/** For how long a writer serves reads that may have been taken over without hearing of it. */
class LeaseTest {
    private static final long SECOND = 1_000_000_000L;
    private static final long LEASE = 5 * SECOND;
    private static final int SIZE = 4 << 20;

    private final SplittableRandom random = new SplittableRandom(5);
    private final FakeLoop loop = new FakeLoop();
    private final FakeCluster cluster = new FakeCluster(loop, random, 6, new Policy(4, 2), SIZE);
    private final Client first = new Client();

    /** A process that has the volume open. */
    private final class Client {
        final FakeCluster.ClientTransport transport = cluster.newClient();
        final PausableLoop process = new PausableLoop(loop);
        final Volume volume;

        Client() {
            Cluster reached = new Cluster(
                    transport,
                    process,
                    random,
                    new CoordinatorCalls(transport, process, List.of(FakeCluster.COORDINATOR)),
                    new NodeHealth(),
                    ClientConfig.DEFAULT);
            volume = finish(Volume.open(reached, "disk0", new OpenOptions("test").stealing()));
        }

        void write(int value) {
            byte[] bytes = new byte[4096];
            Arrays.fill(bytes, (byte) value);
            finish(volume.writeAsync(0, ByteBuffer.wrap(bytes)));
        }

        int read() {
            byte[] bytes = new byte[4096];
            finish(volume.readAsync(0, ByteBuffer.wrap(bytes)));
            return bytes[0];
        }
    }

    @AfterEach
    void endClient() {
        first.transport.kill();
        loop.runFor(20 * SECOND);
    }

    private <T> T finish(CompletableFuture<T> outcome) {
        loop.runUntil(outcome::isDone, 60 * SECOND);
        return outcome.join();
    }

    @Test
    void goesOnReadingWhileNoCoordinatorAnswersButAllNodesDo() {
        first.write(1);
        first.transport.hearCoordinator(false);
        for (int second = 0; second < 60; second++) {
            loop.runFor(SECOND);
            long before = loop.nanoTime();
            assertThat(first.read()).isEqualTo(1);
            assertThat(loop.nanoTime() - before).isLessThan(SECOND);
        }
    }

    @Test
    void goesOnReadingWhereNothingWasEverWritten() {
        loop.runFor(3 * SECOND);
        first.transport.hearCoordinator(false);
        loop.runFor(60 * SECOND);
        assertThat(first.read()).isZero();
    }

    @Test
    void stopsReadingWhenNeitherTheCoordinatorNorAllNodesAnswer() {
        first.write(1);
        first.transport.hearCoordinator(false);
        for (int node = 0; node < 6; node++) {
            cluster.kill(node);
            loop.runFor(2 * LEASE);
            assertThatThrownBy(first::read)
                    .as("node %s dead", node)
                    .hasCauseInstanceOf(AshlarException.Unavailable.class)
                    .hasMessageContaining("lease on volume disk0 has lapsed");
            cluster.start(node);
        }
        first.transport.hearCoordinator(true);
        assertThat(first.read()).isEqualTo(1);
    }

    @Test
    void servesNothingOldOnceALeaseHasPassedSinceTheTakeover() {
        first.write(1);
        loop.runFor(3 * SECOND);
        first.transport.hearCoordinator(false);
        loop.runFor(2 * LEASE);
        Client second = new Client();
        second.write(2);
        loop.runFor(LEASE);
        assertThatThrownBy(first::read).hasCauseInstanceOf(AshlarException.Fenced.class);
        assertThat(second.read()).isEqualTo(2);
        second.transport.kill();
    }

    /** The coordinator has sealed it, and the writer does not know: nobody fences it then. */
    @Test
    void aSegmentThatIsBeingSealedConfirmsNothing() {
        first.write(1);
        loop.runFor(SECOND);
        cluster.watch((to, request, bulk) -> {
            if (request.hasSealSegments() && request.getSealSegments().getEpoch() == 1) {
                first.transport.hearCoordinator(false);
                cluster.loseMessages(Request.BodyCase.SEAL_SEGMENTS, 1);
            }
        });
        cluster.slow(0, 3 * SECOND / 2);
        byte[] bytes = new byte[4096];
        var _ = first.volume.writeAsync(8192, ByteBuffer.wrap(bytes));
        loop.runFor(3 * SECOND);
        cluster.slow(0, 0);
        loop.runFor(2 * LEASE);
        cluster.loseMessages(Request.BodyCase.SEAL_SEGMENTS, 0);
        Client second = new Client();
        second.write(2);
        loop.runFor(2 * LEASE);
        assertThatThrownBy(first::read).hasCauseInstanceOf(AshlarException.class);
        assertThat(second.read()).isEqualTo(2);
        second.transport.kill();
    }

    @Test
    void aWriterThatWasPausedLooksBeforeItServesAnything() {
        first.write(1);
        loop.runFor(SECOND / 2);
        first.process.pause();
        Client second = new Client();
        second.write(2);
        loop.runFor(2 * LEASE);
        first.process.wakeUp();
        assertThatThrownBy(first::read).hasCauseInstanceOf(AshlarException.Fenced.class);
        second.transport.kill();
    }

    /** The clock that leases are measured by stands still meanwhile. */
    @Test
    void aWriterWhoseMachineWasSuspendedLooksBeforeItServesAnything() {
        first.write(1);
        loop.runFor(SECOND / 2);
        first.process.pause();
        Client second = new Client();
        second.write(2);
        loop.runFor(2 * LEASE);
        first.process.wakeUpAfterSuspension(2 * LEASE);
        assertThatThrownBy(first::read).hasCauseInstanceOf(AshlarException.Fenced.class);
        second.transport.kill();
    }
}
