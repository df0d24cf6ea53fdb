package io.ashlar.bench.command;

import io.ashlar.bench.map.MapMeasurement;
import io.ashlar.client.ClientConfig;
import io.ashlar.tools.command.ByteCount;
import io.ashlar.tools.command.CommandTree;

import picocli.CommandLine.Command;
import picocli.CommandLine.Option;

import java.nio.file.Path;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;

@Command(
        name = "map",
        description = "What a volume's map writes, holds in memory and reads while the volume is"
                + " written at random, beside what a tree of pages would write. Needs no cluster;"
                + " the map's pages go to a temporary file.")
final class MapCommand extends Benchmark {
    private static final int BLOCK_BYTES = 4096;

    @Option(
            names = "--size",
            defaultValue = "1T",
            paramLabel = "SIZE",
            description = "of the volume (default ${DEFAULT-VALUE})")
    @SuppressWarnings("NullAway.Init")
    private ByteCount size;

    @Option(
            names = "--writes",
            defaultValue = "100000000",
            paramLabel = "N",
            description = "random 4 KiB writes (default ${DEFAULT-VALUE})")
    private long writes;

    @Option(
            names = "--tail",
            paramLabel = "STRIPES",
            description = "of 32 random blocks behind the last checkpoint, to be replayed (default:"
                    + " after how many a writer makes one)")
    private long tailStripes = ClientConfig.DEFAULT.maxTailStripes();

    @Option(
            names = "--dir",
            defaultValue = "/tmp",
            paramLabel = "DIR",
            description = "where the pages go (default ${DEFAULT-VALUE})")
    @SuppressWarnings("NullAway.Init")
    private Path directory;

    @Override
    protected int run() throws Exception {
        if (writes < 1 || tailStripes < 0 || size.bytes() < BLOCK_BYTES) {
            throw misuse("--writes " + writes + " --size " + size.bytes() + " --tail " + tailStripes
                    + ": expected more");
        }
        describe();
        console()
                .line("     writes  runs B/write  tree B/write  memory MiB  heap MiB  open ms"
                        + "  replay ms  pages/lookup  runs  B/entry  us/write");
        List<MapMeasurement.Figures> all = MapMeasurement.measure(
                size.bytes() / BLOCK_BYTES,
                writes,
                tailStripes,
                directory,
                figures -> console().line(line(figures)));
        if (console().isJson()) {
            List<Map<String, Object>> rows = new ArrayList<>();
            all.forEach(figures -> rows.add(object(figures)));
            json(Map.of("sizeBytes", size.bytes(), "after", rows));
        }
        return CommandTree.DONE;
    }

    private static String line(MapMeasurement.Figures figures) {
        return String.format(
                Locale.ROOT,
                "%11d  %12.1f  %12.1f  %10.1f  %8.1f  %7.2f  %9.0f  %12.2f  %4d  %7.2f  %8.2f",
                figures.writes(),
                figures.runBytesPerWrite(),
                figures.treeBytesPerWrite(),
                figures.mostMemoryBytes() / 1048576.0,
                figures.heapBytes() / 1048576.0,
                figures.openMillis(),
                figures.replayMillis(),
                figures.pagesPerLookup(),
                figures.runCount(),
                figures.entryBytes(),
                figures.nanosPerWrite() / 1000);
    }

    private static Map<String, Object> object(MapMeasurement.Figures figures) {
        Map<String, Object> object = new LinkedHashMap<>();
        object.put("writes", figures.writes());
        object.put("runBytesPerWrite", figures.runBytesPerWrite());
        object.put("treeBytesPerWrite", figures.treeBytesPerWrite());
        object.put("mostMemoryBytes", figures.mostMemoryBytes());
        object.put("heapBytes", figures.heapBytes());
        object.put("openMillis", figures.openMillis());
        object.put("replayMillis", figures.replayMillis());
        object.put("pagesPerLookup", figures.pagesPerLookup());
        object.put("runCount", figures.runCount());
        object.put("entryBytes", figures.entryBytes());
        object.put("fileBytes", figures.fileBytes());
        object.put("nanosPerWrite", figures.nanosPerWrite());
        return object;
    }
}
