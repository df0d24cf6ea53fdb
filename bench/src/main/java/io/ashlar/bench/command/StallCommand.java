package io.ashlar.bench.command;

import io.ashlar.bench.stall.KilledNodes;
import io.ashlar.bench.stall.KilledNodes.Figures;
import io.ashlar.bench.stall.KilledNodes.Kill;
import io.ashlar.client.model.Policy;
import io.ashlar.client.model.VolumeName;
import io.ashlar.tools.cluster.LocalCluster;
import io.ashlar.tools.command.CommandTree;

import picocli.CommandLine.Command;
import picocli.CommandLine.Option;

import java.nio.file.Path;
import java.time.Duration;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;

@Command(
        name = "stall",
        description = "How long writes stand still when a node is killed: kills one node after the"
                + " other of a cluster that \"ashlar up\" made, under a writer of 4 KiB blocks at"
                + " depth 8, and starts it again. What was acknowledged is read back.")
final class StallCommand extends Benchmark {
    @Option(names = "--dir", required = true, paramLabel = "DIR", description = "where it lives")
    @SuppressWarnings("NullAway.Init")
    private Path directory;

    @Option(
            names = "--kills",
            defaultValue = "6",
            paramLabel = "N",
            description = "how many (default ${DEFAULT-VALUE})")
    private int killCount;

    @Option(
            names = "--policy",
            defaultValue = "rs-4-2",
            paramLabel = "POLICY",
            description = "of the volume (default ${DEFAULT-VALUE})")
    @SuppressWarnings("NullAway.Init")
    private Policy policy;

    @Override
    protected int run() throws Exception {
        if (killCount < 1) {
            throw misuse("--kills " + killCount + ": expected one or more");
        }
        LocalCluster cluster = LocalCluster.open(directory);
        describe();
        console().line("kill  node  longest gap  in the 4 s before  writes in the 4 s after");
        VolumeName name =
                new VolumeName("bench-stall-" + ProcessHandle.current().pid());
        Lines lines = new Lines();
        Figures figures = new KilledNodes(cluster, name).measure(policy, killCount, lines::line);
        List<Duration> gaps =
                figures.kills().stream().map(Kill::longestGap).sorted().toList();
        console()
                .line(String.format(
                        Locale.ROOT,
                        "longest gap between acknowledgements over %d kills: %d ms, median %d ms",
                        gaps.size(),
                        gaps.getLast().toMillis(),
                        gaps.get(gaps.size() / 2).toMillis()));
        if (console().isJson()) {
            json(object(figures, gaps));
        }
        return CommandTree.DONE;
    }

    private Map<String, Object> object(Figures figures, List<Duration> gaps) {
        Map<String, Object> object = new LinkedHashMap<>();
        object.put("policy", policy.toString());
        object.put("longestGapMillis", gaps.getLast().toMillis());
        object.put("medianGapMillis", gaps.get(gaps.size() / 2).toMillis());
        object.put(
                "kills",
                figures.kills().stream()
                        .map(kill -> Map.of(
                                "node", kill.node(),
                                "longestGapMillis", kill.longestGap().toMillis(),
                                "quietGapMillis", kill.quietGap().toMillis(),
                                "acknowledgedWrites", kill.acknowledged()))
                        .toList());
        object.put("verifiedBytes", figures.verifiedBytes());
        return object;
    }

    /** What people see while it runs. */
    private final class Lines {
        private int count;

        private void line(Kill kill) {
            count++;
            console()
                    .line(String.format(
                            Locale.ROOT,
                            "%4d  %4s  %8d ms  %14d ms  %23d",
                            count,
                            kill.node(),
                            kill.longestGap().toMillis(),
                            kill.quietGap().toMillis(),
                            kill.acknowledged()));
        }
    }
}
