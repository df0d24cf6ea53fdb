package io.ashlar.bench;

import io.ashlar.client.AshlarClient;
import io.ashlar.client.OpenOptions;
import io.ashlar.client.Volume;
import io.ashlar.ec.Kernel;
import io.ashlar.tools.command.BenchLeaf;
import io.ashlar.tools.command.ByteCount;
import io.ashlar.tools.command.CommandFailed;

import picocli.CommandLine.Command;
import picocli.CommandLine.Option;

import java.time.Duration;
import java.util.LinkedHashMap;
import java.util.Locale;
import java.util.Map;

/** {@code ashlar bench io}. */
@Command(
        name = "io",
        description = "Load on a volume; what it writes replaces what the volume held.")
public final class IoCommand extends BenchLeaf {
    private static final int MAX_DEPTH = 256;
    private static final long MAX_BLOCK_BYTES = 16L << 20;

    @Option(names = "--volume", required = true, paramLabel = "NAME", description = "the volume")
    @SuppressWarnings("NullAway.Init")
    private String name;

    @Option(
            names = "--pattern",
            required = true,
            paramLabel = "PATTERN",
            description = "${COMPLETION-CANDIDATES}")
    @SuppressWarnings("NullAway.Init")
    private IoLoad.Pattern pattern;

    @Option(
            names = "--block",
            defaultValue = "4K",
            paramLabel = "SIZE",
            description = "of a request (default ${DEFAULT-VALUE})")
    @SuppressWarnings("NullAway.Init")
    private ByteCount block;

    @Option(
            names = "--depth",
            defaultValue = "16",
            description = "requests at a time (default ${DEFAULT-VALUE})")
    private int depth;

    @Option(
            names = "--seconds",
            defaultValue = "10",
            description = "how long (default ${DEFAULT-VALUE})")
    private int seconds;

    @Option(
            names = "--mix",
            defaultValue = "0",
            paramLabel = "READPERCENT",
            description = "of random requests that read (default ${DEFAULT-VALUE})")
    private int readPercent;

    @Override
    protected int run() throws Exception {
        requireRange("--depth", depth, 1, MAX_DEPTH);
        requireRange("--seconds", seconds, 1, Integer.MAX_VALUE);
        requireRange("--mix", readPercent, 0, 100);
        if (block.bytes() < 4096 || block.bytes() % 4096 != 0 || block.bytes() > MAX_BLOCK_BYTES) {
            throw new CommandFailed("--block is " + block.bytes()
                    + ", expected a multiple of 4096 up to " + MAX_BLOCK_BYTES);
        }
        requireVolume(name);
        int blockBytes = Math.toIntExact(block.bytes());
        IoLoad.Result result;
        try (AshlarClient client = AshlarClient.connect(coordinators());
                Volume volume = client.open(name, OpenOptions.forProcess("bench"))) {
            if (volume.sizeBytes() < blockBytes) {
                throw new CommandFailed(
                        "volume " + name + " is smaller than a block of " + blockBytes);
            }
            result = new IoLoad(volume, pattern, blockBytes, depth, readPercent)
                    .run(Duration.ofSeconds(seconds));
        }
        Map<String, Object> figures = figures(result);
        console()
                .line(String.format(
                        Locale.ROOT,
                        "%s %d B x %d: %.0f MiB/s, %.0f IOPS, p50 %d us, p99 %d us, %d requests, %d bytes verified",
                        pattern,
                        blockBytes,
                        depth,
                        result.mibPerSecond(),
                        result.iops(),
                        result.p50Micros(),
                        result.p99Micros(),
                        result.requests(),
                        result.bytesVerified()));
        if (console().isJson()) {
            console().json(figures);
        }
        return 0;
    }

    private Map<String, Object> figures(IoLoad.Result result) {
        Map<String, Object> figures = new LinkedHashMap<>();
        figures.put("volume", name);
        figures.put("pattern", pattern.toString());
        figures.put("blockBytes", block.bytes());
        figures.put("depth", depth);
        figures.put("seconds", result.seconds());
        figures.put("readPercent", readPercent);
        figures.put("mibPerSecond", result.mibPerSecond());
        figures.put("iops", result.iops());
        figures.put("p50Micros", result.p50Micros());
        figures.put("p99Micros", result.p99Micros());
        figures.put("maxMicros", result.maxMicros());
        figures.put("requests", result.requests());
        figures.put("bytesVerified", result.bytesVerified());
        figures.put("degradedReads", result.degradedReads());
        figures.put("kernel", Kernel.chosen().name());
        figures.put("jdk", Runtime.version().toString());
        figures.put("version", "0.1.0-SNAPSHOT");
        figures.put("machine", Machine.current().toString());
        return figures;
    }

    private static void requireRange(String option, int value, int min, int max)
            throws CommandFailed {
        if (value < min || value > max) {
            throw new CommandFailed(option + " is " + value + ", expected " + min + " to " + max);
        }
    }
}
