package io.ashlar.node;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.ashlar.client.AshlarException;
import io.ashlar.client.model.Policy;
import io.ashlar.client.protocol.Authority;
import io.ashlar.client.protocol.DeleteShard;
import io.ashlar.client.protocol.ErrorCode;
import io.ashlar.client.protocol.GetStatus;
import io.ashlar.client.protocol.Order;
import io.ashlar.client.protocol.OrderResult;
import io.ashlar.client.protocol.ReadCell;
import io.ashlar.client.protocol.RebuildShard;
import io.ashlar.client.protocol.RegisterNode;
import io.ashlar.client.protocol.Request;
import io.ashlar.client.protocol.ScrubDrives;
import io.ashlar.client.protocol.SealShard;
import io.ashlar.client.protocol.Segment;
import io.ashlar.client.protocol.ShardDamage;
import io.ashlar.client.protocol.ShardRef;
import io.ashlar.client.protocol.ShardState;
import io.ashlar.client.protocol.ShardVerified;
import io.ashlar.client.protocol.VerifyShard;
import io.ashlar.client.transport.Buffer;
import io.ashlar.client.transport.Transport;

import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;

import java.io.IOException;
import java.util.ArrayList;
import java.util.List;
import java.util.Objects;

class StorageNodeTest {
    private static final int SCRUBBED = 3;

    private TestCluster cluster = newCluster();
    private TestSegment segment = TestSegment.rs42();
    private List<ShardRef> shards = List.of();
    private final List<TestSegment.Written> stripes = new ArrayList<>();
    private long sealedBytes;
    private long orderId = 100;

    private static TestCluster newCluster() {
        try {
            return new TestCluster(7);
        } catch (IOException e) {
            throw new IllegalStateException(e);
        }
    }

    @BeforeEach
    void place() {
        shards = cluster.place(segment);
    }

    @AfterEach
    void close() {
        cluster.close();
    }

    /** Full and short stripes of several sizes, empty cells among them, in all shards. */
    private void writeSegment() throws AshlarException {
        for (int i = 0; i < shards.size(); i++) {
            Request create = Request.newBuilder()
                    .setCreateShard(segment.create(shards.get(i)))
                    .build();
            cluster.tell(cluster.nodes.get(i), create);
        }
        int k = segment.policy.k();
        int[] cellBytes = {4096, 16384, 0, 65536, 8192};
        for (int number = 0; number < 25; number++) {
            int d = cellBytes[number % 5] == 0 ? 1 : 1 + number % k;
            var stripe = segment.stripe(number, sealedBytes, d, cellBytes[number % 5]);
            if (stripe.stripe().endOffset() > TestSegment.SHARD_BYTES) {
                break;
            }
            stripes.add(stripe);
            sealedBytes = stripe.stripe().endOffset();
            for (int i = 0; i < shards.size(); i++) {
                if (stripe.has(i)) {
                    append(i, stripe);
                }
            }
        }
    }

    private void append(int shard, TestSegment.Written stripe) throws AshlarException {
        Request append = Request.newBuilder()
                .setAppendCell(segment.append(shards.get(shard), stripe))
                .build();
        cluster.tell(cluster.nodes.get(shard), append, stripe.record(shard));
    }

    private void seal() {
        for (int i = 0; i < shards.size(); i++) {
            SealShard seal = SealShard.newBuilder()
                    .setShard(shards.get(i))
                    .setSealedBytes(sealedBytes)
                    .setStripeCount(stripes.size())
                    .setCells(cellsOf(i))
                    .build();
            order(i, Order.newBuilder().setSeal(seal));
        }
    }

    private int cellsOf(int shard) {
        return (int) stripes.stream().filter(stripe -> stripe.has(shard)).count();
    }

    private OrderResult order(int node, Order.Builder order) {
        return cluster.order(cluster.nodes.get(node), order.setId(orderId++).build());
    }

    private OrderResult rebuild(int shard) {
        Segment placed = cluster.sealed(segment, shards, sealedBytes);
        RebuildShard rebuild = RebuildShard.newBuilder()
                .setSegment(placed)
                .setShard(shards.get(shard))
                .setCells(cellsOf(shard))
                .build();
        return order(shard, Order.newBuilder().setRebuild(rebuild));
    }

