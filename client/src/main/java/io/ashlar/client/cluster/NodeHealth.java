package io.ashlar.client.cluster;

import java.util.HashMap;
import java.util.Map;

/**
 * What a client has seen of each node lately: how fast it answers reads, and whether it just
 * failed. Lives on a loop; time is passed in.
 */
public final class NodeHealth {
    private static final long SUSPECT_NANOS = 1_000_000_000L;
    private static final long FIRST_GUESS_NANOS = 20_000_000L;
    private static final long MIN_HEDGE_NANOS = 20_000_000L;
    private static final long MAX_HEDGE_NANOS = 1_000_000_000L;

    /** A read later than so many times its node's usual one is hedged. */
    private static final int HEDGE_FACTOR = 8;

    private static final int SMOOTHING = 8;

    private final Map<String, Node> nodes = new HashMap<>();

    private static final class Node {
        long meanNanos = FIRST_GUESS_NANOS;
        long failedAtNanos;
        boolean hasFailed;
        boolean suspect;
    }

    private Node node(String name) {
        return nodes.computeIfAbsent(name, ignored -> new Node());
    }

    public void answered(String name, long nanos) {
        Node node = node(name);
        node.meanNanos += (nanos - node.meanNanos) / SMOOTHING;
        node.suspect = false;
    }

    public void failed(String name, long now) {
        Node node = node(name);
        node.suspect = true;
        node.hasFailed = true;
        node.failedAtNanos = now;
    }

    /** Whether it failed so recently that others are better asked first. */
    public boolean isSuspect(String name, long now) {
        Node node = node(name);
        return node.suspect && now - node.failedAtNanos < SUSPECT_NANOS;
    }

    /** Whether it failed at that time or later, also where it has answered again since. */
    public boolean hasFailedSince(String name, long nanos) {
        Node node = node(name);
        return node.hasFailed && node.failedAtNanos - nanos >= 0;
    }

    /** How long to wait for it before asking others as well. */
    public long hedgeNanos(String name) {
        long usual = HEDGE_FACTOR * node(name).meanNanos;
        return Math.clamp(usual, MIN_HEDGE_NANOS, MAX_HEDGE_NANOS);
    }
}
