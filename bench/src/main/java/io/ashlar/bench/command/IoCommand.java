package io.ashlar.bench.command;

import io.ashlar.bench.load.Api;
import io.ashlar.bench.load.Load;
import io.ashlar.bench.load.LoadOptions;
import io.ashlar.bench.load.LoadReport;
import io.ashlar.bench.load.Pattern;
import io.ashlar.client.AshlarClient;
import io.ashlar.client.OpenOptions;
import io.ashlar.client.Volume;
import io.ashlar.client.model.VolumeName;
import io.ashlar.tools.command.ByteCount;
import io.ashlar.tools.command.CommandFailed;
import io.ashlar.tools.command.CommandTree;
import io.ashlar.tools.output.Sizes;

import org.jspecify.annotations.Nullable;

import picocli.CommandLine.Command;
import picocli.CommandLine.Option;

import java.security.SecureRandom;
import java.time.Duration;
import java.util.Locale;

@Command(
        name = "io",
        description = "Load on a volume through the Java API, every byte read verified.")
final class IoCommand extends Benchmark {
    @Option(
            names = "--volume",
            required = true,
            paramLabel = "NAME",
            description = "the volume; patterns that write destroy what it holds")
    @SuppressWarnings("NullAway.Init")
    private VolumeName name;

    @Option(
            names = "--pattern",
            required = true,
            paramLabel = "PATTERN",
            description = "seqwrite, seqread, randwrite or randread")
    @SuppressWarnings("NullAway.Init")
    private String pattern;

    @Option(
            names = "--block",
            paramLabel = "SIZE",
            description = "bytes of an operation, a multiple of 4096 (default: 1M for sequential"
                    + " patterns, 4K for random ones)")
    private @Nullable ByteCount block;

    @Option(
            names = "--depth",
            defaultValue = "16",
            paramLabel = "N",
            description = "operations in flight (default ${DEFAULT-VALUE})")
    private int depth;

    @Option(
            names = "--seconds",
            defaultValue = "10",
            paramLabel = "N",
            description = "how long to measure (default ${DEFAULT-VALUE})")
    private double seconds;

    @Option(
            names = "--warmup",
            defaultValue = "3",
            paramLabel = "N",
            description = "seconds of load before that, not measured (default ${DEFAULT-VALUE})")
    private double warmUpSeconds;

    @Option(
            names = "--mix",
            paramLabel = "READPERCENT",
            description =
                    "with a pattern that writes: how many of a hundred operations read instead")
    private @Nullable Integer mix;

    @Option(
            names = "--api",
            defaultValue = "async",
            paramLabel = "API",
            description = "async, or blocking: a thread for each operation in flight"
                    + " (default ${DEFAULT-VALUE})")
    @SuppressWarnings("NullAway.Init")
    private String api;

    @Option(
            names = "--overwrite",
            description = "write even if the volume holds data of somebody else")
    private boolean overwrite;

    @Override
    protected int run() throws Exception {
        LoadOptions options = options();
        requireVolume(name);
        LoadReport report;
        try (AshlarClient client = AshlarClient.connect(coordinators());
                Volume volume = client.open(name.text(), OpenOptions.forProcess("bench"))) {
            if (options.isWriting() && !overwrite) {
                refuseForeignData(name, volume);
            }
            describe();
            console()
                    .line("load      " + text(options) + " on " + name + ", "
                            + volume.info().getPolicy() + ", " + Sizes.format(volume.sizeBytes()));
            report = Load.run(volume, options, new Lines(options.blockBytes()));
        }
        show(report);
        if (!report.problems().isEmpty()) {
            throw new CommandFailed("volume " + name + " returned what was not written: "
                    + String.join("; ", report.problems()));
        }
        return CommandTree.DONE;
    }

    private LoadOptions options() {
        try {
            Pattern parsed = Pattern.of(pattern);
            int defaultMix = parsed.isWriting() ? 0 : 100;
            long blockBytes = block == null ? parsed.defaultBlockBytes() : block.bytes();
            return new LoadOptions(
                    parsed,
                    Api.of(api),
                    mix == null ? defaultMix : mix,
                    (int) Math.min(blockBytes, Integer.MAX_VALUE),
                    depth,
                    duration(warmUpSeconds),
                    duration(seconds),
                    new SecureRandom().nextLong());
        } catch (IllegalArgumentException reason) {
            throw misuse(String.valueOf(reason.getMessage()));
        }
    }

    private static Duration duration(double seconds) {
        return Duration.ofMillis(Math.round(seconds * 1000));
    }

    private static String text(LoadOptions options) {
        String mixed = options.isWriting() && options.readPercent() > 0
                ? ", " + options.readPercent() + " % reads"
                : "";
        return options.pattern() + mixed + ", " + Sizes.format(options.blockBytes()) + " at depth "
                + options.depth() + " (" + options.api() + ")";
    }

    private void show(LoadReport report) {
        console().line("");
        console().line(report.toTable());
        if (report.unwrittenBytes() > report.verifiedBytes()) {
            console()
                    .line("note: most of what was read was never written, which needs no node:"
                            + " fill the volume first with --pattern seqwrite");
        }
        if (console().isJson()) {
            json(report.toJson());
        }
    }

    /** What people see while it runs. */
    private final class Lines implements Load.Listener {
        private final int blockBytes;
        private String phase = "";
        private long lastCount;
        private Duration last = Duration.ZERO;

        private Lines(int blockBytes) {
            this.blockBytes = blockBytes;
        }

        @Override
        public void phase(String name) {
            phase = name;
            lastCount = 0;
            last = Duration.ZERO;
        }

        @Override
        public void progress(long operationCount, Duration elapsed) {
            double interval = elapsed.minus(last).toNanos() / 1e9;
            double iops = (operationCount - lastCount) / interval;
            console()
                    .line(String.format(
                            Locale.ROOT,
                            "%-10s %4.0f s %10.0f IOPS %9.1f MiB/s",
                            phase,
                            elapsed.toMillis() / 1e3,
                            iops,
                            iops * blockBytes / (1 << 20)));
            lastCount = operationCount;
            last = elapsed;
        }
    }
}