    private OrderResult scrub(int node) {
        return order(
                node, Order.newBuilder().setScrub(ScrubDrives.newBuilder().setScrub(SCRUBBED)));
    }

    private ShardVerified verify(int shard) throws AshlarException {
        VerifyShard verify = VerifyShard.newBuilder()
                .setShard(shards.get(shard))
                .setSealedBytes(sealedBytes)
                .setCells(cellsOf(shard))
                .build();
        Transport.Answer answer = cluster.ask(
                cluster.nodes.get(shard),
                Request.newBuilder().setVerifyShard(verify).build(),
                List.of());
        answer.bulk().release();
        return answer.response().getShardVerified();
    }

    private void assertWhole(int shard) throws AshlarException {
        assertThat(verify(shard).getDamagedCells()).isZero();
        for (TestSegment.Written stripe : stripes) {
            if (stripe.has(shard) && stripe.stripe().geometry().cellBytes() > 0) {
                assertThat(read(shard, stripe)).isEqualTo(stripe.cell(shard));
            }
        }
    }

    private byte[] read(int shard, TestSegment.Written stripe) throws AshlarException {
        ReadCell read = ReadCell.newBuilder()
                .setShard(shards.get(shard))
                .setOffset(stripe.stripe().identity().offset())
                .setPieceCount(stripe.stripe().geometry().piecesPerCell())
                .build();
        Transport.Answer answer = cluster.ask(
                cluster.nodes.get(shard),
                Request.newBuilder().setReadCell(read).build(),
                List.of());
        byte[] bytes = answer.bulk().segment().toArray(Little.BYTE);
        answer.bulk().release();
        return bytes;
    }

    private FakeDriveDirectory.FakeFile arena(int node) {
        return cluster.nodes.get(node).drives.getFirst().arena();
    }

    /** Where the record of a stripe is in the arena: the first shard of a drive is in slot 0. */
    private static long place(TestSegment.Written stripe) throws AshlarException {
        return ArenaLayout.of(TestDrive.CAPACITY_BYTES).slotAt(0)
                + stripe.stripe().identity().offset();
    }

    private TestSegment.Written stripeOf(int shard, int minCellBytes) {
        return stripes.stream()
                .filter(stripe -> stripe.has(shard))
                .filter(stripe -> stripe.stripe().geometry().cellBytes() >= minCellBytes)
                .skip(1)
                .findFirst()
                .orElseThrow();
    }

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
    void rebuildsAShardThatIsGone() throws AshlarException {
        writeSegment();
        seal();
        for (int shard = 0; shard < shards.size(); shard++) {
            ShardRef ref = shards.get(shard);
            order(shard, Order.newBuilder().setDelete(DeleteShard.newBuilder().setShard(ref)));
            OrderResult result = rebuild(shard);
            assertThat(result.getFailure().getMessage()).isEmpty();
            assertThat(result.getCellsWritten()).isEqualTo(cellsOf(shard));
            assertWhole(shard);
        }
    }

    @Test
    void rebuildsWithAllNodesSilentThatMayBe() throws AshlarException {
        writeSegment();
        seal();
        ShardRef ref = shards.getFirst();
        order(0, Order.newBuilder().setDelete(DeleteShard.newBuilder().setShard(ref)));
        cluster.transport.silent.add(cluster.nodes.get(2).address());
        assertThat(rebuild(0).hasFailure()).isFalse();
        assertWhole(0);
    }

    @Test
    void keepsWhatIsWholeAndRebuildsFlippedErasedAndUnreadableCells() throws AshlarException {
        writeSegment();
        seal();
        var flipped = stripeOf(1, 8192);
        arena(1).flipBit(place(flipped) + 5000);
        assertThat(verify(1).getDamagedCells()).isEqualTo(1);
        assertThat(rebuild(1).getCellsWritten()).isEqualTo(1);
        assertWhole(1);

        var erased = stripeOf(2, 8192);
        arena(2).erase(place(erased), erased.stripe().geometry().recordBytes());
        assertThat(rebuild(2).getCellsWritten()).isEqualTo(1);
        assertWhole(2);

        var headless = stripeOf(3, 8192);
        arena(3).flipBit(place(headless) + 30);
        assertThat(rebuild(3).getCellsWritten()).isEqualTo(1);
        assertWhole(3);
    }

