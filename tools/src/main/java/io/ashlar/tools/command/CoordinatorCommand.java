package io.ashlar.tools.command;

import io.ashlar.client.transport.Transport;
import io.ashlar.coordinator.Coordinator;
import io.ashlar.coordinator.CoordinatorConfig;

import picocli.CommandLine.Command;

import java.nio.file.Path;

@Command(
        name = "coordinator",
        description = "Coordinators.",
        subcommands = {MemberStart.class, CoordinatorCommand.Run.class})
final class CoordinatorCommand extends Group {

    @Command(name = "run", description = "Run one coordinator in the foreground.")
    static final class Run extends ServerRun {
        @Override
        AutoCloseable start(Path configuration, Transport transport) throws Exception {
            return Coordinator.start(CoordinatorConfig.load(configuration), transport);
        }

        @Override
        int threads() {
            return 1;
        }
    }
}
