package io.ashlar.tools.output;

import java.io.File;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;

/** Programs of the machine. */
public final class Programs {
    private static final List<String> SYSTEM_PLACES =
            List.of("/usr/sbin", "/sbin", "/usr/local/sbin");

    private Programs() {}

    /** Where the program is: on the path or among those of the system. */
    public static Optional<Path> find(String name) {
        List<String> places = new ArrayList<>();
        String path = System.getenv("PATH");
        if (path != null) {
            places.addAll(List.of(path.split(File.pathSeparator)));
        }
        places.addAll(SYSTEM_PLACES);
        return places.stream()
                .filter(place -> !place.isEmpty())
                .map(place -> Path.of(place, name))
                .filter(Files::isExecutable)
                .findFirst();
    }
}
