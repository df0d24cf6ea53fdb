package io.ashlar.tools.command;

import io.ashlar.client.model.VolumeName;
import io.ashlar.client.protocol.ScrubStatus;
import io.ashlar.client.protocol.StartScrub;
import io.ashlar.tools.cluster.ClusterConnection;
import io.ashlar.tools.cluster.ClusterOperations;

import org.jspecify.annotations.Nullable;

import picocli.CommandLine.Command;
import picocli.CommandLine.Option;

@Command(
        name = "scrub",
        description = "Read every cell and check it.",
        subcommands = {ScrubCommand.Start.class, ScrubCommand.Status.class})
final class ScrubCommand extends Group {
    private static void show(Leaf command, ScrubStatus status) {
        command.console().line("scrub: " + StatusCommand.scrubText(status));
        if (command.console().isJson()) {
            command.console().json(Replies.scrub(status));
        }
    }

    @Command(name = "start", description = "Start a scrub of everything, of a node or of a volume.")
    static final class Start extends ClusterCommand {
        @Option(
                names = "--node",
                defaultValue = "",
                paramLabel = "ID",
                description = "one node's drives only")
        @SuppressWarnings("NullAway.Init")
        private String node;

        @Option(names = "--volume", paramLabel = "NAME", description = "one volume's segments only")
        private @Nullable VolumeName volume;

        @Option(names = "--deep", description = "compare the shards of every segment too")
        private boolean deep;

        @Option(names = "--wait", description = "return when it is over")
        private boolean wait;

        @Override
        int run(ClusterConnection connection) throws Exception {
            StartScrub what = StartScrub.newBuilder()
                    .setNode(node)
                    .setVolume(volume == null ? "" : volume.text())
                    .setDeep(deep)
                    .build();
            show(this, ClusterOperations.scrub(connection, what, wait));
            return CommandTree.DONE;
        }
    }

    @Command(name = "status", description = "How far it is and what it found.")
    static final class Status extends ClusterCommand {
        @Override
        int run(ClusterConnection connection) throws Exception {
            show(this, ClusterOperations.scrubStatus(connection));
            return CommandTree.DONE;
        }
    }
}
