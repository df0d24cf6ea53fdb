package io.ashlar.tools.command;

import io.ashlar.client.protocol.NodeStatus;
import io.ashlar.client.transport.Transport;
import io.ashlar.node.StorageNode;
import io.ashlar.node.StorageNodeConfig;
import io.ashlar.tools.cluster.ClusterConnection;
import io.ashlar.tools.cluster.ClusterOperations;

import picocli.CommandLine.Command;

import java.nio.file.Path;
import java.util.List;
import java.util.Map;

@Command(
        name = "node",
        description = "Storage nodes.",
        subcommands = {NodeCommand.ListNodes.class, MemberStart.class, NodeCommand.Run.class})
final class NodeCommand extends Group {

    @Command(name = "list", description = "The nodes, their state and its reason.")
    static final class ListNodes extends ClusterCommand {
        @Override
        int run(ClusterConnection connection) throws Exception {
            List<NodeStatus> nodes = ClusterOperations.status(connection).getNodesList();
            nodes.forEach(node -> console().line(StatusCommand.nodeLine(node)));
            if (console().isJson()) {
                console().json(Map.of("nodes", nodes.stream().map(Replies::node).toList()));
            }
            return CommandTree.DONE;
        }
    }

    @Command(name = "run", description = "Run one storage node in the foreground.")
    static final class Run extends ServerRun {
        private static final int THREADS = 2;

        @Override
        AutoCloseable start(Path configuration, Transport transport) throws Exception {
            return StorageNode.start(StorageNodeConfig.load(configuration), transport);
        }

        @Override
        int threads() {
            return THREADS;
        }
    }
}
