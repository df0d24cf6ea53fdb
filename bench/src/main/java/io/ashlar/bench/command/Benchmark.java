package io.ashlar.bench.command;

import io.ashlar.bench.Machine;
import io.ashlar.bench.load.ForeignData;
import io.ashlar.client.AshlarException;
import io.ashlar.client.Volume;
import io.ashlar.client.model.VolumeName;
import io.ashlar.ec.Kernel;
import io.ashlar.tools.command.CommandFailed;
import io.ashlar.tools.command.Leaf;

import java.util.LinkedHashMap;
import java.util.Map;
import java.util.OptionalLong;

/** A command that measures something and says what on. */
abstract class Benchmark extends Leaf {
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
        return String.join(" ", spec().root().version()).replaceFirst("^ashlar ", "");
    }

    /** Fails where the volume holds what no load wrote: loads destroy it. */
    static void refuseForeignData(VolumeName name, Volume volume)
            throws AshlarException, CommandFailed {
        OptionalLong found = ForeignData.find(volume);
        if (found.isPresent()) {
            throw new CommandFailed("volume " + name + " holds data at byte "
                    + found.getAsLong() + " that bench did not write: to destroy all of it say"
                    + " --overwrite, or create another volume for the load");
        }
    }
}
