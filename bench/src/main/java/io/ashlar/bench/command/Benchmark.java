package io.ashlar.bench.command;

import io.ashlar.bench.Machine;
import io.ashlar.client.AshlarException;
import io.ashlar.client.model.Address;
import io.ashlar.ec.Kernel;
import io.ashlar.tools.command.CommandRoot;
import io.ashlar.tools.output.Console;

import picocli.CommandLine.Command;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.ParameterException;
import picocli.CommandLine.Spec;

import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.concurrent.Callable;

/** A command that measures something and says what on. */
@Command(sortOptions = false)
abstract class Benchmark implements Callable<Integer> {
    @Spec
    @SuppressWarnings("NullAway.Init")
    private CommandSpec spec;

    final Console console() {
        return root().console();
    }

    final List<Address> coordinators() throws AshlarException {
        return root().coordinators();
    }

    private CommandRoot root() {
        return (CommandRoot) spec.root().userObject();
    }

    /** The arguments make no sense, for this reason. */
    final ParameterException misused(Exception reason) {
        return new ParameterException(
                spec.commandLine(), String.valueOf(reason.getMessage()), reason);
    }

    /** What the figures were measured with, as lines for people. */
    final void describe() {
        console().line("ashlar    " + version() + ", kernel " + Kernel.chosen());
        console().line("machine   " + Machine.current());
    }

    /** The figures, and what they were measured with. */
    final void json(Map<String, Object> figures) {
        Machine machine = Machine.current();
        Map<String, Object> object = new LinkedHashMap<>(figures);
        object.put("kernel", Kernel.chosen().name());
        object.put("versions", Map.of("ashlar", version(), "jdk", machine.jdk()));
        object.put(
                "machine",
                Map.of(
                        "cpu", machine.cpu(),
                        "coreCount", machine.coreCount(),
                        "operatingSystem", machine.operatingSystem()));
        console().json(object);
    }

    private String version() {
        return String.join(" ", spec.root().version()).replaceFirst("^ashlar ", "");
    }
}
