package io.ashlar.client.nbd;

import org.jspecify.annotations.Nullable;

import java.util.Collection;
import java.util.LinkedHashMap;
import java.util.Map;

/** The disks of a server by name. Where there is only one, it is also the one without a name. */
final class Exports {
    private final Map<String, NbdExport> byName = new LinkedHashMap<>();

    Exports(Collection<? extends NbdExport> exports) {
        exports.forEach(export -> byName.put(export.name(), export));
    }

    Collection<NbdExport> all() {
        return byName.values();
    }

    @Nullable
    NbdExport find(String name) {
        return name.isEmpty() && byName.size() == 1
                ? byName.values().iterator().next()
                : byName.get(name);
    }
}
