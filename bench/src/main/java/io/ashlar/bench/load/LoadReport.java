package io.ashlar.bench.load;

import io.ashlar.client.Volume;
import io.ashlar.client.VolumeStats;

import org.HdrHistogram.Histogram;

import java.time.Duration;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;

/** What {@link Load} measured. */
public final class LoadReport {
    private static final double MIB = 1 << 20;

    private final String volume;
    private final String policy;
    private final long spanBytes;
    private final LoadOptions options;
    private final Latency all;
    private final Latency reads;
    private final Latency writes;
    private final double longestGapMicros;
    private final ReadCheck.Outcome check;
    private final Map<String, Long> volumeStats;
    private final Duration clientCpu;

    private LoadReport(
            Volume volume,
            LoadOptions options,
            Course course,
            ReadCheck.Outcome check,
            Map<String, Long> volumeStats,
            Duration clientCpu) {
        this.volume = volume.name();
        this.policy = volume.info().getPolicy();
        this.spanBytes = (long) course.unitCount() * options.blockBytes();
        this.options = options;
        Histogram both = course.reads().copy();
        both.add(course.writes());
        this.all = latency(both);
        this.reads = latency(course.reads());
        this.writes = latency(course.writes());
        this.longestGapMicros = Latency.rounded(course.longestGapNanos() / 1e3);
        this.check = check;
        this.volumeStats = volumeStats;
        this.clientCpu = clientCpu;
    }

    static LoadReport of(
            Volume volume,
            LoadOptions options,
            Course course,
            ReadCheck.Outcome check,
            VolumeStats before,
            VolumeStats after,
            Duration clientCpu) {
        Map<String, Long> stats = new LinkedHashMap<>();
        stats.put("stripes", after.stripes() - before.stripes());
        stats.put("rolls", after.rolls() - before.rolls());
        stats.put("degradedReads", after.degradedReads() - before.degradedReads());
        stats.put("decodedBytes", after.decodedBytes() - before.decodedBytes());
        stats.put("damageReports", after.damageReports() - before.damageReports());
        stats.put("lostBlocks", after.lostBlocks());
        return new LoadReport(volume, options, course, check, stats, clientCpu);
    }

    private Latency latency(Histogram nanos) {
        return Latency.of(nanos, options.blockBytes(), options.measured());
    }

    public long verifiedBytes() {
        return check.verifiedBytes();
    }

    /** Read, and never written by a load: a volume's data before it. */
    public long unverifiableBytes() {
        return check.unverifiableBytes();
    }

    public long unwrittenBytes() {
        return check.unwrittenBytes();
    }

    public long operations() {
        return all.operations();
    }

    /** The first blocks that were read and are not what was written; empty if all is well. */
    public List<String> problems() {
        return check.problems();
    }

    public Map<String, Object> toJson() {
        Map<String, Object> object = new LinkedHashMap<>();
        object.put("benchmark", "io");
        object.put("configuration", configuration());
        object.putAll(all.toJson());
        object.put("longestGapMicros", longestGapMicros);
        object.put("reads", reads.toJson());
        object.put("writes", writes.toJson());
        object.put("clientCpuSeconds", clientCpu.toMillis() / 1e3);
        object.put("verifiedBytes", check.verifiedBytes());
        object.put("unwrittenBytes", check.unwrittenBytes());
        object.put("unverifiableBytes", check.unverifiableBytes());
        object.put("wrongBytes", check.wrongBytes());
        object.put("problems", check.problems());
        object.put("volumeStats", volumeStats);
        return object;
    }

    private Map<String, Object> configuration() {
        Map<String, Object> configuration = new LinkedHashMap<>();
        configuration.put("volume", volume);
        configuration.put("policy", policy);
        configuration.put("spanBytes", spanBytes);
        configuration.put("pattern", options.pattern().toString());
        configuration.put("readPercent", options.readPercent());
        configuration.put("api", options.api().toString());
        configuration.put("blockBytes", options.blockBytes());
        configuration.put("depth", options.depth());
        configuration.put("warmUpSeconds", options.warmUp().toMillis() / 1e3);
        configuration.put("seconds", options.measured().toMillis() / 1e3);
        configuration.put("seed", options.seed());
        return configuration;
    }

    public String toTable() {
        List<String> lines = new ArrayList<>();
        lines.add(Latency.heading());
        if (reads.operations() > 0) {
            lines.add(reads.row("read"));
        }
        if (writes.operations() > 0) {
            lines.add(writes.row("write"));
        }
        lines.add("");
        lines.add(String.format(
                Locale.ROOT,
                "longest time without a completion %.1f ms; client's CPU %.2f s in %.1f s",
                longestGapMicros / 1e3,
                clientCpu.toMillis() / 1e3,
                options.measured().toMillis() / 1e3));
        lines.add(String.format(
                Locale.ROOT,
                "read and verified %.1f MiB, never written %.1f MiB, not ours to verify %.1f MiB,"
                        + " wrong %d bytes",
                check.verifiedBytes() / MIB,
                check.unwrittenBytes() / MIB,
                check.unverifiableBytes() / MIB,
                check.wrongBytes()));
        lines.add("volume: " + volumeStats);
        return String.join("\n", lines);
    }
}
