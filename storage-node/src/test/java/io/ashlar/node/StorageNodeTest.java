package io.ashlar.node;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.ashlar.client.AshlarException;
import io.ashlar.client.model.Policy;
import io.ashlar.client.protocol.Authority;
import io.ashlar.client.protocol.DeleteShard;
import io.ashlar.client.protocol.GetStatus;
import io.ashlar.client.protocol.Order;
import io.ashlar.client.protocol.OrderResult;
import io.ashlar.client.protocol.RegisterNode;
import io.ashlar.client.protocol.Request;
import io.ashlar.client.protocol.Response;
import io.ashlar.client.protocol.ShardDamage;
import io.ashlar.client.protocol.ShardRef;
import io.ashlar.client.protocol.ShardState;
import io.ashlar.client.transport.Buffer;
import io.ashlar.client.transport.Transport;

import org.junit.jupiter.api.Test;

import java.io.IOException;
import java.util.ArrayList;
import java.util.List;
import java.util.Objects;

/** What a node says of itself, and whom it obeys. */
final class StorageNodeTest extends StorageNodeFixture {
    @Test
    void registersItsDrivesAndShards() throws IOException {
        writeSegment();
        seal();
        TestCluster.Node node = cluster.nodes.getFirst();
        node.kill();
        cluster.registered.clear();
        node.start();
        cluster.transport.runUntil(() -> cluster.registered.containsKey("n0"));
        var register = Objects.requireNonNull(cluster.registered.get("n0"));
        assertThat(register.getDrivesCount()).isEqualTo(2);
        assertThat(register.getShardsList()).singleElement().satisfies(state -> {
            assertThat(state.getShard()).isEqualTo(shards.getFirst());
            assertThat(state.getSealedBytes()).isEqualTo(sealedBytes);
            assertThat(state.getCells()).isEqualTo(cellsOf(0));
        });
    }

    @Test
    void sendsAnInventoryTooLongForAFrameInPagesOfOneMoment() throws IOException {
        TestCluster.Node node = cluster.nodes.getFirst();
        List<ShardRef> made = new ArrayList<>();
        for (int i = 0; i < 5; i++) {
            TestSegment other = new TestSegment(100 + 2 * i, new Policy(4, 2));
            made.add(other.shard(0, node.drive(i % 2)));
            cluster.tell(
                    node,
                    Request.newBuilder()
                            .setCreateShard(other.create(made.getLast()))
                            .build());
        }
        node.kill();
        cluster.registered.clear();
        cluster.pages.clear();
        cluster.inventoryPageShards = 2;
        cluster.refusesPage = true;
        node.start();
        cluster.transport.runUntil(() -> cluster.registered.containsKey("n0"));
        List<RegisterNode> pages = cluster.pages;
        assertThat(pages).extracting(RegisterNode::getPage).containsExactly(0, 1, 0, 1, 2);
        assertThat(pages)
                .extracting(RegisterNode::getMore)
                .containsExactly(true, true, true, true, false);
        List<RegisterNode> last = pages.subList(2, 5);
        assertThat(last)
                .extracting(RegisterNode::getRequestId)
                .containsOnly(last.getFirst().getRequestId());
        assertThat(pages.getFirst().getRequestId()).isNotEqualTo(last.getFirst().getRequestId());
        assertThat(last.stream()
                        .flatMap(page -> page.getShardsList().stream())
                        .map(ShardState::getShard))
                .containsExactlyInAnyOrderElementsOf(made);
    }

    @Test
    void servesSeveralDrivesAndRefusesShardsOfOthers() throws AshlarException {
        ShardRef second = segment.shard(0, cluster.nodes.getFirst().drive(1));
        cluster.tell(
                cluster.nodes.getFirst(),
                Request.newBuilder().setCreateShard(segment.create(second)).build());
        ShardRef elsewhere = segment.shard(0, cluster.nodes.get(1).drive(0));
        assertThatThrownBy(() -> cluster.tell(
                        cluster.nodes.getFirst(),
                        Request.newBuilder()
                                .setCreateShard(segment.create(elsewhere))
                                .build()))
                .isInstanceOf(AshlarException.Invalid.class);
        assertThatThrownBy(() -> cluster.tell(
                        cluster.nodes.getFirst(),
                        Request.newBuilder()
                                .setGetStatus(GetStatus.getDefaultInstance())
                                .build()))
                .isInstanceOf(AshlarException.Invalid.class);
    }

    @Test
    void servesItsOtherDrivesWhenOneCannotBeOpened() throws IOException {
        writeSegment();
        TestCluster.Node node = cluster.nodes.getFirst();
        node.kill();
        node.drives.get(1).dead = true;
        cluster.registered.clear();
        node.start();
        cluster.transport.runUntil(() -> cluster.registered.containsKey("n0"));
        assertThat(Objects.requireNonNull(cluster.registered.get("n0")).getDrivesCount())
                .isEqualTo(1);
        assertThat(read(0, stripeOf(0, 4096))).isNotEmpty();
        node.kill();
        node.drives.get(0).dead = true;
        assertThatThrownBy(node::start).hasMessage("input/output error");
    }

    @Test
    void deletesOnlyTheIncarnationThatIsNamed() throws AshlarException {
        writeSegment();
        ShardRef other = shards.getFirst().toBuilder().setIncarnation(1).build();
        order(0, Order.newBuilder().setDelete(DeleteShard.newBuilder().setShard(other)));
        assertThat(read(0, stripeOf(0, 4096))).isNotEmpty();
        ShardRef named = shards.getFirst();
        order(0, Order.newBuilder().setDelete(DeleteShard.newBuilder().setShard(named)));
        assertThatThrownBy(() -> read(0, stripeOf(0, 4096)))
                .isInstanceOf(AshlarException.NotFound.class);
    }

