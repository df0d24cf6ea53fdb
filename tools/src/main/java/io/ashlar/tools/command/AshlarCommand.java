package io.ashlar.tools.command;

import io.ashlar.client.AshlarException;
import io.ashlar.client.model.Address;
import io.ashlar.tools.output.Console;

import org.jspecify.annotations.Nullable;

import picocli.CommandLine.Command;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.ParameterException;
import picocli.CommandLine.ScopeType;
import picocli.CommandLine.Spec;

import java.util.List;

/** The root of the command line, with the options that every command has. */
@Command(
        name = "ashlar",
        description = "Redundant block storage with erasure coding.",
        version = "ashlar 0.1.0-SNAPSHOT",
        synopsisSubcommandLabel = "COMMAND",
        sortOptions = false,
        footer = {
            "",
            "Begin with: ashlar demo",
            "Every command explains itself: ashlar COMMAND --help"
        })
final class AshlarCommand implements Runnable, CommandRoot {
    static final String DEFAULT_COORDINATOR = "127.0.0.1:7400";

    private final Console console;

    @Spec
    @SuppressWarnings("NullAway.Init")
    private CommandSpec spec;

    @Option(
            names = "--coordinator",
            scope = ScopeType.INHERIT,
            paramLabel = "HOST:PORT[,...]",
            description =
                    "the cluster (or ASHLAR_COORDINATOR; default " + DEFAULT_COORDINATOR + ")")
    private @Nullable Coordinators coordinators;

    @Option(
            names = "--json",
            scope = ScopeType.INHERIT,
            description = "print JSON on standard output and nothing else there")
    void setJson(boolean json) {
        console.setJson(json);
    }

    @Option(
            names = {"-h", "--help"},
            scope = ScopeType.INHERIT,
            usageHelp = true,
            description = "explain the command")
    @SuppressWarnings("UnusedVariable") // picocli acts on it
    private boolean help;

    @Option(names = "--version", versionHelp = true, description = "print the version")
    @SuppressWarnings("UnusedVariable") // picocli acts on it
    private boolean version;

    AshlarCommand(Console console) {
        this.console = console;
    }

    @Override
    public void run() {
        spec.commandLine().usage(console.out());
    }

    @Override
    public Console console() {
        return console;
    }

    @Override
    public List<Address> coordinators() {
        if (coordinators != null) {
            return coordinators.addresses();
        }
        String text = console.environment("ASHLAR_COORDINATOR", DEFAULT_COORDINATOR);
        try {
            return Coordinators.parse(text).addresses();
        } catch (AshlarException.Invalid e) {
            throw new ParameterException(
                    spec.commandLine(), "ASHLAR_COORDINATOR: " + e.getMessage(), e);
        }
    }
}
