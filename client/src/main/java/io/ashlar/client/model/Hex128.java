package io.ashlar.client.model;

/** 128 bits written as 32 hexadecimal digits. */
record Hex128(long high, long low) {
    private static final int DIGITS = 32;

    static Hex128 parse(String hex) {
        if (hex.length() != DIGITS) {
            throw new IllegalArgumentException(
                    "an id is " + DIGITS + " hexadecimal digits, found \"" + hex + "\"");
        }
        return new Hex128(
                Long.parseUnsignedLong(hex, 0, DIGITS / 2, 16),
                Long.parseUnsignedLong(hex, DIGITS / 2, DIGITS, 16));
    }

    static String format(long high, long low) {
        return String.format("%016x%016x", high, low);
    }
}
