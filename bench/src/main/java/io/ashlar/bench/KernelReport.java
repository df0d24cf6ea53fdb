package io.ashlar.bench;

import org.jspecify.annotations.Nullable;

import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;

/**
 * What {@link KernelBaseline} measured, as a table and as JSON.
 *
 * @param baseline what the kernels were compared with, or why with nothing
 * @param roundCount how many pairs of samples a figure is the median of
 * @param verifiedBytes how many bytes of the kernels were found equal to plain Java's
 */
public record KernelReport(
        String baseline, int roundCount, long verifiedBytes, List<Figure> figures) {
    public KernelReport {
        figures = List.copyOf(figures);
    }

    /**
     * The speed of one kernel: data bytes coded per time, one thread, cells as hot as they fit.
     *
     * @param baselineGigabytesPerSecond the C program's, or null where there is none
     * @param ratio the median of the ratios of the pairs of samples, or null
     */
    public record Figure(
            Operation operation,
            CodeShape shape,
            int cellBytes,
            String kernel,
            double gigabytesPerSecond,
            @Nullable Double baselineGigabytesPerSecond,
            @Nullable Double ratio) {}

    public String toTable() {
        StringBuilder table = new StringBuilder();
        table.append("baseline  ").append(baseline).append('\n');
        table.append(String.format(
                Locale.ROOT,
                "medians of %d rounds; GB/s of data by the CPU time of one thread; %d bytes verified%n%n",
                roundCount,
                verifiedBytes));
        table.append(row("operation", "policy", "cell KiB", "kernel", "GB/s", "C GB/s", "ratio"));
        for (Figure figure : figures) {
            table.append(row(
                    figure.operation.label(),
                    figure.shape.toString(),
                    Integer.toString(figure.cellBytes / 1024),
                    figure.kernel,
                    number("%.1f", figure.gigabytesPerSecond),
                    number("%.1f", figure.baselineGigabytesPerSecond),
                    number("%.2f", figure.ratio)));
        }
        return table.toString();
    }

    private static String row(Object... columns) {
        return String.format(Locale.ROOT, "%-12s %-8s %8s  %-7s %7s %7s %6s%n", columns);
    }

    public Map<String, Object> toJson() {
        Map<String, Object> object = new LinkedHashMap<>();
        object.put("benchmark", "encode");
        object.put("baseline", baseline);
        object.put("verifiedBytes", verifiedBytes);
        object.put("figures", figures.stream().map(KernelReport::toJson).toList());
        return object;
    }

    private static Map<String, @Nullable Object> toJson(Figure figure) {
        Map<String, @Nullable Object> object = new LinkedHashMap<>();
        object.put("operation", figure.operation.label());
        object.put("policy", figure.shape.toString());
        object.put("cellBytes", figure.cellBytes);
        object.put("kernel", figure.kernel);
        object.put("mibPerSecond", Math.round(figure.gigabytesPerSecond * 1e9 / (1 << 20)));
        object.put("gigabytesPerSecond", rounded(figure.gigabytesPerSecond));
        object.put("baselineGigabytesPerSecond", rounded(figure.baselineGigabytesPerSecond));
        object.put("ratio", rounded(figure.ratio));
        return object;
    }

    private static @Nullable Double rounded(@Nullable Double value) {
        return value == null ? null : Math.round(value * 1000) / 1000.0;
    }

    private static String number(String format, @Nullable Double value) {
        return value == null ? "null" : String.format(Locale.ROOT, format, value);
    }
}
