package io.ashlar.tools.command;

import io.ashlar.client.AshlarException;
import io.ashlar.client.protocol.RepairStatus;
import io.ashlar.tools.cluster.ClusterConnection;
import io.ashlar.tools.cluster.ClusterOperations;

import picocli.CommandLine.Command;
import picocli.CommandLine.Option;

@Command(
        name = "repair",
        description = "Rebuild what is lost or damaged.",
        subcommands = {
            RepairCommand.Start.class,
            RepairCommand.Status.class,
            RepairCommand.Pause.class,
            RepairCommand.Resume.class
        })
final class RepairCommand extends Group {
    private static void show(Leaf command, RepairStatus status) {
        command.console().line("repair: " + StatusCommand.repairText(status));
        status.getFailedList().forEach(failed -> command.console().line("failed: " + failed));
        if (command.console().isJson()) {
            command.console().json(Replies.repair(status));
        }
    }

    @Command(name = "start", description = "Rebuild now what would wait for its delay.")
    static final class Start extends ClusterCommand {
        @Option(names = "--wait", description = "return when nothing is left to repair")
        private boolean wait;

        @Override
        int run(ClusterConnection connection) throws Exception {
            RepairStatus status = ClusterOperations.repair(connection, wait);
            show(this, status);
            if (wait && status.getFailedCount() > 0) {
                throw new CommandFailed(status.getFailedCount() + " repairs failed, the first: "
                        + status.getFailed(0));
            }
            return CommandTree.DONE;
        }
    }

    @Command(name = "status", description = "How far it is and what failed.")
    static final class Status extends ClusterCommand {
        @Override
        int run(ClusterConnection connection) throws Exception {
            show(this, ClusterOperations.repairStatus(connection));
            return CommandTree.DONE;
        }
    }

    @Command(name = "pause", description = "Start no more repairs.")
    static final class Pause extends ClusterCommand {
        @Override
        int run(ClusterConnection connection) throws Exception {
            return setPaused(this, connection, true);
        }
    }

    @Command(name = "resume", description = "Go on repairing.")
    static final class Resume extends ClusterCommand {
        @Override
        int run(ClusterConnection connection) throws Exception {
            return setPaused(this, connection, false);
        }
    }

    private static int setPaused(Leaf command, ClusterConnection connection, boolean paused)
            throws AshlarException {
        ClusterOperations.setRepairPaused(connection, paused);
        show(command, ClusterOperations.repairStatus(connection));
        return CommandTree.DONE;
    }
}
