package io.ashlar.tools.output;

import java.util.Locale;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/** Sizes as people write and read them; {@code K M G T} are powers of two. */
public final class Sizes {
    private static final Pattern SIZE =
            Pattern.compile("(\\d{1,19})\\s*([KMGT]?)(?:I?B)?", Pattern.CASE_INSENSITIVE);
    private static final String UNITS = "KMGT";

    private Sizes() {}

    /** Bytes; throws {@link IllegalArgumentException} where the text is no size. */
    public static long parse(String text) {
        Matcher matcher = SIZE.matcher(text.strip());
        if (!matcher.matches()) {
            throw invalid(text);
        }
        int unit = matcher.group(2).isEmpty()
                ? 0
                : UNITS.indexOf(matcher.group(2).toUpperCase(Locale.ROOT)) + 1;
        try {
            return Math.multiplyExact(Long.parseLong(matcher.group(1)), 1L << (10 * unit));
        } catch (ArithmeticException | NumberFormatException e) {
            throw invalid(text);
        }
    }

    private static IllegalArgumentException invalid(String text) {
        return new IllegalArgumentException("\"" + text
                + "\" is not a size: expected bytes or a number with K, M, G or T, such as 20G");
    }

    /** Such as {@code 1.5 GiB}. */
    public static String format(long bytes) {
        if (bytes < 1024) {
            return bytes + " B";
        }
        double value = bytes;
        int unit = -1;
        while (value >= 1024 && unit < UNITS.length() - 1) {
            value /= 1024;
            unit++;
        }
        return String.format(
                Locale.ROOT, value < 10 ? "%.1f %siB" : "%.0f %siB", value, UNITS.charAt(unit));
    }

    /** Such as {@code 1 node}, {@code 6 nodes} or {@code 7 processes}. */
    public static String count(long count, String singular) {
        String ending = count == 1 ? "" : singular.endsWith("s") ? "es" : "s";
        return count + " " + singular + ending;
    }

    /** Megabytes (10^6) a second, such as {@code 812 MB/s}. */
    public static String rate(long bytes, long nanos) {
        return String.format(Locale.ROOT, "%.0f MB/s", bytes * 1e3 / Math.max(nanos, 1));
    }

    /** Such as {@code 1.25 s}. */
    public static String seconds(long nanos) {
        return String.format(Locale.ROOT, "%.2f s", nanos / 1e9);
    }
}