    @Test
    void refusesACreationThatItsDeletionOvertook() throws IOException {
        cluster.transport.delay(request -> request.hasCreateShard() ? 3_000_000_000L : 50_000);
        TestCluster.Node node = cluster.nodes.getFirst();
        ShardRef late = shards.getFirst();
        List<AshlarException> refused = new ArrayList<>();
        cluster.transport.call(
                cluster.transport.nextLoop(),
                node.address(),
                Request.newBuilder().setCreateShard(segment.create(late)).build(),
                List.of(),
                10_000_000_000L,
                new Transport.ReplyHandler() {
                    @Override
                    public void answered(Response response, Buffer received) {
                        received.release();
                    }

                    @Override
                    public void failed(AshlarException cause) {
                        refused.add(cause);
                    }
                });
        OrderResult deleted =
                order(0, Order.newBuilder().setDelete(DeleteShard.newBuilder().setShard(late)));
        assertThat(deleted.hasFailure()).isFalse();
        cluster.transport.runFor(5_000_000_000L);
        assertThat(refused).singleElement().isInstanceOf(AshlarException.NotFound.class);
        cluster.registered.clear();
        node.kill();
        node.start();
        cluster.transport.runUntil(() -> cluster.registered.containsKey(node.id));
        assertThat(Objects.requireNonNull(cluster.registered.get(node.id)).getShardsList())
                .isEmpty();
    }

    @Test
    void refusesOrdersOfALowerAuthorityEvenAfterARestart() throws IOException {
        writeSegment();
        Authority high = cluster.authority.toBuilder().setTerm(9).build();
        cluster.authority = high;
        seal();
        TestCluster.Node node = cluster.nodes.getFirst();
        node.kill();
        node.start();
        cluster.authority = high.toBuilder().setTerm(8).setAppliedIndex(1000).build();
        ShardRef named = shards.getFirst();
        Order delete = Order.newBuilder()
                .setId(5)
                .setDelete(DeleteShard.newBuilder().setShard(named))
                .build();
        cluster.orders.put(node.id, List.of(delete));
        cluster.transport.runFor(5_000_000_000L);
        assertThat(read(0, stripeOf(0, 4096))).isNotEmpty();
        cluster.authority = high;
        cluster.order(node, delete);
        assertThatThrownBy(() -> read(0, stripeOf(0, 4096)))
                .isInstanceOf(AshlarException.NotFound.class);
    }

    @Test
    void noticesThatItsArenaWasDeletedAndComesBackAsAnotherDrive() throws IOException {
        writeSegment();
        seal();
        var before = cluster.nodes.getFirst().drive(0);
        cluster.nodes.getFirst().drives.getFirst().delete(DriveOpener.ARENA);
        cluster.transport.runUntil(() -> !cluster.nodes.getFirst().drive(0).equals(before));
        assertThatThrownBy(() -> read(0, stripeOf(0, 4096)))
                .isInstanceOf(AshlarException.NotFound.class);
        cluster.transport.runUntil(() -> !cluster.damage.isEmpty());
        assertThat(cluster.damage.getFirst().getShard()).isEqualTo(shards.getFirst());
        assertThat(cluster.damage.getFirst().getKind()).isEqualTo(ShardDamage.Kind.MISSING_SHARD);
    }

    @Test
    void tellsTheCoordinatorOfADriveThatFailed() throws AshlarException {
        writeSegment();
        cluster.nodes.getFirst().drives.getFirst().failSyncs = true;
        var stripe = segment.stripe(stripes.size(), sealedBytes, 4, 4096);
        if (stripe.has(0)) {
            Buffer record = stripe.record(0);
            Request append = Request.newBuilder()
                    .setAppendCell(segment.append(shards.getFirst(), stripe))
                    .build();
            assertThatThrownBy(() -> cluster.tell(cluster.nodes.getFirst(), append, record))
                    .isInstanceOf(AshlarException.Unavailable.class);
        }
        cluster.transport.runUntil(() -> {
            var heartbeat = cluster.heartbeats.get("n0");
            return heartbeat != null && !heartbeat.getDrives(0).getFailure().isEmpty();
        });
        assertThat(Objects.requireNonNull(cluster.heartbeats.get("n0"))
                        .getDrives(1)
                        .getFailure())
                .isEmpty();
    }

    @Test
    void goesOnServingWhileNoCoordinatorAnswersAndRegistersAgainWhenAsked() throws AshlarException {
        writeSegment();
        cluster.transport.silent.add(TestCluster.COORDINATOR);
        cluster.transport.runFor(30_000_000_000L);
        assertThat(read(0, stripeOf(0, 4096))).isNotEmpty();
        cluster.transport.silent.clear();
        cluster.heartbeats.clear();
        cluster.transport.runUntil(() -> cluster.heartbeats.size() == cluster.nodes.size());
    }

    @Test
    void registersWhatItHoldsWhenTheCoordinatorHearsItAtLast() throws IOException {
        TestCluster.Node node = cluster.nodes.getFirst();
        cluster.transport.runUntil(() -> cluster.heartbeats.containsKey(node.id));
        cluster.transport.silent.add(TestCluster.COORDINATOR);
        node.kill();
        node.start();
        cluster.transport.runFor(1_000_000_000L);
        cluster.tell(
                node,
                Request.newBuilder()
                        .setCreateShard(segment.create(shards.getFirst()))
                        .build());
        cluster.registered.clear();
        cluster.transport.silent.clear();
        cluster.transport.runUntil(() -> cluster.registered.containsKey(node.id));
        assertThat(Objects.requireNonNull(cluster.registered.get(node.id)).getShardsList())
                .extracting(ShardState::getShard)
                .containsExactly(shards.getFirst());
    }
}
