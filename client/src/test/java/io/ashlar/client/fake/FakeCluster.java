package io.ashlar.client.fake;

import io.ashlar.client.AshlarException;
import io.ashlar.client.model.Address;
import io.ashlar.client.model.Policy;
import io.ashlar.client.model.SegmentId;
import io.ashlar.client.protocol.AbandonedVolume;
import io.ashlar.client.protocol.Placement;
import io.ashlar.client.protocol.Request;
import io.ashlar.client.protocol.Response;
import io.ashlar.client.protocol.Segment;
import io.ashlar.client.transport.Buffer;
import io.ashlar.client.transport.Loop;
import io.ashlar.client.transport.Transport;

import java.lang.foreign.MemorySegment;
import java.util.ArrayList;
import java.util.EnumMap;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.random.RandomGenerator;

/**
 * A coordinator and nodes behind a network that delays every message and loses some. Everything
 * runs on one loop, from one source of randomness.
 */
public final class FakeCluster {
    public static final Address COORDINATOR = new Address("coordinator", 1);
    private static final long MAX_DELAY_NANOS = 2_000_000;

    private final FakeLoop loop;
    private final RandomGenerator random;
    private final Map<Address, FakeNode> nodes = new LinkedHashMap<>();
    private final FakeCoordinator coordinator;
    private final Map<Request.BodyCase, Integer> arrivals = new EnumMap<>(Request.BodyCase.class);
    private final Map<Address, Long> slowness = new HashMap<>();
    private final Map<Address, Long> creationNanos = new HashMap<>();

    /** What arrived at a node since it was paused. */
    private final Map<Address, List<Runnable>> paused = new HashMap<>();

    private final List<Arrival> watchers = new ArrayList<>();
    private double lossRate;
    private final Map<Request.BodyCase, Double> lossRates = new EnumMap<>(Request.BodyCase.class);

    public FakeCluster(
            FakeLoop loop, RandomGenerator random, int nodeCount, Policy policy, long sizeBytes) {
        this.loop = loop;
        this.random = random;
        List<String> names = new ArrayList<>();
        for (int i = 0; i < nodeCount; i++) {
            names.add("n" + i);
            nodes.put(addressOf("n" + i), new FakeNode());
        }
        this.coordinator = new FakeCoordinator(
                random,
                names,
                name -> node(name).isUp(),
                policy,
                sizeBytes,
                freed -> nodes.values().forEach(node -> node.delete(freed)));
    }

    static Address addressOf(String node) {
        return new Address(node, 1);
    }

    private FakeNode node(String name) {
        FakeNode node = nodes.get(addressOf(name));
        if (node == null) {
            throw new IllegalArgumentException("no node " + name);
        }
        return node;
    }

    public void kill(int index) {
        node("n" + index).kill();
    }

    public void start(int index) {
        node("n" + index).start();
    }

    /**
     * A node is silent from now on, as if its process were stopped or its power were gone: no
     * connection ends, and nobody is told.
     */
    public void pause(int index) {
        paused.putIfAbsent(addressOf("n" + index), new ArrayList<>());
    }

    /** It goes on, with all that has arrived meanwhile. */
    public void resume(int index) {
        List<Runnable> arrived = paused.remove(addressOf("n" + index));
        if (arrived != null) {
            arrived.forEach(loop::execute);
        }
    }

    public boolean isUp(int index) {
        return node("n" + index).isUp();
    }

    /** Sees every request as it arrives at its receiver, which has not looked at it yet. */
    public interface Arrival {
        /**
         * May do anything to the cluster; what it throws is the receiver's answer.
         *
         * @param to index of a node, or -1 for the coordinator
         * @param bulk valid during the call only
         */
        void arrives(int to, Request request, MemorySegment bulk) throws AshlarException;
    }

    public void watch(Arrival watcher) {
        watchers.add(watcher);
    }

    /** Requests of this kind that have arrived so far, anywhere. */
    public int arrivals(Request.BodyCase kind) {
        return arrivals.getOrDefault(kind, 0);
    }

    /** From now on a node takes so much longer for everything. */
    public void slow(int index, long nanos) {
        slowness.put(addressOf("n" + index), nanos);
    }

