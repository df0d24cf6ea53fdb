package io.ashlar.coordinator;

import io.ashlar.client.AshlarException;
import io.ashlar.client.model.Address;
import io.ashlar.client.protocol.AbandonedVolume;
import io.ashlar.client.protocol.CloseVolume;
import io.ashlar.client.protocol.ClusterStatus;
import io.ashlar.client.protocol.CommitRoot;
import io.ashlar.client.protocol.CreateSegment;
import io.ashlar.client.protocol.CreateVolume;
import io.ashlar.client.protocol.DeleteVolume;
import io.ashlar.client.protocol.GetRepair;
import io.ashlar.client.protocol.GetScrub;
import io.ashlar.client.protocol.GetStatus;
import io.ashlar.client.protocol.GetVolume;
import io.ashlar.client.protocol.LeaseRenewed;
import io.ashlar.client.protocol.ListSegments;
import io.ashlar.client.protocol.OpenSegment;
import io.ashlar.client.protocol.OpenVolume;
import io.ashlar.client.protocol.Placement;
import io.ashlar.client.protocol.RenewLease;
import io.ashlar.client.protocol.RepairStatus;
import io.ashlar.client.protocol.Request;
import io.ashlar.client.protocol.Response;
import io.ashlar.client.protocol.Root;
import io.ashlar.client.protocol.ScrubStatus;
import io.ashlar.client.protocol.SealSegments;
import io.ashlar.client.protocol.Segment;
import io.ashlar.client.protocol.SegmentList;
import io.ashlar.client.protocol.SegmentSeal;
import io.ashlar.client.protocol.SegmentState;
import io.ashlar.client.protocol.ShardRef;
import io.ashlar.client.protocol.ShardSeal;
import io.ashlar.client.protocol.VolumeInfo;
import io.ashlar.client.protocol.VolumeOpened;
import io.ashlar.client.transport.Buffer;
import io.ashlar.coordinator.log.LocalLog;
import io.ashlar.coordinator.metadata.MemoryMetadataStore;
import io.ashlar.coordinator.metadata.Metadata;

import java.nio.file.Path;
import java.time.Duration;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Random;
import java.util.SortedMap;
import java.util.TreeMap;
import java.util.concurrent.atomic.AtomicReference;

/** A coordinator on a virtual loop, and nodes that hold shards as entries of a map. */
final class TestCluster {
    static final long SHARD_BYTES = 1 << 20;

    private static final CoordinatorConfig ALONE =
            CoordinatorConfig.alone("c1", new Address("127.0.0.1", 7400), Path.of("unused"));

    final VirtualLoop loop = new VirtualLoop();
    final Map<String, TestNode> nodes = new LinkedHashMap<>();
    private final Random random = new Random(7);
    private final CoordinatorConfig config;
    private MemoryMetadataStore store = new MemoryMetadataStore();
    private CountingStore reads;
    private Metadata metadata;
    private LocalLog log;
    private CoordinatorService service;
    private long lastRequest;

    TestCluster() {
        this(Duration.ofMinutes(10));
    }

    TestCluster(Duration rebuildDelay) {
        this(ALONE.with(ALONE.timings().withRebuildDelay(rebuildDelay)));
    }

    private TestCluster(CoordinatorConfig config) {
        this.config = config;
        this.reads = new CountingStore(store);
        this.metadata = new Metadata(reads);
        this.log = new LocalLog("c1", loop, metadata);
        this.service = new CoordinatorService(config, loop, random, metadata, log);
        service.start();
        loop.settle();
    }

    /** With this many nodes of one drive each, every one a domain, all registered. */
    static TestCluster of(int nodeCount) throws AshlarException {
        return of(nodeCount, Duration.ofMinutes(10));
    }

    static TestCluster of(int nodeCount, Duration rebuildDelay) throws AshlarException {
        return new TestCluster(rebuildDelay).withNodes(nodeCount);
    }

    /** Whose answers hold so many segments at most. */
    static TestCluster withPages(int pageSegments, int nodeCount) throws AshlarException {
        return new TestCluster(ALONE.withPageSegments(pageSegments)).withNodes(nodeCount);
    }

    /** Whose coordinator is one of two. */
    static TestCluster withPeer(int nodeCount) throws AshlarException {
        SortedMap<String, CoordinatorConfig.Peer> peers = new TreeMap<>(ALONE.peers());
        Address other = new Address("127.0.0.2", 7400);
        peers.put("c2", new CoordinatorConfig.Peer(other, other));
        return new TestCluster(ALONE.with(peers)).withNodes(nodeCount);
    }

    private TestCluster withNodes(int nodeCount) throws AshlarException {
        for (int i = 1; i <= nodeCount; i++) {
            addNode("n" + i, "");
        }
        return this;
    }

    TestNode addNode(String id, String zone) throws AshlarException {
        TestNode node = new TestNode(this, id, zone, random);
        nodes.put(id, node);
        node.register();
        return node;
    }

