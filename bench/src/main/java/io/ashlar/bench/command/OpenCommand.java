package io.ashlar.bench.command;

import io.ashlar.bench.load.LoadOptions;
import io.ashlar.bench.load.TailMeasurement;
import io.ashlar.client.AshlarClient;
import io.ashlar.client.OpenOptions;
import io.ashlar.client.Volume;
import io.ashlar.client.model.VolumeName;
import io.ashlar.tools.command.ByteCount;
import io.ashlar.tools.command.CommandFailed;
import io.ashlar.tools.command.CommandTree;
import io.ashlar.tools.output.Sizes;

import picocli.CommandLine.Command;
import picocli.CommandLine.Option;

import java.security.SecureRandom;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;

@Command(
        name = "open",
        description = "How long a volume takes to open behind a writer that did not close it: to"
                + " fence its segments, decide their tails and replay what came after its last"
                + " checkpoint. All that was written is read again and compared.")
final class OpenCommand extends Benchmark {
    @Option(
            names = "--volume",
            required = true,
            paramLabel = "NAME",
            description = "the volume; what it holds is destroyed")
    @SuppressWarnings("NullAway.Init")
    private VolumeName name;

    @Option(
            names = "--tail",
            defaultValue = "10000",
            paramLabel = "STRIPES",
            description = "behind the last checkpoint; a writer makes one after so many as the"
                    + " default here says (default ${DEFAULT-VALUE})")
    private long stripes;

    @Option(
            names = "--block",
            defaultValue = "4K",
            paramLabel = "SIZE",
            description = "bytes of a write, a multiple of 4096 (default ${DEFAULT-VALUE})")
    @SuppressWarnings("NullAway.Init")
    private ByteCount block;

    @Option(
            names = "--depth",
            defaultValue = "32",
            paramLabel = "N",
            description = "writes in flight (default ${DEFAULT-VALUE})")
    private int depth;

    @Option(
            names = "--rounds",
            defaultValue = "3",
            paramLabel = "N",
            description = "tails written and replayed (default ${DEFAULT-VALUE})")
    private int rounds;

    @Option(
            names = "--overwrite",
            description = "write even if the volume holds data of somebody else")
    private boolean overwrite;

    @Override
    protected int run() throws Exception {
        if (stripes < 1
                || rounds < 1
                || depth < 1
                || depth > LoadOptions.MAX_DEPTH
                || block.bytes() < Volume.BLOCK_BYTES
                || block.bytes() % Volume.BLOCK_BYTES != 0
                || block.bytes() > LoadOptions.MAX_BLOCK_BYTES) {
            throw misuse("--tail and --rounds: expected 1 or more; --depth: 1 to "
                    + LoadOptions.MAX_DEPTH + "; --block: a multiple of 4096 up to "
                    + LoadOptions.MAX_BLOCK_BYTES);
        }
        requireVolume(name);
        try (AshlarClient client = AshlarClient.connect(coordinators());
                Volume volume = client.open(name.text(), OpenOptions.forProcess("bench"))) {
            if (!overwrite) {
                refuseForeignData(name, volume);
            }
        }
        describe();
        TailMeasurement.Tail tail =
                new TailMeasurement.Tail(stripes, Math.toIntExact(block.bytes()), depth);
        console()
                .line("tail      " + stripes + " stripes of writes of "
                        + Sizes.format(block.bytes()) + " at depth " + depth + " on " + name);
        List<TailMeasurement.Figures> all = new ArrayList<>();
        TailMeasurement measurement = new TailMeasurement(coordinators(), name.text(), tail);
        for (int round = 0; round < rounds; round++) {
            TailMeasurement.Figures figures = measurement.run(new SecureRandom().nextLong());
            all.add(figures);
            console().line(line(figures));
            if (!figures.problems().isEmpty()) {
                throw new CommandFailed("volume " + name + " returned what was not written: "
                        + String.join("; ", figures.problems()));
            }
        }
        if (console().isJson()) {
            json(Map.of(
                    "configuration",
                    Map.of("tailStripes", stripes, "blockBytes", block.bytes(), "depth", depth),
                    "rounds",
                    all.stream().map(OpenCommand::object).toList()));
        }
        return CommandTree.DONE;
    }

    private static String line(TailMeasurement.Figures figures) {
        return String.format(
                Locale.ROOT,
                "opened    in %.0f ms behind %d stripes with %d blocks; %s verified",
                figures.openMillis(),
                figures.stripes(),
                figures.blocks(),
                Sizes.format(figures.verifiedBytes()));
    }

    private static Map<String, Object> object(TailMeasurement.Figures figures) {
        Map<String, Object> object = new LinkedHashMap<>();
        object.put("stripes", figures.stripes());
        object.put("blocks", figures.blocks());
        object.put("openMillis", figures.openMillis());
        object.put("verifiedBytes", figures.verifiedBytes());
        return object;
    }
}
