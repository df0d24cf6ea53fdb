package io.ashlar.bench.command;

import io.ashlar.bench.stall.LostNodes;
import io.ashlar.bench.stall.LostNodes.Figures;
import io.ashlar.bench.stall.LostNodes.Loss;
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
        description = "How long writes stand still when nodes are lost: kills or silences one node"
                + " after the other of a cluster that \"ashlar up\" made, under a writer of 4 KiB"
                + " blocks at depth 8, and has it back. What was acknowledged is read back.")
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
            names = "--at-once",
            defaultValue = "1",
            paramLabel = "N",
            description = "nodes that are lost together (default ${DEFAULT-VALUE})")
    private int atOnce;

    @Option(
            names = "--silent",
            description = "stop them (SIGSTOP) instead of killing them: no connection ends, as"
                    + " without power or network")
    private boolean silent;

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
        if (atOnce < 1 || atOnce > policy.m()) {
            throw misuse("--at-once " + atOnce + ": expected 1 to " + policy.m()
                    + ", which is what " + policy + " survives");
        }
        LocalCluster cluster = LocalCluster.open(directory);
        int nodeCount = cluster.file().nodes().size();
        if (atOnce >= nodeCount) {
            throw misuse("--at-once " + atOnce + ": the cluster has " + nodeCount + " nodes");
        }
        describe();
        console()
                .line((silent ? "silenced" : "  killed")
                        + "  longest gap  in the 4 s before  writes in the 4 s after");
        VolumeName name =
                new VolumeName("bench-stall-" + ProcessHandle.current().pid());
        LostNodes.Way way = silent ? LostNodes.Way.SILENCED : LostNodes.Way.KILLED;
        Figures figures =
                new LostNodes(cluster, name, way).measure(policy, killCount, atOnce, this::show);
        List<Duration> gaps =
                figures.losses().stream().map(Loss::longestGap).sorted().toList();
        console()
                .line(String.format(
                        Locale.ROOT,
                        "longest gap between acknowledgements over %d losses: %d ms, median %d ms",
                        gaps.size(),
                        gaps.getLast().toMillis(),
                        gaps.get(gaps.size() / 2).toMillis()));
        if (console().isJson()) {
            json(object(figures, gaps));
        }
        return CommandTree.DONE;
    }

    private void show(Loss loss) {
        console()
                .line(String.format(
                        Locale.ROOT,
                        "%8s  %8d ms  %14d ms  %23d",
                        String.join(",", loss.nodes()),
                        loss.longestGap().toMillis(),
                        loss.quietGap().toMillis(),
                        loss.acknowledged()));
    }

    private Map<String, Object> object(Figures figures, List<Duration> gaps) {
        Map<String, Object> object = new LinkedHashMap<>();
        object.put("policy", policy.toString());
        object.put("atOnce", atOnce);
        object.put("silent", silent);
        object.put("longestGapMillis", gaps.getLast().toMillis());
        object.put("medianGapMillis", gaps.get(gaps.size() / 2).toMillis());
        object.put(
                "losses",
                figures.losses().stream()
                        .map(loss -> Map.of(
                                "nodes", loss.nodes(),
                                "longestGapMillis", loss.longestGap().toMillis(),
                                "quietGapMillis", loss.quietGap().toMillis(),
                                "acknowledgedWrites", loss.acknowledged()))
                        .toList());
        object.put("verifiedBytes", figures.verifiedBytes());
        return object;
    }
}