    @Test
    void rebuildsAroundRotInOtherShards() throws AshlarException {
        writeSegment();
        seal();
        ShardRef ref = shards.get(4);
        order(4, Order.newBuilder().setDelete(DeleteShard.newBuilder().setShard(ref)));
        var rotten = stripeOf(5, 8192);
        arena(5).flipBit(place(rotten) + 5000);
        assertThat(rebuild(4).hasFailure()).isFalse();
        assertWhole(4);
    }

    @Test
    void neverDecodesFromCellsOfTwoGenerations() throws IOException {
        writeSegment();
        seal();
        var stripe = stripes.stream()
                .filter(one -> one.stripe().geometry().d() == 4)
                .filter(one -> one.stripe().geometry().cellBytes() >= 8192)
                .findFirst()
                .orElseThrow();
        var identity = stripe.stripe().identity();
        int cellBytes = stripe.stripe().geometry().cellBytes();
        var other = segment.stripe(identity.number(), identity.offset(), 4, cellBytes);
        for (int shard = 4; shard < 6; shard++) {
            Buffer record = other.record(shard);
            FakeDriveDirectory drive = cluster.nodes.get(shard).drives.getFirst();
            try (DriveFile arena = drive.open(DriveOpener.ARENA)) {
                arena.write(place(stripe), record.segment());
            } finally {
                record.release();
            }
        }
        arena(0).flipBit(place(stripe) + stripe.stripe().geometry().headerBytes());
        OrderResult result = rebuild(0);
        assertThat(result.getFailure().getCode()).isEqualTo(ErrorCode.INSUFFICIENT_SHARDS);
        assertThat(result.getFailure().getMessage()).contains("another cell");
    }

    @Test
    void namesTheStripeThatCannotBeDecodedAndKeepsTheRest() throws AshlarException {
        writeSegment();
        seal();
        TestSegment.Written full = stripes.stream()
                .filter(stripe -> stripe.stripe().geometry().d() == 4)
                .filter(stripe -> stripe.stripe().geometry().cellBytes() >= 8192)
                .findFirst()
                .orElseThrow();
        for (int shard = 0; shard < 3; shard++) {
            arena(shard).flipBit(place(full) + full.stripe().geometry().headerBytes());
        }
        OrderResult result = rebuild(0);
        assertThat(result.getFailure().getCode()).isEqualTo(ErrorCode.INSUFFICIENT_SHARDS);
        assertThat(result.getFailure().getMessage())
                .contains("stripe " + full.stripe().identity().number() + " ");
        assertThat(verify(0).getDamagedCells()).isEqualTo(1);
    }

    @Test
    void goesOnPastStripesThatCannotBeDecodedAndTellsHowMany() throws AshlarException {
        writeSegment();
        seal();
        List<TestSegment.Written> hopeless = stripes.stream()
                .filter(stripe -> stripe.has(0))
                .filter(stripe -> stripe.stripe().geometry().cellBytes() > 0)
                .limit(2)
                .toList();
        for (TestSegment.Written stripe : hopeless) {
            for (int shard = 0; shard < 6; shard++) {
                if (stripe.has(shard)) {
                    arena(shard)
                            .flipBit(place(stripe) + stripe.stripe().geometry().headerBytes());
                }
            }
        }
        var last = stripes.stream().filter(stripe -> stripe.has(0)).toList().getLast();
        arena(0).flipBit(place(last) + 30);

        OrderResult result = rebuild(0);
        assertThat(result.getFailure().getCode()).isEqualTo(ErrorCode.INSUFFICIENT_SHARDS);
        long first = hopeless.getFirst().stripe().identity().number();
        assertThat(result.getFailure().getMessage()).contains("2 stripes", "stripe " + first + " ");
        assertThat(result.getCellsWritten()).isEqualTo(1);
        assertThat(result.getCellsChecked()).isEqualTo(cellsOf(0));
        assertThat(result.getBytesWritten()).isEqualTo(last.stripe().geometry().recordBytes());
        assertThat(verify(0).getDamagedCells()).isEqualTo(2);
    }

