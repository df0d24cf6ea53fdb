package io.ashlar.client.log;

import io.ashlar.client.transport.Loop;

import java.util.concurrent.TimeUnit;

/**
 * A moment by both clocks of this machine. The monotonic one stands still while the machine is
 * suspended, the wall clock may be set to anything: time has passed if either of them says so. What
 * both of them miss, such as a virtual machine that its host has paused or restored, or a clock that
 * was set back while the machine slept, is missed.
 */
record Moment(long nanos, long wallMillis) {
    static Moment now(Loop loop) {
        return new Moment(loop.nanoTime(), loop.wallMillis());
    }

    boolean isAfter(Moment other) {
        return nanos - other.nanos > 0;
    }

    /** Whether so much time has passed since then. */
    boolean isPast(long lengthNanos, Moment now) {
        return now.nanos - nanos >= lengthNanos
                || TimeUnit.MILLISECONDS.toNanos(now.wallMillis - wallMillis) >= lengthNanos;
    }
}
