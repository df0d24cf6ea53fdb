package io.ashlar.tools.command;

import picocli.CommandLine.Command;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.ParameterException;
import picocli.CommandLine.Spec;

/** A command that only groups others. */
@Command(synopsisSubcommandLabel = "COMMAND", sortOptions = false)
public abstract class Group implements Runnable {
    @Spec
    @SuppressWarnings("NullAway.Init")
    private CommandSpec spec;

    @Override
    public void run() {
        throw new ParameterException(
                spec.commandLine(),
                "say which: " + spec.qualifiedName() + " "
                        + String.join("|", spec.subcommands().keySet()));
    }
}