    @Test
    void goesOnPastAStripeOfWhichNoHeaderIsLeft() throws AshlarException {
        writeSegment();
        seal();
        var lost = stripeOf(0, 8192);
        for (int shard = 0; shard < 6; shard++) {
            if (lost.has(shard)) {
                arena(shard).flipBit(place(lost) + 30);
            }
        }
        ShardRef ref = shards.getFirst();
        order(0, Order.newBuilder().setDelete(DeleteShard.newBuilder().setShard(ref)));

        OrderResult result = rebuild(0);
        assertThat(result.getFailure().getCode()).isEqualTo(ErrorCode.INSUFFICIENT_SHARDS);
        assertThat(result.getFailure().getMessage())
                .contains("stripe at " + lost.stripe().identity().offset());
        assertThat(result.getCellsWritten()).isEqualTo(cellsOf(0) - 1);
    }

    @Test
    void doesNotWaitForSilentNodesAtEveryStripe() throws AshlarException {
        writeSegment();
        seal();
        ShardRef ref = shards.getFirst();
        order(0, Order.newBuilder().setDelete(DeleteShard.newBuilder().setShard(ref)));
        for (int node = 1; node <= 3; node++) {
            cluster.transport.silent.add(cluster.nodes.get(node).address());
        }
        long before = cluster.transport.nextLoop().nanoTime();
        OrderResult result = rebuild(0);
        assertThat(cluster.transport.nextLoop().nanoTime() - before).isLessThan(45_000_000_000L);
        assertThat(result.getFailure().getCode()).isEqualTo(ErrorCode.INSUFFICIENT_SHARDS);
        assertThat(result.getCellsWritten()).isPositive();
    }

    @Test
    void aDeletionCancelsARebuildThatWaitsForOthers() throws AshlarException {
        writeSegment();
        seal();
        TestCluster.Node node = cluster.nodes.get(6);
        List<Order> orders = new ArrayList<>();
        for (int i = 0; i <= StorageNodeConfig.DEFAULT_REBUILDS_AT_ONCE; i++) {
            RebuildShard rebuild = RebuildShard.newBuilder()
                    .setSegment(cluster.sealed(segment, shards, sealedBytes))
                    .setShard(copyOf(i))
                    .setCells(cellsOf(i))
                    .build();
            orders.add(Order.newBuilder().setId(orderId++).setRebuild(rebuild).build());
        }
        ShardRef last = copyOf(StorageNodeConfig.DEFAULT_REBUILDS_AT_ONCE);
        orders.add(Order.newBuilder()
                .setId(orderId++)
                .setDelete(DeleteShard.newBuilder().setShard(last))
                .build());
        cluster.orders.put(node.id, orders);
        cluster.transport.runUntil(() -> orders.stream()
                .allMatch(order -> cluster.results.stream()
                        .anyMatch(result -> result.getOrder() == order.getId())));
        long waiting = orders.get(StorageNodeConfig.DEFAULT_REBUILDS_AT_ONCE).getId();
        assertThat(cluster.results)
                .filteredOn(OrderResult::hasFailure)
                .singleElement()
                .satisfies(result -> {
                    assertThat(result.getOrder()).isEqualTo(waiting);
                    assertThat(result.getFailure().getCode()).isEqualTo(ErrorCode.NOT_FOUND);
                });
    }

    /** Where a shard is to be rebuilt on the node that has none. */
    private ShardRef copyOf(int shard) {
        return segment.shard(shard, cluster.nodes.get(6).drive(0)).toBuilder()
                .setIncarnation(77 + shard)
                .build();
    }

