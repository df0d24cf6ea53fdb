package io.ashlar.bench.load;

import org.HdrHistogram.Histogram;

import java.time.Duration;
import java.util.LinkedHashMap;
import java.util.Locale;
import java.util.Map;

/** How many operations were completed in the measured time, and how long each took. */
record Latency(
        long operations,
        double iops,
        double mibPerSecond,
        double meanMicros,
        double p50Micros,
        double p90Micros,
        double p99Micros,
        double p999Micros,
        double maxMicros) {
    private static final double MIB = 1 << 20;

    static Latency of(Histogram nanos, int blockBytes, Duration measured) {
        long count = nanos.getTotalCount();
        double perSecond = count / (measured.toNanos() / 1e9);
        return new Latency(
                count,
                perSecond,
                perSecond * blockBytes / MIB,
                nanos.getMean() / 1e3,
                nanos.getValueAtPercentile(50) / 1e3,
                nanos.getValueAtPercentile(90) / 1e3,
                nanos.getValueAtPercentile(99) / 1e3,
                nanos.getValueAtPercentile(99.9) / 1e3,
                nanos.getMaxValue() / 1e3);
    }

    Map<String, Object> toJson() {
        Map<String, Object> object = new LinkedHashMap<>();
        object.put("operations", operations);
        object.put("iops", rounded(iops));
        object.put("mibPerSecond", rounded(mibPerSecond));
        object.put("meanMicros", rounded(meanMicros));
        object.put("p50Micros", rounded(p50Micros));
        object.put("p90Micros", rounded(p90Micros));
        object.put("p99Micros", rounded(p99Micros));
        object.put("p999Micros", rounded(p999Micros));
        object.put("maxMicros", rounded(maxMicros));
        return object;
    }

    static String heading() {
        return String.format(
                Locale.ROOT,
                "%-6s %10s %10s %9s %9s %9s %9s %9s",
                "",
                "IOPS",
                "MiB/s",
                "p50 us",
                "p90 us",
                "p99 us",
                "p99.9 us",
                "max us");
    }

    String row(String name) {
        return String.format(
                Locale.ROOT,
                "%-6s %10.0f %10.1f %9.0f %9.0f %9.0f %9.0f %9.0f",
                name,
                iops,
                mibPerSecond,
                p50Micros,
                p90Micros,
                p99Micros,
                p999Micros,
                maxMicros);
    }

    /** With a tenth: more says nothing. */
    static double rounded(double value) {
        return Math.round(value * 10) / 10.0;
    }
}
