package io.ashlar.tools.command;

import io.ashlar.client.AshlarException;
import io.ashlar.client.protocol.GetRepair;
import io.ashlar.client.protocol.RepairStatus;
import io.ashlar.client.protocol.Request;
import io.ashlar.client.protocol.SetRepair;
import io.ashlar.client.protocol.StartRepair;
import io.ashlar.tools.cluster.ClusterConnection;

import picocli.CommandLine.Command;
import picocli.CommandLine.Option;

import java.time.Duration;

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
    private static final Duration POLL = Duration.ofMillis(200);

    /** Starts repair at once; waits until nothing is queued where asked to. */
    static RepairStatus repair(ClusterConnection connection, boolean wait)
            throws AshlarException, InterruptedException {
        connection.call(Request.newBuilder()
                .setStartRepair(StartRepair.getDefaultInstance())
                .build());
        RepairStatus status = ask(connection);
        while (wait && status.getState().equals("running")) {
            Thread.sleep(POLL);
            status = ask(connection);
        }
        return status;
    }

    private static RepairStatus ask(ClusterConnection connection) throws AshlarException {
        Request request = Request.newBuilder()
                .setGetRepair(GetRepair.getDefaultInstance())
                .build();
        return connection.call(request).getRepair();
    }

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
            RepairStatus status = repair(connection, wait);
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
            show(this, ask(connection));
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
        connection.call(Request.newBuilder()
                .setSetRepair(SetRepair.newBuilder().setPaused(paused))
                .build());
        show(command, ask(connection));
        return CommandTree.DONE;
    }
}
