package io.ashlar.coordinator;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.ashlar.client.AshlarException;
import io.ashlar.client.model.SegmentId;
import io.ashlar.client.protocol.CreateSegment;
import io.ashlar.client.protocol.Event;
import io.ashlar.client.protocol.GetEvents;
import io.ashlar.client.protocol.Health;
import io.ashlar.client.protocol.Heartbeat;
import io.ashlar.client.protocol.NodeStatus;
import io.ashlar.client.protocol.Order;
import io.ashlar.client.protocol.RegisterNode;
import io.ashlar.client.protocol.Request;
import io.ashlar.client.protocol.Response;
import io.ashlar.client.protocol.Segment;
import io.ashlar.client.protocol.ShardRef;
import io.ashlar.client.protocol.ShardState;
import io.ashlar.client.protocol.VolumeInfo;
import io.ashlar.coordinator.record.Command;
import io.ashlar.coordinator.record.LeadershipConfirm;

import org.junit.jupiter.api.Test;

import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.atomic.AtomicReference;

/** Nodes, their health, their inventories and their orders. */
final class NodeRequestsTest {

    @Test
    void placesNothingBeforeTheNodesHaveRegisteredAfterAStart() throws AshlarException {
        TestCluster cluster = TestCluster.of(6);
        cluster.createVolume("disk0", "rs-4-2");
        VolumeInfo held = cluster.open("disk0", "first", false).getVolume();
        cluster.restartCoordinator();
        cluster.node("n1").heartbeat();
        cluster.node("n2").heartbeat();
        cluster.node("n3").heartbeat();
        AtomicReference<Response> answer = cluster.askLater(Request.newBuilder()
                .setCreateSegment(CreateSegment.newBuilder()
                        .setRequestId(cluster.newRequest())
                        .setVolume(held.getId())
                        .setEpoch(held.getEpoch())
                        .setShardBytes(TestCluster.SHARD_BYTES))
                .build());
        cluster.loop.passMillis(200);
        assertThat(answer.get()).isNull();
        cluster.heartbeats();
        cluster.loop.passMillis(50);
        assertThat(answer.get()).isNotNull().satisfies(response -> {
            assertThat(response.getSegment().getPlacementsCount()).isEqualTo(6);
            assertThat(response.getSegment().getWeaker()).isFalse();
        });
    }

    @Test
    void showsADeadNodeWithinFiveSeconds() throws AshlarException {
        TestCluster cluster = TestCluster.of(6);
        cluster.passSeconds(2);
        assertThat(cluster.status().getHealth()).isEqualTo(Health.OK);
        cluster.node("n3").kill();
        cluster.passSeconds(5);
        assertThat(cluster.status().getNodesList())
                .filteredOn(node -> node.getId().equals("n3"))
                .first()
                .satisfies(node -> {
                    assertThat(node.getState()).isEqualTo("down");
                    assertThat(node.getReason()).contains("no heartbeat");
                });
        assertThat(events(cluster)).anySatisfy(event -> {
            assertThat(event.getSubject()).isEqualTo("node n3");
            assertThat(event.getText()).contains("-> down: no heartbeat");
        });
        cluster.restartCoordinator();
        assertThat(cluster.status().getNodesList())
                .filteredOn(node -> node.getState().equals("down"))
                .hasSize(1);
        cluster.node("n3").start();
        cluster.passSeconds(1);
        assertThat(cluster.status().getNodesList())
                .allMatch(node -> node.getState().equals("up"));
    }

    /** Such orders would be outranked by those of the leader before, who knows less. */
    @Test
    void givesNoOrdersByWhatALaterLeaderHasDecided() throws AshlarException {
        TestCluster cluster = TestCluster.of(6);
        Request heartbeat = Request.newBuilder()
                .setHeartbeat(Heartbeat.newBuilder().setNode("n1"))
                .build();
        AtomicReference<Response> before = cluster.askLater(heartbeat);
        assertThat(before.get().hasHeartbeatReply()).isTrue();
        cluster.metadata()
                .apply(
                        cluster.metadata().appliedIndex() + 1,
                        cluster.log().leadership().term() + 1,
                        Command.newBuilder()
                                .setLeadershipConfirm(LeadershipConfirm.getDefaultInstance())
                                .build());
        AtomicReference<Response> after = cluster.askLater(heartbeat);
        assertThat(after.get().getFailure().getNotLeader()).isTrue();
    }

    @Test
    void heartbeatsOfHealthyNodesAreNoCommands() throws AshlarException {
        TestCluster cluster = TestCluster.of(6);
        cluster.passSeconds(5);
        long before = cluster.metadata().appliedIndex();
        cluster.passSeconds(60);
        assertThat(cluster.metadata().appliedIndex()).isEqualTo(before);
        cluster.node("n3").kill();
        cluster.passSeconds(5);
        assertThat(cluster.metadata().appliedIndex()).isGreaterThan(before);
    }

