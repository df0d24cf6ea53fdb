package io.ashlar.client.log;

import io.ashlar.client.AshlarException;
import io.ashlar.client.format.CellFormat;
import io.ashlar.client.map.BlockMap;
import io.ashlar.client.model.Stripe;
import io.ashlar.client.stripe.StripeRef;

import java.lang.foreign.MemorySegment;
import java.lang.reflect.Field;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;

/** What deliberate defects do in the place of what a writer, or a recoverer, does. */
public final class WrongLog {
    private WrongLog() {}

    /** A shard that is gone has answered, and holds nothing. */
    public static Object goneIsEmpty(List<?> shards, int index) {
        Object evidence = shards.get(index);
        return evidence instanceof ShardEvidence.Gone
                ? new ShardEvidence.Answered(Map.of(), List.of())
                : evidence;
    }

    /** The epoch of whoever rewrites a cell, which is mostly the next one. */
    public static void writeInOwnName(Stripe stripe, int role, MemorySegment target) {
        Stripe.Identity identity = stripe.identity();
        int[] blockCrcs = new int[stripe.blockCrcCount()];
        for (int i = 0; i < blockCrcs.length; i++) {
            blockCrcs[i] = stripe.blockCrc(i);
        }
        int[] vector = new int[stripe.pieceCrcCount()];
        for (int i = 0; i < vector.length; i++) {
            vector[i] = stripe.vector(i);
        }
        Stripe own = new Stripe(
                stripe.type(),
                new Stripe.Identity(
                        identity.volume(),
                        identity.segment(),
                        identity.number(),
                        identity.offset(),
                        identity.epoch() + 1),
                stripe.links(),
                stripe.geometry(),
                new ArrayList<>(stripe.extents()),
                blockCrcs,
                vector);
        CellFormat.write(own, role, target);
    }

    /** One less where nothing is stored but zeroes. */
    public static int participants(Stripe.Geometry geometry) {
        return geometry.cellBytes() == 0 ? geometry.participants() - 1 : geometry.participants();
    }

    /** A stripe that is sent is in the map, and the map does not wait for its own ones either. */
    public static void placeInMap(Object inFlight, Object place) {
        set(inFlight, "place", place);
        LogSegment segment = ((OpenSegment) valueOf(place, "segment")).segment();
        Stripe stripe = (Stripe) valueOf(place, "stripe");
        Object outcome = valueOf(inFlight, "outcome");
        if (outcome.getClass().getName().endsWith("VolumeWriter$Sealed")) {
            Object writer = valueOf(outcome, "this$0");
            ((BlockMap) valueOf(writer, "map")).install(StripeRef.of(segment, stripe), stripe);
        } else {
            ((LogWriter.Outcome) outcome).acknowledged(segment, stripe);
        }
    }

    /** Where an operator gives anything up, all that is in the open segments. */
    public static Map<LogSegment, ?> decideAllLost(LogChain chain) throws AshlarException {
        Map<LogSegment, TailDecision.Tail> tails = new LinkedHashMap<>(chain.decide());
        if (valueOf(chain, "undecided") == Undecided.GIVE_UP) {
            tails.replaceAll((segment, tail) -> tail.bytes() == 0 ? tail : lost(tail));
        }
        return tails;
    }

    private static TailDecision.Tail lost(TailDecision.Tail tail) {
        return new TailDecision.Tail(
                List.of(new TailDecision.Verdict.LostRange(
                        0, tail.bytes(), 0, tail.stripes(), true, "given up: everything")),
                tail.bytes(),
                tail.stripes(),
                tail.blocked());
    }

    private static Object valueOf(Object owner, String name) {
        try {
            return Objects.requireNonNull(field(owner, name).get(owner));
        } catch (ReflectiveOperationException e) {
            throw new IllegalStateException("the product has changed", e);
        }
    }

    private static void set(Object owner, String name, Object value) {
        try {
            field(owner, name).set(owner, value);
        } catch (ReflectiveOperationException e) {
            throw new IllegalStateException("the product has changed", e);
        }
    }

    private static Field field(Object owner, String name) throws NoSuchFieldException {
        Field field = owner.getClass().getDeclaredField(name);
        field.setAccessible(true);
        return field;
    }
}
