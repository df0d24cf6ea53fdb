package io.ashlar.bench;

import org.jspecify.annotations.Nullable;

import java.util.List;
import java.util.Locale;
import java.util.stream.Collectors;

/**
 * What {@link KernelBaseline} measured, as a table and as JSON.
 *
 * @param machine what it ran on
 * @param baseline what the kernels were compared with, or why with nothing
 * @param roundCount how many pairs of samples a figure is the median of
 * @param verifiedBytes how many bytes of the kernels were found equal to plain Java's
 */
public record KernelReport(
        Machine machine,
        String baseline,
        int roundCount,
        long verifiedBytes,
        List<Figure> figures) {
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
        table.append("machine   ").append(machine).append('\n');
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

    public String toJson() {
        return figures.stream()
                .map(KernelReport::toJson)
                .collect(Collectors.joining(
                        ",\n",
                        String.format(
                                Locale.ROOT,
                                """
                                {"cpu": %s, "coreCount": %d, "operatingSystem": %s, "jdk": %s,
                                 "baseline": %s, "roundCount": %d, "verifiedBytes": %d, "figures": [
                                """,
                                quote(machine.cpu()),
                                machine.coreCount(),
                                quote(machine.operatingSystem()),
                                quote(machine.jdk()),
                                quote(baseline),
                                roundCount,
                                verifiedBytes),
                        "]}\n"));
    }

    private static String toJson(Figure figure) {
        return String.format(
                Locale.ROOT,
                "  {\"operation\": %s, \"policy\": %s, \"cellBytes\": %d, \"kernel\": %s, "
                        + "\"gigabytesPerSecond\": %s, \"baselineGigabytesPerSecond\": %s, "
                        + "\"ratio\": %s}",
                quote(figure.operation.label()),
                quote(figure.shape.toString()),
                figure.cellBytes,
                quote(figure.kernel),
                number("%.3f", figure.gigabytesPerSecond),
                number("%.3f", figure.baselineGigabytesPerSecond),
                number("%.3f", figure.ratio));
    }

    private static String number(String format, @Nullable Double value) {
        return value == null ? "null" : String.format(Locale.ROOT, format, value);
    }

    /** The text as a JSON string; names of machines hold nothing worse than quotes. */
    private static String quote(String text) {
        return '"' + text.replace("\\", "\\\\").replace("\"", "\\\"") + '"';
    }
}
