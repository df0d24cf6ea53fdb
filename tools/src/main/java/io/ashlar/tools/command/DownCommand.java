package io.ashlar.tools.command;

import io.ashlar.tools.cluster.LocalCluster;
import io.ashlar.tools.output.Sizes;

import picocli.CommandLine.Command;
import picocli.CommandLine.Option;

import java.nio.file.Path;
import java.util.List;
import java.util.Map;

@Command(name = "down", description = "Stop the cluster of this directory cleanly; its data stay.")
final class DownCommand extends Leaf {
    @Option(names = "--dir", required = true, paramLabel = "DIR", description = "where it lives")
    @SuppressWarnings("NullAway.Init")
    private Path directory;

    @Override
    protected int run() throws Exception {
        long start = System.nanoTime();
        LocalCluster cluster = LocalCluster.open(directory);
        List<String> killed = cluster.stopAll();
        if (console().isJson()) {
            console().json(Map.of("dir", cluster.directory().toString(), "killed", killed));
        }
        if (!killed.isEmpty()) {
            throw new CommandFailed("had to kill " + String.join(", ", killed)
                    + ", which did not stop by themselves; see their logs in "
                    + cluster.directory());
        }
        console().line("down: stopped in " + Sizes.seconds(System.nanoTime() - start));
        return CommandTree.DONE;
    }
}
