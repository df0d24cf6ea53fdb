package io.ashlar.client.model;

import io.ashlar.client.AshlarException;

import java.util.regex.Pattern;

/** What people call a volume: 1 to 64 letters, digits, dots, underscores and hyphens. */
public record VolumeName(String text) {
    private static final Pattern SHAPE = Pattern.compile("[A-Za-z0-9._-]{1,64}");

    public static VolumeName parse(String text) throws AshlarException.Invalid {
        if (!SHAPE.matcher(text).matches()) {
            throw new AshlarException.Invalid(
                    "\"" + text
                            + "\" is no name for a volume: expected 1 to 64 letters, digits, '.', '_', '-'");
        }
        return new VolumeName(text);
    }

    @Override
    public String toString() {
        return text;
    }
}