    @Test
    void takesNobodyForDeadAfterAPauseOfItsOwn() throws AshlarException {
        TestCluster cluster = TestCluster.of(6);
        cluster.createVolume("disk0", "rs-4-2");
        cluster.open("disk0", "first", false);
        cluster.passSeconds(2);
        cluster.loop.pauseMillis(30_000);
        cluster.loop.settle();
        assertThat(cluster.status().getNodesList())
                .allMatch(node -> node.getState().equals("up"));
        assertThatThrownBy(() -> cluster.open("disk0", "second", false))
                .hasMessageContaining("held by first");
        cluster.passSeconds(2);
        cluster.node("n1").kill();
        cluster.passSeconds(5);
        assertThat(cluster.status().getNodesList())
                .filteredOn(node -> node.getState().equals("down"))
                .hasSize(1);
    }

    @Test
    void givesAnOrderThatFailedAgainAfterAWhile() throws AshlarException {
        TestCluster cluster = TestCluster.of(6);
        cluster.createVolume("disk0", "rs-4-2");
        VolumeInfo held = cluster.open("disk0", "first", false).getVolume();
        Segment segment = cluster.openSegment(held, cluster.createSegment(held));
        TestNode node = cluster.nodeOf(segment, 1);
        node.failSeals(true);
        cluster.seal(held, TestCluster.sealOf(segment));
        for (int i = 0; i < 100; i++) {
            cluster.heartbeats();
        }
        assertThat(node.ordered).hasSize(1);
        node.failSeals(false);
        cluster.passSeconds(7);
        assertThat(node.shards.values()).allMatch(ShardState::getSealed);
    }

    private static List<Event> events(TestCluster cluster) throws AshlarException {
        return cluster.ask(Request.newBuilder()
                        .setGetEvents(GetEvents.newBuilder().setMax(1000))
                        .build())
                .getEvents()
                .getEventsList();
    }

    @Test
    void keepsShardsThatNobodyKnows() throws AshlarException {
        TestCluster cluster = TestCluster.of(6);
        TestNode node = cluster.addNode("n7", "");
        ShardRef stranger = ShardRef.newBuilder()
                .setSegment(new SegmentId(1, 2).toProto())
                .setIncarnation(3)
                .setDrive(node.drive.toProto())
                .build();
        node.shards.put(stranger, ShardState.newBuilder().setShard(stranger).build());
        node.register();
        cluster.passSeconds(3);
        assertThat(node.shards).containsKey(stranger);
        assertThat(node.ordered).isEmpty();
        assertThat(cluster.status().getNodesList())
                .anyMatch(status -> status.getReason().contains("1 unknown shards"));
        assertThat(events(cluster)).anyMatch(event -> event.getText().contains("no segment names"));
    }

    @Test
    void takesAShardCreatedSinceTheInventoryForNoLoss() throws AshlarException {
        TestCluster cluster = TestCluster.of(6);
        cluster.createVolume("disk0", "rs-4-2");
        VolumeInfo held = cluster.open("disk0", "first", false).getVolume();
        Request early = cluster.node("n1").registration();
        Segment segment = cluster.openSegment(held, cluster.createSegment(held));
        cluster.ask(early);
        cluster.ask(early);
        cluster.passSeconds(3);
        assertThat(cluster.status().getHealth()).isEqualTo(Health.OK);
        assertThat(events(cluster)).noneMatch(event -> event.getText().contains("missing shard"));

        TestNode node = cluster.nodeOf(segment, 3);
        node.shards.clear();
        node.register();
        cluster.passSeconds(1);
        assertThat(cluster.status().getHealth()).as("a real loss").isEqualTo(Health.DEGRADED);
        assertThat(events(cluster))
                .filteredOn(event -> event.getText().contains("missing shard"))
                .hasSize(1);
        node.ordered.clear();
        cluster.passSeconds(2);
        assertThat(node.ordered).isEmpty();
    }

    @Test
    void countsAnInventoryOnceAllOfItsPagesHaveCome() throws AshlarException {
        TestCluster cluster = TestCluster.of(6);
        cluster.createVolume("disk0", "rs-4-2");
        VolumeInfo held = cluster.open("disk0", "first", false).getVolume();
        for (int i = 0; i < 5; i++) {
            cluster.sealedSegment(held);
        }
        TestNode node = cluster.node("n1");
        node.shards.remove(node.shards.keySet().iterator().next());
        for (int i = 0; i < 2; i++) {
            List<Request> pages = pages(node.registration().getRegisterNode(), 2);
            assertThat(pages).hasSize(2);
            cluster.ask(pages.getFirst());
            cluster.ask(pages.getFirst());
            assertThat(losses(cluster)).as("half of an inventory").isZero();
            cluster.ask(pages.getLast());
        }
        assertThat(losses(cluster)).isEqualTo(1);
    }

