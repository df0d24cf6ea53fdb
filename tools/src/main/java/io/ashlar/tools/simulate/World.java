package io.ashlar.tools.simulate;

import io.ashlar.client.model.DriveId;
import io.ashlar.client.model.VolumeId;
import io.ashlar.client.protocol.DriveInfo;
import io.ashlar.client.protocol.Request;
import io.ashlar.client.protocol.Response;
import io.ashlar.client.protocol.Segment;
import io.ashlar.coordinator.metadata.Metadata;
import io.ashlar.coordinator.record.VolumeRecord;

import org.jspecify.annotations.Nullable;

import java.util.ArrayList;
import java.util.EnumMap;
import java.util.List;
import java.util.Map;
import java.util.SplittableRandom;

/** All machines and what lies between them. */
final class World {
    private final WorldSettings settings;
    private final SplittableRandom random;
    private final Trace trace;
    private final Schedule schedule = new Schedule();
    private final SimulatedNetwork network;
    private final TotalOrder order;
    private final List<SimulatedNode> nodes = new ArrayList<>();
    private final List<SimulatedCoordinator> coordinators = new ArrayList<>();
    private final List<SimulatedClient> clients = new ArrayList<>();
    private final Account account = new Account(this);
    private final Map<FaultKind, Integer> faults = new EnumMap<>(FaultKind.class);
    private int faultCount;
    private long healedNanos = -1;

    World(WorldSettings settings, SplittableRandom random, Trace trace, NetworkFaults faults) {
        this.settings = settings;
        this.random = random;
        this.trace = trace;
        this.network =
                new SimulatedNetwork(schedule, random.split(), trace, faults, new Listening());
        this.order = new TotalOrder(schedule, random.split());
        for (String id : settings.coordinatorIds()) {
            coordinators.add(new SimulatedCoordinator(this, id, random.split()));
        }
        for (int i = 0; i < settings.nodeCount(); i++) {
            nodes.add(new SimulatedNode(this, "n" + i, random.split()));
        }
    }

    /** Starts the servers. */
    void start() {
        coordinators.forEach(SimulatedCoordinator::start);
        order.elect(coordinators.getFirst().id());
        nodes.forEach(SimulatedNode::start);
    }

    /** Of what cannot be had just now. */
    Account account() {
        return account;
    }

    /** A client process that was not there before. */
    SimulatedClient newClient() {
        SimulatedClient client = new SimulatedClient(this, "k" + clients.size(), random.split());
        clients.add(client);
        return client;
    }

    /** Learns which drive is which, and holds nodes to what they say. */
    private final class Listening implements SimulatedNetwork.Observer {
        private final Promises promises = new Promises();
        private final Obedience obedience = new Obedience();

        @Override
        public void asked(SimulatedProcess by, Request request) {
            if (request.hasCreateSegment() && request.getCreateSegment().hasInsteadOf()) {
                note(by.name() + " wants a segment on none of "
                        + request.getCreateSegment().getAvoidDrivesCount() + " slow drives");
            }
            List<DriveInfo> told = request.hasRegisterNode()
                    ? request.getRegisterNode().getDrivesList()
                    : request.hasHeartbeat() ? request.getHeartbeat().getDrivesList() : List.of();
            for (DriveInfo drive : told) {
                for (SimulatedDrive one : node(by.name()).drives()) {
                    if (one.name().equals(drive.getPath())) {
                        one.identifiedAs(DriveId.of(drive.getId()));
                    }
                }
            }
            request.getRegisterNode().getShardsList().forEach(shard -> promises.told(by, shard));
            obedience.serves(by, request.getRegisterNode().getDrivesList());
        }

        @Override
        public void answered(SimulatedProcess by, Request request, Response response) {
            Caught.in(schedule, () -> {
                promises.answered(by, request, response);
                DoomCheck.demand(metadata(), response.getHeartbeatReply());
                AuthorityCheck.demand(order, response.getHeartbeatReply().getAuthority());
            });
        }

        @Override
        public void heard(SimulatedProcess asker, Request request, Response response) {
            if (response.hasHeartbeatReply()) {
                obedience.heard(asker, request.getHeartbeat(), response.getHeartbeatReply());
            }
        }
    }

    SimulatedNode node(String name) {
        return nodes.stream()
                .filter(node -> node.name().equals(name))
                .findFirst()
                .orElseThrow();
    }

    /** The drive that is called so, wherever it is. */
    @Nullable
    SimulatedDrive drive(DriveId id) {
        return nodes.stream()
                .flatMap(node -> node.drives().stream())
                .filter(drive -> id.equals(drive.id()))
                .findFirst()
                .orElse(null);
    }

    /** The node that a drive is in. */
    SimulatedNode nodeWith(SimulatedDrive drive) {
        return nodes.stream()
                .filter(node -> node.drives().contains(drive))
                .findFirst()
                .orElseThrow();
    }

    WorldSettings settings() {
        return settings;
    }

    Schedule schedule() {
        return schedule;
    }

    SimulatedNetwork network() {
        return network;
    }

    TotalOrder order() {
        return order;
    }

    List<SimulatedNode> nodes() {
        return nodes;
    }

    List<SimulatedCoordinator> coordinators() {
        return coordinators;
    }

    List<SimulatedClient> clients() {
        return clients;
    }

    SimulatedCoordinator coordinator(String id) {
        return coordinators.stream()
                .filter(one -> one.id().equals(id))
                .findFirst()
                .orElseThrow();
    }

    /** What the coordinators have decided, whether or not one runs. */
    Metadata metadata() {
        return order.witness();
    }

    /** Nothing goes wrong any more. */
    void healed() {
        note("HEAL");
        healedNanos = schedule.nowNanos();
    }

    /** Whether nothing had gone wrong for long at a time. */
    boolean isCalm(long atNanos) {
        return healedNanos >= 0 && atNanos - healedNanos > WorldSettings.TROUBLE_LASTS_NANOS;
    }

    /** Something goes wrong, now. */
    void fault(FaultKind kind, String what) {
        note("FAULT " + what);
        faults.merge(kind, 1, Integer::sum);
        faultCount++;
    }

    /** How often what has gone wrong. */
    Map<FaultKind, Integer> faults() {
        return faults;
    }

    int faultCount() {
        return faultCount;
    }

    /** Stops a process for a while; false where it is not running. */
    boolean pause(SimulatedProcess process, long nanos, FaultKind kind) {
        if (!process.isAlive() || process.isPaused()) {
            return false;
        }
        fault(kind, process.name() + " is paused");
        process.pause();
        schedule.world(nanos, process::resume);
        return true;
    }

    /** Of all volumes. */
    List<Segment> segments() {
        List<Segment> segments = new ArrayList<>();
        for (VolumeRecord volume : metadata().volumes()) {
            segments.addAll(metadata().segments(VolumeId.of(volume.getId())));
        }
        return segments;
    }

    void note(String what) {
        trace.add(schedule.nowNanos(), what);
    }
}
