package io.ashlar.bench.load;

import java.util.Arrays;
import java.util.Locale;

/** Through which calls a load goes. */
public enum Api {
    /** {@code readAsync} and {@code writeAsync}, the next call made where the last one completed. */
    ASYNC,
    /** {@code read} and {@code write}, a thread for each operation in flight. */
    BLOCKING;

    /**
     * The API of that name.
     *
     * @throws IllegalArgumentException when there is none
     */
    public static Api of(String name) {
        return Arrays.stream(values())
                .filter(api -> api.toString().equals(name))
                .findFirst()
                .orElseThrow(() -> new IllegalArgumentException(
                        "no API \"" + name + "\": expected async or blocking"));
    }

    @Override
    public String toString() {
        return name().toLowerCase(Locale.ROOT);
    }
}