    TestNode node(String id) {
        TestNode node = nodes.get(id);
        if (node == null) {
            throw new IllegalStateException("no node " + id);
        }
        return node;
    }

    Metadata metadata() {
        return metadata;
    }

    MemoryMetadataStore store() {
        return store;
    }

    /** Entries of the metadata that were read since the coordinator started. */
    long reads() {
        return reads.reads();
    }

    LocalLog log() {
        return log;
    }

    long newRequest() {
        return ++lastRequest;
    }

    /** Kill -9 and a start from what was written. */
    void restartCoordinator() {
        service.stop();
        log.close();
        loop.settle();
        store = store.copy();
        reads = new CountingStore(store);
        metadata = new Metadata(reads);
        log = new LocalLog("c1", loop, metadata);
        service = new CoordinatorService(config, loop, random, metadata, log);
        service.start();
        loop.settle();
    }

    /** Time passes, a second at a time, with a heartbeat of every living node in each. */
    void passSeconds(int seconds) throws AshlarException {
        for (int i = 0; i < seconds; i++) {
            loop.passMillis(1000);
            heartbeats();
        }
    }

    void heartbeats() throws AshlarException {
        for (TestNode node : nodes.values()) {
            node.heartbeat();
        }
    }

    // ---- requests

    /** An answer that may come when time has passed. */
    AtomicReference<Response> askLater(Request request) {
        AtomicReference<Response> answer = new AtomicReference<>();
        service.handle(request, Buffer.empty(), (response, bulk) -> answer.set(response));
        loop.settle();
        return answer;
    }

    /** Asks, and asks the same again while the first command that it led to is applied. */
    void askAndRepeat(Request request) {
        service.handle(request, Buffer.empty(), (response, bulk) -> {});
        loop.execute(() -> service.handle(request, Buffer.empty(), (response, bulk) -> {}));
        loop.settle();
    }

    /** Asks two things, one right after the other. */
    List<Response> askTogether(Request first, Request second) {
        AtomicReference<Response> firstAnswer = new AtomicReference<>();
        AtomicReference<Response> secondAnswer = new AtomicReference<>();
        service.handle(first, Buffer.empty(), (response, bulk) -> firstAnswer.set(response));
        service.handle(second, Buffer.empty(), (response, bulk) -> secondAnswer.set(response));
        loop.settle();
        return List.of(firstAnswer.get(), secondAnswer.get());
    }

    Response ask(Request request) throws AshlarException {
        AtomicReference<Response> answer = askLater(request);
        for (int i = 0; i < 200 && answer.get() == null; i++) {
            loop.passMillis(20);
        }
        Response response = answer.get();
        if (response == null) {
            throw new IllegalStateException("no answer to " + request);
        }
        if (response.hasFailure()) {
            throw AshlarException.of(response.getFailure());
        }
        return response;
    }

    VolumeInfo createVolume(String name, String policy) throws AshlarException {
        return ask(Request.newBuilder()
                        .setCreateVolume(CreateVolume.newBuilder()
                                .setRequestId(newRequest())
                                .setName(name)
                                .setSizeBytes(1 << 30)
                                .setPolicy(policy)
                                .setCompression("none"))
                        .build())
                .getVolume();
    }

    VolumeOpened open(String name, String holder, boolean steal) throws AshlarException {
        return ask(Request.newBuilder()
                        .setOpenVolume(OpenVolume.newBuilder()
                                .setRequestId(newRequest())
                                .setName(name)
                                .setHolder(holder)
                                .setSteal(steal))
                        .build())
                .getVolumeOpened();
    }

    /** As a worker that takes over what a writer left. */
    VolumeOpened openAbandoned(AbandonedVolume volume, String holder) throws AshlarException {
        return ask(openingOf(volume, holder)).getVolumeOpened();
    }

    Request openingOf(AbandonedVolume volume, String holder) {
        return Request.newBuilder()
                .setOpenVolume(OpenVolume.newBuilder()
                        .setRequestId(newRequest())
                        .setName(volume.getName())
                        .setHolder(holder)
                        .setAbandoned(volume))
                .build();
    }

    /** Seals every OPEN segment of a volume. */
    void sealAll(VolumeInfo volume) throws AshlarException {
        List<SegmentSeal> seals = list(
                        ListSegments.newBuilder().setVolume(volume.getName()).build())
                .getSegmentsList()
                .stream()
                .filter(segment -> segment.getState() == SegmentState.OPEN)
                .map(segment -> sealOf(segment))
                .toList();
        seal(volume, seals.toArray(SegmentSeal[]::new));
    }

    Request renewalOf(VolumeInfo volume) {
        return Request.newBuilder()
                .setRenewLease(RenewLease.newBuilder()
                        .setVolume(volume.getId())
                        .setEpoch(volume.getEpoch()))
                .build();
    }

    LeaseRenewed renewed(VolumeInfo volume) throws AshlarException {
        return ask(renewalOf(volume)).getLeaseRenewed();
    }

