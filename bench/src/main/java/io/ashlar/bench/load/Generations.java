package io.ashlar.bench.load;

import java.util.concurrent.atomic.AtomicIntegerArray;

/**
 * How many times a run wrote each unit (a run of blocks that is written as one). At most one write
 * of a unit is in flight, so what is acknowledged last is what must be read. Safe for any thread.
 */
final class Generations {
    /** More units are not remembered: two ints for each. */
    static final int MAX_UNITS = 16 << 20;

    private final AtomicIntegerArray begun;
    private final AtomicIntegerArray acknowledged;

    Generations(int unitCount) {
        if (unitCount < 1 || unitCount > MAX_UNITS) {
            throw new IllegalStateException(unitCount + " units, at most " + MAX_UNITS);
        }
        this.begun = new AtomicIntegerArray(unitCount);
        this.acknowledged = new AtomicIntegerArray(unitCount);
    }

    int unitCount() {
        return begun.length();
    }

    /** The generation that the unit is to be written with, or 0 while another write is in flight. */
    int begin(int unit) {
        int last = acknowledged.get(unit);
        return begun.compareAndSet(unit, last, last + 1) ? last + 1 : 0;
    }

    /** The write in flight is durable. */
    void acknowledge(int unit) {
        acknowledged.set(unit, begun.get(unit));
    }

    /** A read that begins now must see this generation or a later one; 0 is none of this run. */
    int acknowledged(int unit) {
        return acknowledged.get(unit);
    }

    /** A read that ended cannot have seen a later one. */
    int begun(int unit) {
        return begun.get(unit);
    }
}