    /** The same for making a shard only. */
    public void slowCreations(int index, long nanos) {
        creationNanos.put(addressOf("n" + index), nanos);
    }

    public void slowCoordinator(long nanos) {
        slowness.put(COORDINATOR, nanos);
    }

    /** Deletes the records at the start of their shards on a node: the node denies them. */
    public void eraseFirstRecords(int index) {
        node("n" + index).eraseFirstRecords();
    }

    /** All records agree on another CRC of the first piece of their stripe than it has. */
    public void contradictFirstPieces() {
        nodes.values().forEach(FakeNode::contradictFirstPieces);
    }

    /** Flips a bit of the data in the last record of every shard on a node. */
    public void rotLastRecords(int index) {
        node("n" + index).rotLastRecords();
    }

    /** Flips a bit of some record of a node. */
    public boolean rot(int index) {
        return node("n" + index).rot(random.nextLong(), random.nextInt());
    }

    public int recordCount() {
        return nodes.values().stream().mapToInt(FakeNode::recordCount).sum();
    }

    public long recordBytes() {
        return nodes.values().stream().mapToLong(FakeNode::recordBytes).sum();
    }

    /** From now on the cluster is full. */
    public void refuseSegments() {
        coordinator.refuseSegments();
    }

    /** Shards of all segments together take no more than this of each drive. */
    public void setCapacity(long bytesOfADrive) {
        coordinator.setCapacity(bytesOfADrive);
    }

    /** Segments in one answer of the coordinator at most. */
    public void setPageSegments(int max) {
        coordinator.setPageSegments(max);
    }

    /** Tells the writer that each of these segments lost a shard, until it is sealed. */
    public void loseShardOf(SegmentId segment) {
        coordinator.roll(segment);
    }

    /** All segments, in log order, as the coordinator knows them. */
    public List<Segment> segments() {
        return coordinator.segments();
    }

    /**
     * Repair: the shard goes to another node, by another incarnation, and is deleted where it was.
     */
    public void move(SegmentId segment, int index, int toNode) {
        Placement from = coordinator.placement(segment, index);
        Placement to = coordinator.move(segment, index, "n" + toNode);
        node(to.getNode()).adopt(node(from.getNode()).take(from.getShard()), to.getShard());
    }

    /** Who has the volume open; empty: nobody. */
    public String holder() {
        return coordinator.holder();
    }

    /** The volume as a worker would be told of it now. */
    public AbandonedVolume abandoned() {
        return coordinator.abandoned();
    }

    public long openSegments() {
        return coordinator.openSegments();
    }

    /** How many requests, and how many answers, are lost from now on. */
    public void loseMessages(double rate) {
        lossRate = rate;
    }

    /** The same for requests of one kind and their answers, in addition. */
    public void loseMessages(Request.BodyCase kind, double rate) {
        lossRates.put(kind, rate);
    }

    /** No map is saved from now on: whoever opens the volume replays its log. */
    public void refuseRoots() {
        coordinator.refuseRoots();
    }

    /** What the coordinator keeps of the newest root leads nowhere any more. */
    public void damageNewestRoots(int count) {
        coordinator.damageNewestRoots(count);
    }

    /** The network as one client process has it. */
    public ClientTransport newClient() {
        return new ClientTransport();
    }

    /** A client's end, which can die. */
    public final class ClientTransport implements Transport {
        private boolean alive = true;
        private boolean hearsCoordinator = true;

        /**
         * Nothing that this client does is seen by anybody any more; of what is under way, some
         * arrives. All its calls end as fenced, so that it gives its memory back.
         */
        public void kill() {
            alive = false;
        }

        /** Whether what goes to the coordinator arrives. */
        public void hearCoordinator(boolean hears) {
            hearsCoordinator = hears;
        }

        public boolean isAlive() {
            return alive;
        }

        @Override
        public Loop nextLoop() {
            return loop;
        }

