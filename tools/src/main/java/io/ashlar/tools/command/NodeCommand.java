package io.ashlar.tools.command;

import io.ashlar.client.protocol.NodeStatus;
import io.ashlar.tools.cluster.ClusterConnection;
import io.ashlar.tools.cluster.ClusterOperations;

import picocli.CommandLine.Command;

import java.util.List;
import java.util.Map;

@Command(
        name = "node",
        description = "Storage nodes.",
        subcommands = {NodeCommand.ListNodes.class, MemberStart.class})
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
}
