package io.ashlar.tools.cluster;

import io.ashlar.client.AshlarException;
import io.ashlar.client.model.Compression;
import io.ashlar.client.model.Policy;
import io.ashlar.client.model.VolumeId;
import io.ashlar.client.model.VolumeName;
import io.ashlar.client.protocol.ClusterStatus;
import io.ashlar.client.protocol.CreateVolume;
import io.ashlar.client.protocol.DeleteVolume;
import io.ashlar.client.protocol.GetRepair;
import io.ashlar.client.protocol.GetScrub;
import io.ashlar.client.protocol.GetStatus;
import io.ashlar.client.protocol.ListSegments;
import io.ashlar.client.protocol.NodeStatus;
import io.ashlar.client.protocol.RepairStatus;
import io.ashlar.client.protocol.Request;
import io.ashlar.client.protocol.ScrubStatus;
import io.ashlar.client.protocol.Segment;
import io.ashlar.client.protocol.SegmentList;
import io.ashlar.client.protocol.SetRepair;
import io.ashlar.client.protocol.StartRepair;
import io.ashlar.client.protocol.StartScrub;

import java.security.SecureRandom;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import java.util.function.Predicate;
import java.util.stream.Collectors;

/** What commands ask of the coordinators, and wait for. */
public final class ClusterOperations {
    private static final Duration POLL = Duration.ofMillis(100);

    private static final Request GET_STATUS =
            Request.newBuilder().setGetStatus(GetStatus.getDefaultInstance()).build();

    private ClusterOperations() {}

    public static ClusterStatus status(ClusterConnection connection) throws AshlarException {
        return connection.call(GET_STATUS).getStatus();
    }

    static ClusterStatus status(ClusterConnection connection, Duration timeout)
            throws AshlarException {
        return connection.call(GET_STATUS, timeout).getStatus();
    }

    /**
     * Waits for a status; Unavailable where it does not come about.
     *
     * @param what in words, such as {@code everything is repaired}
     */
    public static ClusterStatus awaitStatus(
            ClusterConnection connection,
            String what,
            Predicate<ClusterStatus> wanted,
            Duration patience)
            throws AshlarException, InterruptedException {
        long deadline = System.nanoTime() + patience.toNanos();
        ClusterStatus status = status(connection);
        while (!wanted.test(status)) {
            if (System.nanoTime() > deadline) {
                throw new AshlarException.Unavailable("it did not come about in "
                        + patience.toSeconds() + " s that " + what + ": " + describe(status));
            }
            Thread.sleep(POLL);
            status = status(connection);
        }
        return status;
    }

    /** Creates a volume with a new id. */
    public static void createVolume(
            ClusterConnection connection,
            VolumeName name,
            long sizeBytes,
            Policy policy,
            Compression compression)
            throws AshlarException {
        SecureRandom random = new SecureRandom();
        connection.call(Request.newBuilder()
                .setCreateVolume(CreateVolume.newBuilder()
                        .setRequestId(ClusterConnection.newRequestId())
                        .setId(new VolumeId(random.nextLong(), random.nextLong()).toProto())
                        .setName(name.text())
                        .setSizeBytes(sizeBytes)
                        .setPolicy(policy.toString())
                        .setCompression(compression.toString()))
                .build());
    }

    /** Deletes a volume and its data. */
    public static void deleteVolume(ClusterConnection connection, VolumeName name)
            throws AshlarException {
        connection.call(Request.newBuilder()
                .setDeleteVolume(DeleteVolume.newBuilder()
                        .setRequestId(ClusterConnection.newRequestId())
                        .setName(name.text()))
                .build());
    }

    /** All segments of a volume, in log order. */
    public static List<Segment> segments(ClusterConnection connection, String volume)
            throws AshlarException {
        List<Segment> segments = new ArrayList<>();
        boolean more = true;
        while (more) {
            ListSegments.Builder page = ListSegments.newBuilder().setVolume(volume);
            if (!segments.isEmpty()) {
                page.setAfterSequence(segments.getLast().getSequence());
            }
            SegmentList list = connection
                    .call(Request.newBuilder().setListSegments(page).build())
                    .getSegmentList();
            segments.addAll(list.getSegmentsList());
            more = list.getMore();
        }
        return segments;
    }

    /** Starts a scrub of everything; waits for its end where asked to. */
    public static ScrubStatus scrub(ClusterConnection connection, boolean wait)
            throws AshlarException, InterruptedException {
        return scrub(connection, StartScrub.getDefaultInstance(), wait);
    }

    /** Starts a scrub; waits for its end where asked to. */
    public static ScrubStatus scrub(ClusterConnection connection, StartScrub what, boolean wait)
            throws AshlarException, InterruptedException {
        connection.call(Request.newBuilder().setStartScrub(what).build());
        ScrubStatus status = scrubStatus(connection);
        while (wait && status.getState().equals("running")) {
            Thread.sleep(POLL);
            status = scrubStatus(connection);
        }
        return status;
    }

    public static ScrubStatus scrubStatus(ClusterConnection connection) throws AshlarException {
        Request request =
                Request.newBuilder().setGetScrub(GetScrub.getDefaultInstance()).build();
        return connection.call(request).getScrub();
    }

    /** Starts repair of all that is known to be damaged; waits until nothing is left where asked to. */
    public static RepairStatus repair(ClusterConnection connection, boolean wait)
            throws AshlarException, InterruptedException {
        connection.call(Request.newBuilder()
                .setStartRepair(StartRepair.getDefaultInstance())
                .build());
        RepairStatus status = repairStatus(connection);
        while (wait && status.getState().equals("running")) {
            Thread.sleep(POLL);
            status = repairStatus(connection);
        }
        return status;
    }

    public static RepairStatus repairStatus(ClusterConnection connection) throws AshlarException {
        Request request = Request.newBuilder()
                .setGetRepair(GetRepair.getDefaultInstance())
                .build();
        return connection.call(request).getRepair();
    }

    public static void setRepairPaused(ClusterConnection connection, boolean paused)
            throws AshlarException {
        connection.call(Request.newBuilder()
                .setSetRepair(SetRepair.newBuilder().setPaused(paused))
                .build());
    }

    /** The ids of the nodes that are up. */
    public static List<String> up(ClusterStatus status) {
        return status.getNodesList().stream()
                .filter(node -> node.getState().equals("up"))
                .map(NodeStatus::getId)
                .toList();
    }

    /** Such as {@code 4 up, 2 down}. */
    public static String states(ClusterStatus status) {
        Map<String, Long> counts = status.getNodesList().stream()
                .collect(Collectors.groupingBy(
                        NodeStatus::getState, TreeMap::new, Collectors.counting()));
        return counts.entrySet().stream()
                .map(entry -> entry.getValue() + " " + entry.getKey())
                .collect(Collectors.joining(", "));
    }

    /** All of a status that matters when something does not come about. */
    public static String describe(ClusterStatus status) {
        return "health " + status.getHealth() + ", nodes " + states(status) + ", reasons "
                + status.getReasonsList() + ", repair " + status.getRepair().getState() + " with "
                + status.getRepair().getQueued() + " queued";
    }
}
