package io.ashlar.bench;

import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.stream.Stream;

/** What a benchmark ran on. */
public record Machine(String cpu, int coreCount, String operatingSystem, String jdk) {
    public static Machine current() {
        return new Machine(
                cpuModel(),
                Runtime.getRuntime().availableProcessors(),
                System.getProperty("os.name") + " " + System.getProperty("os.version") + " "
                        + System.getProperty("os.arch"),
                System.getProperty("java.vm.vendor") + " " + Runtime.version());
    }

    private static String cpuModel() {
        try (Stream<String> lines =
                Files.lines(Path.of("/proc/cpuinfo"), StandardCharsets.US_ASCII)) {
            return lines.filter(line -> line.startsWith("model name"))
                    .map(line -> line.substring(line.indexOf(':') + 1).strip())
                    .findFirst()
                    .orElse("unknown CPU");
        } catch (IOException noSuchFile) {
            return "unknown CPU";
        }
    }

    @Override
    public String toString() {
        return cpu + ", " + coreCount + " cores, " + operatingSystem + ", JDK " + jdk;
    }
}
