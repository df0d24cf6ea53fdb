package io.ashlar.tools.command;

import io.ashlar.client.protocol.ClusterStatus;
import io.ashlar.client.protocol.DriveInfo;
import io.ashlar.client.protocol.Health;
import io.ashlar.client.protocol.NodeStatus;
import io.ashlar.client.protocol.RepairStatus;
import io.ashlar.client.protocol.ScrubStatus;
import io.ashlar.client.protocol.VolumeInfo;

import org.jspecify.annotations.Nullable;

import java.time.Instant;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

/** The coordinator's replies as the JSON objects that the command line promises. */
final class Replies {
    private Replies() {}

    static String health(Health health) {
        return switch (health) {
            case OK -> "ok";
            case DEGRADED -> "degraded";
            case AT_RISK -> "at-risk";
            case DATA_LOSS -> "data-loss";
            case HEALTH_UNSPECIFIED, UNRECOGNIZED -> "unknown";
        };
    }

    static Map<String, Object> status(ClusterStatus status) {
        Map<String, Object> object = new LinkedHashMap<>();
        object.put("health", health(status.getHealth()));
        object.put("reasons", List.copyOf(status.getReasonsList()));
        object.put("leader", status.getLeader());
        object.put("volumes", status.getVolumes());
        object.put("nodes", status.getNodesList().stream().map(Replies::node).toList());
        Map<String, Object> segments = new LinkedHashMap<>();
        segments.put("total", status.getSegments().getTotal());
        segments.put("bySurvivableLosses", bySurvivableLosses(status));
        segments.put("lost", status.getSegments().getLost());
        segments.put("weaker", status.getSegments().getWeaker());
        segments.put("open", status.getSegments().getOpen());
        object.put("segments", segments);
        object.put("repair", repair(status.getRepair()));
        object.put("scrub", scrub(status.getScrub()));
        return object;
    }

    /** 0, 1 and 2 are always there. */
    static Map<String, Object> bySurvivableLosses(ClusterStatus status) {
        Map<String, Object> counts = new LinkedHashMap<>();
        Map<Integer, Long> reported = status.getSegments().getBySurvivableLossesMap();
        int most = reported.keySet().stream().mapToInt(Integer::intValue).max().orElse(0);
        for (int losses = 0; losses <= Math.max(2, most); losses++) {
            counts.put(String.valueOf(losses), reported.getOrDefault(losses, 0L));
        }
        return counts;
    }

    static Map<String, Object> node(NodeStatus node) {
        Map<String, Object> object = new LinkedHashMap<>();
        object.put("id", node.getId());
        object.put("state", node.getState());
        object.put("reason", node.getReason());
        object.put("zone", node.getZone());
        object.put("address", node.getAddress());
        object.put("usedBytes", node.getUsedBytes());
        object.put("capacityBytes", node.getCapacityBytes());
        object.put("millisSinceHeartbeat", node.getMillisSinceHeartbeat());
        List<Object> drives = new ArrayList<>();
        for (DriveInfo drive : node.getDrivesList()) {
            Map<String, Object> one = new LinkedHashMap<>();
            one.put("path", drive.getPath());
            one.put("usedBytes", drive.getUsedBytes());
            one.put("capacityBytes", drive.getCapacityBytes());
            one.put("failure", drive.getFailure());
            drives.add(one);
        }
        object.put("drives", drives);
        return object;
    }

    static Map<String, Object> repair(RepairStatus repair) {
        Map<String, Object> object = new LinkedHashMap<>();
        object.put("state", repair.getState());
        object.put("queued", repair.getQueued());
        object.put("running", repair.getRunning());
        object.put("repairedShards", repair.getRepairedShards());
        object.put("repairedCells", repair.getRepairedCells());
        object.put("failed", List.copyOf(repair.getFailedList()));
        object.put("bytesPerSecond", repair.getBytesPerSecond());
        object.put("etaSeconds", repair.getEtaSeconds());
        return object;
    }

    static Map<String, Object> scrub(ScrubStatus scrub) {
        Map<String, Object> object = new LinkedHashMap<>();
        object.put("state", scrub.getState());
        object.put("bytesScanned", scrub.getBytesScanned());
        object.put("cellsChecked", scrub.getCellsChecked());
        object.put("corruptCells", scrub.getCorruptCells());
        object.put("corruptFound", scrub.getCorruptCells());
        object.put("unreadable", scrub.getUnreadable());
        object.put("lastCompletedAt", instant(scrub.getLastCompletedAtMillis()));
        object.put("coveragePercent", scrub.getCoveragePercent());
        object.put("segmentsCompared", scrub.getSegmentsCompared());
        object.put("segmentsUncompared", scrub.getSegmentsUncompared());
        object.put("stripesDecoded", scrub.getStripesDecoded());
        return object;
    }

    static Map<String, Object> volume(VolumeInfo volume) {
        Map<String, Object> object = new LinkedHashMap<>();
        object.put("name", volume.getName());
        object.put(
                "id",
                String.format(
                        "%016x%016x", volume.getId().getHigh(), volume.getId().getLow()));
        object.put("sizeBytes", volume.getSizeBytes());
        object.put("policy", volume.getPolicy());
        object.put("compression", volume.getCompression());
        object.put("epoch", volume.getEpoch());
        object.put("holder", volume.getHolder());
        object.put("leaseMillis", volume.getLeaseMillis());
        object.put("storedBytes", volume.getStoredBytes());
        object.put("segments", volume.getSegments());
        object.put("createdAt", instant(volume.getCreatedAtMillis()));
        object.put("lostBlocks", volume.getLostBlocks());
        return object;
    }

    /** ISO-8601, or null for never. */
    static @Nullable String instant(long millis) {
        return millis == 0 ? null : Instant.ofEpochMilli(millis).toString();
    }
}
