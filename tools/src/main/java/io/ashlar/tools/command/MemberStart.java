package io.ashlar.tools.command;

import io.ashlar.tools.cluster.LocalCluster;
import io.ashlar.tools.cluster.MemberReadiness;

import picocli.CommandLine.Command;
import picocli.CommandLine.Option;
import picocli.CommandLine.Parameters;

import java.nio.file.Path;
import java.util.Map;

@Command(
        name = "start",
        description =
                "Start again a stopped or killed process of a cluster that \"ashlar up\" made.")
final class MemberStart extends Leaf {
    @Parameters(paramLabel = "ID", description = "as in cluster.json, such as n1 or c1")
    @SuppressWarnings("NullAway.Init")
    private String id;

    @Option(names = "--dir", required = true, paramLabel = "DIR", description = "where it lives")
    @SuppressWarnings("NullAway.Init")
    private Path directory;

    @Override
    protected int run() throws Exception {
        LocalCluster cluster = LocalCluster.open(directory);
        boolean started = cluster.start(id);
        MemberReadiness.await(cluster, id);
        console().line(id + (started ? " started" : " was running already"));
        if (console().isJson()) {
            console()
                    .json(Map.of(
                            "id",
                            id,
                            "started",
                            started,
                            "pid",
                            cluster.member(id).pid()));
        }
        return CommandTree.DONE;
    }
}