    @Test
    void copiesFromTheShardItReplacesWhereThatStillAnswers() throws AshlarException {
        writeSegment();
        seal();
        Segment placed = cluster.sealed(segment, shards, sealedBytes);
        ShardRef copy = segment.shard(0, cluster.nodes.get(6).drive(0)).toBuilder()
                .setIncarnation(77)
                .build();
        for (int i = 1; i < 6; i++) {
            arena(i).flipBit(place(stripeOf(i, 65536)) + 5000);
        }
        RebuildShard rebuild = RebuildShard.newBuilder()
                .setSegment(placed)
                .setShard(copy)
                .setCells(cellsOf(0))
                .build();
        OrderResult result = order(6, Order.newBuilder().setRebuild(rebuild));
        assertThat(result.getFailure().getMessage()).isEmpty();
        assertThat(result.getCellsWritten()).isEqualTo(cellsOf(0));
        assertThat(result.getBytesRead()).isLessThan(4 * result.getBytesWritten());
    }

    @Test
    void rebuildsMirrorsToo() throws AshlarException {
        segment = new TestSegment(5, new Policy(1, 2));
        shards = cluster.place(segment);
        writeSegment();
        seal();
        ShardRef ref = shards.get(1);
        order(1, Order.newBuilder().setDelete(DeleteShard.newBuilder().setShard(ref)));
        assertThat(rebuild(1).hasFailure()).isFalse();
        assertWhole(1);
    }

    @Test
    void doesNotRebuildAnOpenSegment() throws AshlarException {
        writeSegment();
        RebuildShard rebuild = RebuildShard.newBuilder()
                .setSegment(
                        cluster.sealed(segment, shards, sealedBytes).toBuilder().clearState())
                .setShard(shards.getFirst())
                .build();
        assertThat(order(0, Order.newBuilder().setRebuild(rebuild)).getFailure().getCode())
                .isEqualTo(ErrorCode.INVALID);
    }

    @Test
    void aScrubCountsEveryCellOfEveryRole() throws AshlarException {
        writeSegment();
        seal();
        for (int node = 0; node < 6; node++) {
            OrderResult result = scrub(node);
            assertThat(result.getCellsChecked()).isEqualTo(cellsOf(node));
            assertThat(result.getDamagedCells()).isZero();
            assertThat(result.getBytesRead()).isPositive();
        }
        assertThat(cluster.damage).isEmpty();
    }

    @Test
    void aScrubFindsFlippedBitsErasedAndUnreadableCells() throws AshlarException {
        writeSegment();
        seal();
        arena(0).flipBit(place(stripeOf(0, 8192)) + 5000);
        var erased = stripeOf(1, 8192);
        arena(1).erase(place(erased), erased.stripe().geometry().recordBytes());
        arena(2).makeUnreadable(place(stripeOf(2, 8192)) + 4096);
        for (int node = 0; node < 3; node++) {
            assertThat(scrub(node).getDamagedCells()).as("node " + node).isEqualTo(1);
        }
        assertThat(cluster.damage)
                .extracting(ShardDamage::getShard)
                .containsExactlyInAnyOrder(shards.get(0), shards.get(1), shards.get(2));
    }

    @Test
    void aScrubFindsRotInAShardThatIsStillOpen() throws AshlarException {
        writeSegment();
        arena(0).flipBit(place(stripeOf(0, 8192)) + 5000);
        assertThat(scrub(0).getDamagedCells()).isEqualTo(1);
        assertThat(cluster.damage).extracting(ShardDamage::getShard).containsExactly(shards.get(0));
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
    void rebuildsWhatWasLostWhenTheArenaWasCutShort() throws AshlarException {
        writeSegment();
        seal();
        var kept = stripeOf(0, 4096);
        arena(0).truncate(place(kept) + kept.stripe().geometry().recordBytes());
        cluster.transport.runUntil(() -> !cluster.damage.isEmpty());
        assertThat(cluster.damage.getFirst().getKind()).isEqualTo(ShardDamage.Kind.MISSING_CELL);
        assertThat(scrub(0).getDamagedCells()).isPositive();
        assertThat(rebuild(0).hasFailure()).isFalse();
        assertWhole(0);
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
