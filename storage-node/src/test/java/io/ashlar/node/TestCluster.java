package io.ashlar.node;

import io.ashlar.client.AshlarException;
import io.ashlar.client.model.Address;
import io.ashlar.client.model.DriveId;
import io.ashlar.client.protocol.Authority;
import io.ashlar.client.protocol.Heartbeat;
import io.ashlar.client.protocol.HeartbeatReply;
import io.ashlar.client.protocol.Order;
import io.ashlar.client.protocol.OrderResult;
import io.ashlar.client.protocol.Placement;
import io.ashlar.client.protocol.RegisterNode;
import io.ashlar.client.protocol.Request;
import io.ashlar.client.protocol.Response;
import io.ashlar.client.protocol.Segment;
import io.ashlar.client.protocol.SegmentState;
import io.ashlar.client.protocol.ShardDamage;
import io.ashlar.client.protocol.ShardRef;
import io.ashlar.client.transport.Buffer;
import io.ashlar.client.transport.Transport;

import org.jspecify.annotations.Nullable;

import java.io.IOException;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.SplittableRandom;
import java.util.concurrent.Executor;
import java.util.random.RandomGenerator;

/** Storage nodes over fake drives, and a coordinator that says what the test wants. */
final class TestCluster implements AutoCloseable {
    static final Address COORDINATOR = new Address("coordinator", 7400);

    final LocalTransport transport = new LocalTransport();
    final List<Node> nodes = new ArrayList<>();

    /** What was heard, by node. */
    final Map<String, RegisterNode> registered = new HashMap<>();

    /** Pages of registrations, in the order they came. */
    final List<RegisterNode> pages = new ArrayList<>();

    /** Of nodes that start from now on. */
    int inventoryPageShards = StorageNodeConfig.DEFAULT_INVENTORY_PAGE_SHARDS;

    /** Of nodes that start from now on. */
    long scrubBytesPerSecond = StorageNodeConfig.DEFAULT_SCRUB_BYTES_PER_SECOND;

    /** Whether the next page but the first is refused. */
    boolean refusesPage;

    final List<ShardDamage> damage = new ArrayList<>();
    final List<OrderResult> results = new ArrayList<>();
    final Map<String, Heartbeat> heartbeats = new HashMap<>();

    /** What is answered. */
    Authority authority = Authority.newBuilder()
            .setGeneration(1)
            .setTerm(1)
            .setAppliedIndex(10)
            .build();

    final Map<String, List<Order>> orders = new HashMap<>();

    /** Whoever answers what a client asks a coordinator. */
    Transport.Service volumes = (request, bulk, responder) -> responder.fail(
            new AshlarException.Invalid("not served here: " + request.getBodyCase()));

    TestCluster(int nodeCount) throws IOException {
        transport.listen(COORDINATOR, this::coordinate);
        for (int i = 0; i < nodeCount; i++) {
            Node node = new Node("n" + i);
            nodes.add(node);
            node.start();
        }
    }

    /** A node and its drives, which outlive it. */
    final class Node {
        final String id;
        final List<FakeDriveDirectory> drives =
                List.of(new FakeDriveDirectory(), new FakeDriveDirectory());
        private int starts;
        private @Nullable StorageNode process;

        Node(String id) {
            this.id = id;
        }

        Address address() {
            return new Address(id, 7500);
        }

        void start() throws IOException {
            starts++;
            var drive = new StorageNodeConfig.DriveConfig("0", TestDrive.CAPACITY_BYTES);
            var standard = StorageNodeConfig.of(
                    id,
                    address(),
                    "",
                    List.of(COORDINATOR),
                    List.of(
                            drive,
                            new StorageNodeConfig.DriveConfig("1", TestDrive.CAPACITY_BYTES)));
            var config = new StorageNodeConfig(
                    standard.node(),
                    standard.listen(),
                    standard.advertise(),
                    standard.zone(),
                    standard.coordinators(),
                    standard.drives(),
                    standard.readersPerDrive(),
                    standard.heartbeatInterval(),
                    scrubBytesPerSecond,
                    standard.rebuildsAtOnce(),
                    inventoryPageShards);
            process = StorageNode.start(config, transport, platform());
        }

        /** Ends the process at once. */
        void kill() {
            StorageNode running = process;
            if (running != null) {
                running.abandon();
            }
            drives.forEach(FakeDriveDirectory::kill);
        }

        DriveId drive(int index) {
            RegisterNode register = registered.get(id);
            if (register == null) {
                throw new IllegalStateException(id + " has not registered");
            }
            return DriveId.of(register.getDrives(index).getId());
        }