        @Override
        public void call(
                Loop on,
                Address to,
                Request request,
                List<Buffer> bulk,
                long timeoutNanos,
                ReplyHandler handler) {
            byte[] whole = concatenate(bulk);
            Call call = new Call(on, handler);
            on.schedule(
                    timeoutNanos,
                    () -> call.fail(new AshlarException.Unavailable(to + " did not answer")));
            if (!alive) {
                on.execute(call::end);
            }
            if (alive && !isLost(request) && (hearsCoordinator || !to.equals(COORDINATOR))) {
                loop.schedule(delay(to), () -> deliver(to, request, whole, call));
            }
        }

        private void deliver(Address to, Request request, byte[] bytes, Call call) {
            if (!alive && random.nextBoolean()) {
                return;
            }
            List<Runnable> kept = paused.get(to);
            if (kept != null) {
                kept.add(() -> deliver(to, request, bytes, call));
                return;
            }
            Buffer bulk = bufferOf(bytes);
            try {
                FakeNode node = nodes.get(to);
                if (node != null && !node.isUp()) {
                    call.on.schedule(
                            delay(to),
                            () -> call.fail(
                                    new AshlarException.Unavailable("cannot connect to " + to)));
                    return;
                }
                arrive(to, request, bulk);
                Answer answer = node != null
                        ? node.handle(request, bulk)
                        : new Answer(coordinator.handle(request), Buffer.empty());
                byte[] answered = concatenate(List.of(answer.bulk()));
                if (!isLost(request)) {
                    call.on.schedule(
                            workNanos(to, request) + delay(to),
                            () -> call.answer(answer.response(), answered));
                }
            } catch (AshlarException e) {
                // As it arrives over a wire: an answer, not a silence.
                AshlarException arrived = AshlarException.of(e.toFailure());
                call.on.schedule(delay(to), () -> call.fail(arrived));
            } finally {
                bulk.release();
            }
        }

        private final class Call {
            private final Loop on;
            private final ReplyHandler handler;
            private boolean ended;

            Call(Loop on, ReplyHandler handler) {
                this.on = on;
                this.handler = handler;
            }

            /** What a dead client hears. */
            void end() {
                if (!ended) {
                    ended = true;
                    handler.failed(new AshlarException.Fenced("this client was killed"));
                }
            }

            void answer(Response response, byte[] bulk) {
                if (ended || !alive) {
                    end();
                    return;
                }
                ended = true;
                handler.answered(response, bufferOf(bulk));
            }

            void fail(AshlarException cause) {
                if (!alive) {
                    end();
                } else if (!ended) {
                    ended = true;
                    handler.failed(cause);
                }
            }
        }

        @Override
        public Listener listen(Address address, Service service) {
            throw new IllegalStateException("a client does not listen");
        }

        @Override
        public void close() {
            alive = false;
        }
    }

    private void arrive(Address to, Request request, Buffer bulk) throws AshlarException {
        arrivals.merge(request.getBodyCase(), 1, Integer::sum);
        int index = List.copyOf(nodes.keySet()).indexOf(to);
        for (Arrival watcher : watchers) {
            watcher.arrives(index, request, bulk.segment());
        }
    }

    private boolean isLost(Request request) {
        double rate = lossRates.getOrDefault(request.getBodyCase(), 0.0);
        return random.nextDouble() < lossRate || (rate > 0 && random.nextDouble() < rate);
    }

    private long workNanos(Address node, Request request) {
        return request.hasCreateShard() ? creationNanos.getOrDefault(node, 0L) : 0;
    }

    private long delay(Address peer) {
        return slowness.getOrDefault(peer, 0L) + random.nextLong(MAX_DELAY_NANOS);
    }

    /** What is under way owns no memory: a test may end while messages are. */
    private static byte[] concatenate(List<Buffer> bulk) {
        byte[] whole = new byte[bulk.stream().mapToInt(Buffer::sizeBytes).sum()];
        int at = 0;
        for (Buffer part : bulk) {
            if (part.sizeBytes() > 0) {
                MemorySegment.ofArray(whole).asSlice(at, part.sizeBytes()).copyFrom(part.segment());
                at += part.sizeBytes();
            }
            part.release();
        }
        return whole;
    }

    private static Buffer bufferOf(byte[] bytes) {
        Buffer buffer = Buffer.allocate(bytes.length);
        if (bytes.length > 0) {
            buffer.segment().copyFrom(MemorySegment.ofArray(bytes));
        }
        return buffer;
    }
}
