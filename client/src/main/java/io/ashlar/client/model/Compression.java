package io.ashlar.client.model;

import io.ashlar.client.AshlarException;

import java.util.regex.Matcher;
import java.util.regex.Pattern;

/**
 * How a volume's extents are compressed: {@code none} or {@code zstd:N}.
 *
 * @param zstdLevel 1 to {@link #MAX_ZSTD_LEVEL}, or 0 for none
 */
public record Compression(int zstdLevel) {
    public static final int MAX_ZSTD_LEVEL = 19;
    public static final Compression NONE = new Compression(0);

    private static final Pattern ZSTD = Pattern.compile("zstd:(\\d{1,2})");

    public static Compression parse(String text) throws AshlarException.Invalid {
        if (text.equals("none")) {
            return NONE;
        }
        Matcher zstd = ZSTD.matcher(text);
        int level = zstd.matches() ? Integer.parseInt(zstd.group(1)) : 0;
        if (level < 1 || level > MAX_ZSTD_LEVEL) {
            throw new AshlarException.Invalid("unknown compression \"" + text
                    + "\": expected none or zstd:1 to zstd:" + MAX_ZSTD_LEVEL);
        }
        return new Compression(level);
    }

    @Override
    public String toString() {
        return zstdLevel == 0 ? "none" : "zstd:" + zstdLevel;
    }
}
