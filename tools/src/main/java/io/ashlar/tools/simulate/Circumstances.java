package io.ashlar.tools.simulate;

import io.ashlar.client.AshlarException;
import io.ashlar.client.protocol.Segment;

import java.util.List;

/**
 * What the world was like when a session was asked for something: where nothing stands in its way,
 * it may not fail.
 */
record Circumstances(World world, WriterSession session, long askedNanos, long lost) {
    static Circumstances of(World world, WriterSession session) {
        return new Circumstances(
                world, session, world.schedule().nowNanos(), world.network().lost());
    }

    /** A request failed. */
    void requireReason(String what, AshlarException cause) {
        String told =
                session.client().name() + " was refused its " + what + ": " + cause.getMessage();
        if (cause instanceof AshlarException.Fenced) {
            if (session.isHolder()) {
                throw new Violation("availability", "the holder of a volume, " + told);
            }
        } else if (world.isCalm(askedNanos)) {
            throw new Violation("availability", "nothing has gone wrong for long, " + told);
        } else if (cause instanceof AshlarException.InsufficientShards && isUnhindered()) {
            throw new Violation("availability", "there are enough cells, " + told);
        }
    }

    /** Whether it could reach all that its volume needs: who was in trouble counts for a while. */
    private boolean isUnhindered() {
        List<Segment> segments = segments();
        long calmNanos = world.schedule().nowNanos() - WorldSettings.TROUBLE_LASTS_NANOS;
        return askedNanos > calmNanos
                && session.client().process().resumedNanos() < calmNanos
                && lost == world.network().lost()
                && !world.network().hasBeenCutSince(askedNanos)
                && !segments.isEmpty()
                && !world.account().mayBlock(segments);
    }

    private List<Segment> segments() {
        return world.segments().stream()
                .filter(segment ->
                        segment.getVolume().equals(session.volume().info().getId()))
                .toList();
    }
}