        private NodePlatform platform() {
            var random = new SplittableRandom(31L * id.hashCode() + starts);
            return new NodePlatform() {
                @Override
                public DriveDirectory directory(String path) {
                    return drives.get(Integer.parseInt(path));
                }

                @Override
                public Executor driveThread(String path) {
                    return transport.thread();
                }

                @Override
                public Executor readers(String path, int threads) {
                    return transport.thread();
                }

                @Override
                public RandomGenerator random() {
                    return random;
                }

                @Override
                public void close() {}
            };
        }
    }

    private void coordinate(Request request, Buffer bulk, Transport.Responder responder) {
        if (!request.hasRegisterNode() && !request.hasHeartbeat()) {
            volumes.handle(request, bulk, responder);
            return;
        }
        bulk.release();
        HeartbeatReply.Builder reply = HeartbeatReply.newBuilder().setAuthority(authority);
        if (request.hasRegisterNode()) {
            RegisterNode page = request.getRegisterNode();
            pages.add(page);
            if (refusesPage && page.getPage() > 0) {
                refusesPage = false;
                responder.fail(new AshlarException.Unavailable("begin again"));
                return;
            }
            if (!page.getMore()) {
                registered.put(page.getNode(), page);
            }
        } else {
            Heartbeat heartbeat = request.getHeartbeat();
            heartbeats.put(heartbeat.getNode(), heartbeat);
            damage.addAll(heartbeat.getDamageList());
            results.addAll(heartbeat.getResultsList());
            orders.getOrDefault(heartbeat.getNode(), List.of()).stream()
                    .filter(order -> resultOf(order) == null)
                    .forEach(reply::addOrders);
        }
        responder.reply(Response.newBuilder().setHeartbeatReply(reply).build());
    }

    /** Gives an order until its result has come. */
    OrderResult order(Node node, Order order) {
        orders.put(node.id, List.of(order));
        transport.runUntil(() -> resultOf(order) != null);
        orders.remove(node.id);
        OrderResult result = resultOf(order);
        if (result == null) {
            throw new IllegalStateException();
        }
        return result;
    }

    private @Nullable OrderResult resultOf(Order order) {
        return results.stream()
                .filter(result -> result.getOrder() == order.getId())
                .findFirst()
                .orElse(null);
    }

    Transport.Answer ask(Node node, Request request, List<Buffer> bulk) throws AshlarException {
        Object[] answer = new Object[1];
        transport.call(
                transport.nextLoop(),
                node.address(),
                request,
                bulk,
                5_000_000_000L,
                new Transport.ReplyHandler() {
                    @Override
                    public void answered(Response response, Buffer received) {
                        answer[0] = new Transport.Answer(response, received);
                    }

                    @Override
                    public void failed(AshlarException cause) {
                        answer[0] = cause;
                    }
                });
        transport.runUntil(() -> answer[0] != null);
        if (answer[0] instanceof AshlarException cause) {
            throw cause;
        }
        return (Transport.Answer) answer[0];
    }

    void tell(Node node, Request request, Buffer... bulk) throws AshlarException {
        ask(node, request, List.of(bulk)).bulk().release();
    }

    /** Where a segment's shards are: one on the first drive of each node. */
    List<ShardRef> place(TestSegment segment) {
        transport.runUntil(() -> registered.size() == nodes.size());
        List<ShardRef> shards = new ArrayList<>();
        for (int i = 0; i < segment.policy.n(); i++) {
            shards.add(segment.shard(i, nodes.get(i).drive(0)));
        }
        return shards;
    }

    Segment sealed(TestSegment segment, List<ShardRef> shards, long sealedBytes) {
        Segment.Builder built = Segment.newBuilder()
                .setId(segment.id.toProto())
                .setVolume(TestSegment.VOLUME.toProto())
                .setSequence(1)
                .setPolicy(segment.policy.toString())
                .setEpoch(TestSegment.EPOCH)
                .setState(SegmentState.SEALED)
                .setShardBytes(TestSegment.SHARD_BYTES)
                .setSealedBytes(sealedBytes);
        for (int i = 0; i < shards.size(); i++) {
            built.addPlacements(Placement.newBuilder()
                    .setShard(shards.get(i))
                    .setNode(nodes.get(i).id)
                    .setAddress(nodes.get(i).address().toString()));
        }
        return built.build();
    }

    @Override
    public void close() {
        nodes.forEach(Node::kill);
    }
}
