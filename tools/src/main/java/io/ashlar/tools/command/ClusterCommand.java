package io.ashlar.tools.command;

import io.ashlar.tools.cluster.ClusterConnection;

/** A command that asks the coordinators. */
abstract class ClusterCommand extends Leaf {

    @Override
    protected final int run() throws Exception {
        try (ClusterConnection connection = new ClusterConnection(coordinators())) {
            return run(connection);
        }
    }

    abstract int run(ClusterConnection connection) throws Exception;
}
