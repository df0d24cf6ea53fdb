package io.ashlar.bench.command;

import io.ashlar.bench.Machine;
import io.ashlar.ec.Kernel;
import io.ashlar.tools.command.Leaf;

import java.util.LinkedHashMap;
import java.util.Map;

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
}