    @Test
    void refusesAPageOfAnInventoryWithoutThoseBefore() throws AshlarException {
        TestCluster cluster = TestCluster.of(6);
        cluster.createVolume("disk0", "rs-4-2");
        VolumeInfo held = cluster.open("disk0", "first", false).getVolume();
        for (int i = 0; i < 5; i++) {
            cluster.sealedSegment(held);
        }
        TestNode node = cluster.node("n1");
        List<Request> early = pages(node.registration().getRegisterNode(), 2);
        List<Request> late = pages(node.registration().getRegisterNode(), 2);
        assertRefused(cluster, early.getLast());
        cluster.ask(early.getFirst());
        assertRefused(cluster, late.getLast());
        cluster.ask(late.getFirst());
        cluster.restartCoordinator();
        assertRefused(cluster, late.getLast());
        cluster.ask(late.getFirst());
        cluster.loop.passMillis(InventoryPages.MAX_PAUSE_NANOS / 1_000_000 + 1);
        assertRefused(cluster, late.getLast());
        cluster.ask(late.getFirst());
        cluster.ask(late.getLast());
        cluster.passSeconds(3);
        assertThat(losses(cluster)).isZero();
    }

    private static void assertRefused(TestCluster cluster, Request page) {
        assertThatThrownBy(() -> cluster.ask(page))
                .isInstanceOf(AshlarException.Unavailable.class)
                .hasMessageContaining("begin again");
    }

    private static long losses(TestCluster cluster) throws AshlarException {
        return events(cluster).stream()
                .filter(event -> event.getText().contains("missing shard"))
                .count();
    }

    private static List<Request> pages(RegisterNode whole, int count) {
        List<Request> pages = new ArrayList<>();
        int shards = whole.getShardsCount();
        for (int i = 0; i < count; i++) {
            pages.add(Request.newBuilder()
                    .setRegisterNode(whole.toBuilder()
                            .clearShards()
                            .addAllShards(whole.getShardsList()
                                    .subList(i * shards / count, (i + 1) * shards / count))
                            .setPage(i)
                            .setMore(i + 1 < count))
                    .build());
        }
        return pages;
    }

    @Test
    void asksANodeItDoesNotKnowToRegister() throws AshlarException {
        TestCluster cluster = TestCluster.of(3);
        cluster.restartCoordinator();
        int before = cluster.metadata().nodes().size();
        cluster.heartbeats();
        assertThat(cluster.metadata().nodes()).hasSize(before);
        cluster.createVolume("disk0", "rs-4-2");
        VolumeInfo held = cluster.open("disk0", "first", false).getVolume();
        assertThat(cluster.createSegment(held).getPlacementsCount()).isEqualTo(6);
    }

    @Test
    void givesAnOrderAgainUntilItsResultHasCome() throws AshlarException {
        TestCluster cluster = TestCluster.of(6);
        cluster.createVolume("disk0", "rs-4-2");
        VolumeInfo held = cluster.open("disk0", "first", false).getVolume();
        Segment segment = cluster.openSegment(held, cluster.createSegment(held));
        TestNode node = cluster.nodeOf(segment, 1);
        node.setObedient(false);
        cluster.seal(held, TestCluster.sealOf(segment));
        cluster.passSeconds(3);
        assertThat(node.ordered).hasSize(3);
        assertThat(node.ordered)
                .extracting(Order::getId)
                .containsOnly(node.ordered.getFirst().getId());
        node.setObedient(true);
        cluster.passSeconds(3);
        assertThat(node.ordered).hasSize(4);
    }

    @Test
    void aNewLeaderSaysOfNoNodeThatItIsUpBeforeItIsHeard() throws AshlarException {
        TestCluster cluster = TestCluster.of(6);
        cluster.node("n2").kill();
        cluster.restartCoordinator();
        assertThat(cluster.status().getNodesList()).allSatisfy(node -> {
            assertThat(node.getState()).isEqualTo("suspect");
            assertThat(node.getReason()).contains("not heard");
        });
        cluster.heartbeats();
        assertThat(cluster.status().getNodesList())
                .filteredOn(node -> !node.getState().equals("up"))
                .extracting(NodeStatus::getId)
                .containsExactly("n2");
        cluster.passSeconds(5);
        assertThat(cluster.status().getNodesList())
                .filteredOn(node -> node.getState().equals("down"))
                .extracting(NodeStatus::getId)
                .containsExactly("n2");
    }
}