    VolumeInfo get(String name) throws AshlarException {
        return ask(Request.newBuilder()
                        .setGetVolume(GetVolume.newBuilder().setName(name))
                        .build())
                .getVolume();
    }

    void delete(String name) throws AshlarException {
        ask(Request.newBuilder()
                .setDeleteVolume(
                        DeleteVolume.newBuilder().setRequestId(newRequest()).setName(name))
                .build());
    }

    void close(VolumeInfo volume) throws AshlarException {
        ask(Request.newBuilder()
                .setCloseVolume(CloseVolume.newBuilder()
                        .setRequestId(newRequest())
                        .setVolume(volume.getId())
                        .setEpoch(volume.getEpoch()))
                .build());
    }

    Segment createSegment(VolumeInfo volume) throws AshlarException {
        return ask(Request.newBuilder()
                        .setCreateSegment(CreateSegment.newBuilder()
                                .setRequestId(newRequest())
                                .setVolume(volume.getId())
                                .setEpoch(volume.getEpoch())
                                .setShardBytes(SHARD_BYTES))
                        .build())
                .getSegment();
    }

    /** Creates the shards on their nodes and opens the segment. */
    Segment openSegment(VolumeInfo volume, Segment segment) throws AshlarException {
        for (Placement placement : segment.getPlacementsList()) {
            TestNode node = nodes.get(placement.getNode());
            if (node == null) {
                throw new IllegalStateException("placed on no node: " + placement);
            }
            node.create(segment, placement.getShard());
        }
        return ask(Request.newBuilder()
                        .setOpenSegment(OpenSegment.newBuilder()
                                .setRequestId(newRequest())
                                .setVolume(volume.getId())
                                .setEpoch(volume.getEpoch())
                                .setSegment(segment.getId()))
                        .build())
                .getSegment();
    }

    void seal(VolumeInfo volume, SegmentSeal... seals) throws AshlarException {
        SealSegments.Builder request = SealSegments.newBuilder()
                .setRequestId(newRequest())
                .setVolume(volume.getId())
                .setEpoch(volume.getEpoch());
        for (SegmentSeal seal : seals) {
            request.addSeals(seal);
        }
        ask(Request.newBuilder().setSealSegments(request).build());
    }

    /** A root of an empty map, of which so many blocks are lost. */
    void commitRoot(VolumeInfo volume, long number, long lostBlocks) throws AshlarException {
        ask(Request.newBuilder()
                .setCommitRoot(CommitRoot.newBuilder()
                        .setRequestId(newRequest())
                        .setVolume(volume.getId())
                        .setEpoch(volume.getEpoch())
                        .setRoot(Root.newBuilder().setNumber(number).setLostBlocks(lostBlocks)))
                .build());
    }

    /** A seal at half of the segment, with all shards but these complete. */
    static SegmentSeal sealOf(Segment segment, Integer... incomplete) {
        SegmentSeal.Builder seal = SegmentSeal.newBuilder()
                .setSegment(segment.getId())
                .setSealedBytes(SHARD_BYTES / 2)
                .setStripeCount(8);
        for (int index = 0; index < segment.getPlacementsCount(); index++) {
            seal.addShards(ShardSeal.newBuilder()
                    .setCells(8)
                    .setComplete(!List.of(incomplete).contains(index)));
        }
        return seal.build();
    }

    /** A new segment, written and sealed, of which every node has heard. */
    Segment sealedSegment(VolumeInfo volume) throws AshlarException {
        Segment segment = openSegment(volume, createSegment(volume));
        seal(volume, sealOf(segment));
        heartbeats();
        heartbeats();
        return segment(segment);
    }

    Segment segment(Segment segment) throws AshlarException {
        return ask(Request.newBuilder()
                        .setListSegments(ListSegments.newBuilder().setSegment(segment.getId()))
                        .build())
                .getSegmentList()
                .getSegments(0);
    }

    SegmentList list(ListSegments request) throws AshlarException {
        return ask(Request.newBuilder().setListSegments(request).build()).getSegmentList();
    }

    ClusterStatus status() throws AshlarException {
        return ask(Request.newBuilder()
                        .setGetStatus(GetStatus.getDefaultInstance())
                        .build())
                .getStatus();
    }

    RepairStatus repair() throws AshlarException {
        return ask(Request.newBuilder()
                        .setGetRepair(GetRepair.getDefaultInstance())
                        .build())
                .getRepair();
    }

    ScrubStatus scrub() throws AshlarException {
        return ask(Request.newBuilder()
                        .setGetScrub(GetScrub.getDefaultInstance())
                        .build())
                .getScrub();
    }

    /** The node on which a shard is placed. */
    TestNode nodeOf(Segment segment, int index) {
        TestNode node = nodes.get(segment.getPlacements(index).getNode());
        if (node == null) {
            throw new IllegalStateException("no node holds shard " + index);
        }
        return node;
    }

    static ShardRef shard(Segment segment, int index) {
        return segment.getPlacements(index).getShard();
    }
}
