package io.ashlar.tools.simulate;

import static org.assertj.core.api.Assertions.assertThat;

import io.ashlar.client.AshlarClient;
import io.ashlar.client.OpenOptions;
import io.ashlar.client.Volume;
import io.ashlar.client.model.DriveId;
import io.ashlar.client.model.Policy;
import io.ashlar.client.protocol.ClusterStatus;
import io.ashlar.client.protocol.CreateVolume;
import io.ashlar.client.protocol.GetStatus;
import io.ashlar.client.protocol.Health;
import io.ashlar.client.protocol.NodeStatus;
import io.ashlar.client.protocol.Placement;
import io.ashlar.client.protocol.Request;
import io.ashlar.client.protocol.Segment;

import org.junit.jupiter.api.Test;

import java.nio.ByteBuffer;
import java.util.List;
import java.util.SplittableRandom;
import java.util.concurrent.CompletableFuture;

/** Slow drives and nodes in a whole cluster of shipping code, and nothing else that is wrong. */
class SlowDrivesTest {
    private static final long SECOND = WorldSettings.SECOND;
    private static final long MILLI = 1_000_000;
    private static final int SLOWER = 100;
    private static final Policy POLICY = new Policy(4, 2);

    private final SplittableRandom random = new SplittableRandom(5);
    private World world = world(7, 1);
    private SimulatedClient client = world.newClient();

    /** Whose drives sync in a millisecond. */
    private World world(int nodes, int drivesPerNode) {
        WorldSettings drawn = WorldSettings.draw(random.split());
        WorldSettings settings = new WorldSettings(
                nodes,
                drivesPerNode,
                1,
                List.of(POLICY),
                drawn.volumeBlocks(),
                drawn.depth(),
                0,
                10_000,
                MILLI,
                drawn.rebuildDelay(),
                drawn.client());
        NetworkFaults network = new NetworkFaults(50_000, 50_000, 0, 0);
        return new World(settings, random.split(), new Trace(System.out, false), network);
    }

    private Volume open(int nodes, int drivesPerNode) {
        world = world(nodes, drivesPerNode);
        world.start();
        client = world.newClient();
        Request create = Request.newBuilder()
                .setCreateVolume(CreateVolume.newBuilder()
                        .setRequestId(1)
                        .setName("v")
                        .setSizeBytes(64 * 4096)
                        .setPolicy(POLICY.toString())
                        .setCompression("none"))
                .build();
        world.schedule().runFor(5 * SECOND);
        finish(() -> client.client().callAsync(create));
        return finish(() -> client.client().openAsync("v", new OpenOptions("test")));
    }

    private <T> T finish(WriterSession.Question<T> question) {
        CompletableFuture<T> outcome = new CompletableFuture<>();
        client.process().execute(() -> {
            var _ = question.ask().whenComplete((value, failure) -> {
                if (failure == null) {
                    outcome.complete(value);
                } else {
                    outcome.completeExceptionally(failure);
                }
            });
        });
        assertThat(world.schedule().runUntil(outcome::isDone, 60 * SECOND)).isTrue();
        return outcome.join();
    }

    /** One write after the other; tells how long the longest took. */
    private long write(Volume volume, int seconds) {
        long until = world.schedule().nowNanos() + seconds * SECOND;
        long longest = 0;
        while (world.schedule().nowNanos() < until) {
            long began = world.schedule().nowNanos();
            finish(() -> volume.writeAsync(random.nextInt(64) * 4096L, ByteBuffer.allocate(4096)));
            longest = Math.max(longest, world.schedule().nowNanos() - began);
            world.schedule().runFor(20 * MILLI);
        }
        return longest;
    }

    private Segment last() {
        return world.segments().getLast();
    }

    private SimulatedNode nodeOf(Placement placement) {
        return world.node(placement.getNode());
    }

    private ClusterStatus status() {
        Request ask = Request.newBuilder()
                .setGetStatus(GetStatus.getDefaultInstance())
                .build();
        AshlarClient asking = client.client();
        return finish(() -> asking.callAsync(ask)).getStatus();
    }

    @Test
    void aWriterGetsAwayFromASlowNode() {
        Volume volume = open(7, 1);
        assertThat(write(volume, 5)).isLessThan(20 * MILLI);
        SimulatedNode slow = nodeOf(last().getPlacements(0));
        world.network().slow(slow.name(), SLOWER);
        assertThat(write(volume, 10)).isGreaterThan(100 * MILLI);
        assertThat(write(volume, 20)).isLessThan(20 * MILLI);
        assertThat(finish(volume::statsAsync).rolls()).isZero();
        assertThat(last().getPlacementsList())
                .extracting(Placement::getNode)
                .doesNotContain(slow.name());
        ClusterStatus status = status();
        assertThat(status.getHealth()).isEqualTo(Health.OK);
        assertThat(status.getReasonsList()).singleElement().asString().contains("answers slowly");
        assertThat(status.getNodesList())
                .filteredOn(node -> node.getReason().contains("answers slowly since"))
                .extracting(NodeStatus::getId)
                .containsExactly(slow.name());
    }

    @Test
    void aWriterGetsAwayFromASlowDriveToAnotherOfItsNode() {
        Volume volume = open(6, 2);
        write(volume, 5);
        Placement placement = last().getPlacements(0);
        DriveId slow = DriveId.of(placement.getShard().getDrive());
        nodeOf(placement).drives().stream()
                .filter(drive -> slow.equals(drive.id()))
                .forEach(drive -> drive.slow(SLOWER));
        assertThat(write(volume, 10)).isGreaterThan(50 * MILLI);
        assertThat(write(volume, 20)).isLessThan(20 * MILLI);
        assertThat(last().getWeaker()).isFalse();
        assertThat(last().getPlacementsList())
                .extracting(one -> DriveId.of(one.getShard().getDrive()))
                .doesNotContain(slow);
    }

    /** The node is heard every second, and its drive hangs in every sync. */
    @Test
    void aWriterIsNotSentBackToADriveThatHangs() {
        Volume volume = open(6, 1);
        write(volume, 5);
        nodeOf(last().getPlacements(0)).drives().getFirst().slow(3_000);
        write(volume, 5);
        assertThat(status().getReasonsList()).anyMatch(reason -> reason.contains("did not answer"));
        write(volume, 25);
        assertThat(finish(volume::statsAsync).rolls()).isBetween(1L, 3L);
    }

    @Test
    void aWriterStaysOnASlowNodeWhereTheSegmentWouldBeWeaker() {
        Volume volume = open(6, 1);
        write(volume, 5);
        world.network().slow(nodeOf(last().getPlacements(0)).name(), SLOWER);
        assertThat(write(volume, 60)).isBetween(50 * MILLI, SECOND);
        assertThat(world.segments()).noneMatch(Segment::getWeaker);
        assertThat(finish(volume::statsAsync).rolls()).isZero();
        assertThat(status().getReasonsList()).singleElement().asString().contains("answers slowly");
    }
}
