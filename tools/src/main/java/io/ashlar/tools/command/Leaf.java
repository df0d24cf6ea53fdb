package io.ashlar.tools.command;

import io.ashlar.client.AshlarException;
import io.ashlar.client.model.Address;
import io.ashlar.client.model.VolumeName;
import io.ashlar.tools.cluster.ClusterConnection;
import io.ashlar.tools.output.Console;

import picocli.CommandLine.Command;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.ParameterException;
import picocli.CommandLine.Spec;

import java.util.List;
import java.util.concurrent.Callable;

/** A command that does something, as opposed to a group of others. */
@Command(sortOptions = false)
public abstract class Leaf implements Callable<Integer> {
    @Spec
    @SuppressWarnings("NullAway.Init")
    private CommandSpec spec;

    @Override
    public final Integer call() throws Exception {
        return run();
    }

    /** Does it; the exit code. */
    protected abstract int run() throws Exception;

    protected final CommandSpec spec() {
        return spec;
    }

    /** The arguments make no sense together, for this reason; to be thrown. */
    protected final ParameterException misuse(String reason) {
        return new ParameterException(spec.commandLine(), reason);
    }

    protected final Console console() {
        return root().console();
    }

    protected final List<Address> coordinators() {
        return root().coordinators();
    }

    /** Fails at once where no coordinator answers or none knows the volume. */
    protected final void requireVolume(VolumeName name) throws AshlarException {
        try (ClusterConnection connection = new ClusterConnection(coordinators())) {
            var _ = VolumeCommand.get(connection, name);
        }
    }

    private AshlarCommand root() {
        return (AshlarCommand) spec.root().userObject();
    }
}
