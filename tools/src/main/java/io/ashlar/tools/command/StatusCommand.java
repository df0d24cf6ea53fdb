package io.ashlar.tools.command;

import io.ashlar.client.protocol.ClusterStatus;
import io.ashlar.client.protocol.NodeStatus;
import io.ashlar.client.protocol.RepairStatus;
import io.ashlar.client.protocol.ScrubStatus;
import io.ashlar.tools.cluster.ClusterConnection;
import io.ashlar.tools.cluster.ClusterOperations;
import io.ashlar.tools.output.Sizes;

import picocli.CommandLine.Command;
import picocli.CommandLine.Option;

import java.time.Duration;
import java.util.Locale;
import java.util.stream.Collectors;

@Command(
        name = "status",
        description =
                "Health, nodes, capacity, segments by losses still survivable, repair and scrub.")
final class StatusCommand extends ClusterCommand {
    private static final Duration WATCH_INTERVAL = Duration.ofSeconds(2);
    private static final String CLEAR_SCREEN = "\u001b[H\u001b[2J";

    @Option(names = "--watch", description = "again every two seconds until interrupted")
    private boolean watch;

    @Override
    int run(ClusterConnection connection) throws Exception {
        show(ClusterOperations.status(connection));
        while (watch) {
            Thread.sleep(WATCH_INTERVAL);
            ClusterStatus status = ClusterOperations.status(connection);
            console().line(CLEAR_SCREEN);
            show(status);
        }
        return CommandTree.DONE;
    }

    private void show(ClusterStatus status) {
        if (console().isJson()) {
            console().json(Replies.status(status));
            return;
        }
        console().line("health    " + Replies.health(status.getHealth()));
        status.getReasonsList().forEach(reason -> console().line("          " + reason));
        console().line("leader    " + status.getLeader());
        for (NodeStatus node : status.getNodesList()) {
            console().line(nodeLine(node));
        }
        String bySurvivable = Replies.bySurvivableLosses(status).entrySet().stream()
                .map(entry -> entry.getValue() + " survive " + entry.getKey())
                .collect(Collectors.joining(", "));
        console()
                .line("segments  " + status.getSegments().getTotal() + " (" + bySurvivable
                        + " more losses), "
                        + status.getSegments().getOpen() + " open, "
                        + status.getSegments().getWeaker()
                        + " weaker, " + status.getSegments().getLost() + " lost");
        console().line("volumes   " + status.getVolumes());
        console().line("repair    " + repairText(status.getRepair()));
        console().line("scrub     " + scrubText(status.getScrub()));
    }

    static String nodeLine(NodeStatus node) {
        String line = String.format(
                Locale.ROOT,
                "node      %-6s %-11s %-6s %-21s %s of %s",
                node.getId(),
                node.getState(),
                node.getZone(),
                node.getAddress(),
                Sizes.format(node.getUsedBytes()),
                Sizes.format(node.getCapacityBytes()));
        return node.getReason().isEmpty() ? line : line + "  (" + node.getReason() + ")";
    }

    static String repairText(RepairStatus repair) {
        String text =
                repair.getState() + ", " + repair.getQueued() + " queued, " + repair.getRunning()
                        + " running, " + repair.getRepairedShards() + " shards and "
                        + repair.getRepairedCells()
                        + " cells repaired, " + repair.getFailedCount() + " failed";
        if (repair.getEtaSeconds() > 0) {
            text += ", " + Sizes.format(repair.getBytesPerSecond()) + "/s, "
                    + repair.getEtaSeconds() + " s left";
        }
        return text;
    }

    static String scrubText(ScrubStatus scrub) {
        String last = Replies.instant(scrub.getLastCompletedAtMillis());
        String compared = scrub.getSegmentsCompared() + scrub.getSegmentsUncompared() == 0
                ? ""
                : String.format(
                        Locale.ROOT,
                        ", %d segments compared, %d not wholly, %d stripes decoded",
                        scrub.getSegmentsCompared(),
                        scrub.getSegmentsUncompared(),
                        scrub.getStripesDecoded());
        return String.format(
                Locale.ROOT,
                "%s, %s and %d cells read, %d corrupt, %d unreadable, %.0f %% covered%s, last completed %s",
                scrub.getState(),
                Sizes.format(scrub.getBytesScanned()),
                scrub.getCellsChecked(),
                scrub.getCorruptCells(),
                scrub.getUnreadable(),
                scrub.getCoveragePercent(),
                compared,
                last == null ? "never" : last);
    }
}
