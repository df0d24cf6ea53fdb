package io.ashlar.tools.simulate;

import java.util.NavigableMap;
import java.util.TreeMap;

/**
 * How long a writer that was taken over may go on serving what it reads: as long as a lease lasts by
 * the slowest clock, from when a later opening was done.
 */
final class ServingBound {
    private static final long PARTS = 1_000_000;

    private final String volume;
    private final long boundNanos;
    private final NavigableMap<Long, Long> openedNanos = new TreeMap<>();

    ServingBound(String volume, WorldSettings settings) {
        this.volume = volume;
        this.boundNanos = settings.leaseNanos() * PARTS / (PARTS - settings.driftPartsPerMillion());
    }

    /** The volume was opened at this epoch. */
    void opened(long epoch, long nowNanos) {
        openedNanos.putIfAbsent(epoch, nowNanos);
    }

    /** A session of this epoch was given what it had read. */
    void served(long epoch, long nowNanos) {
        for (var later : openedNanos.tailMap(epoch, false).entrySet()) {
            long sinceNanos = nowNanos - later.getValue();
            if (sinceNanos > boundNanos) {
                throw new Violation(
                        "no stale reads",
                        "epoch " + epoch + " of volume " + volume + " was served a read "
                                + sinceNanos / PARTS + " ms after epoch " + later.getKey()
                                + " had opened it, allowed are " + boundNanos / PARTS + " ms");
            }
        }
    }
}
