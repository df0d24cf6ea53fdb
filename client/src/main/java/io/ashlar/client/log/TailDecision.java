package io.ashlar.client.log;

import io.ashlar.client.format.CellFormat;
import io.ashlar.client.model.Policy;
import io.ashlar.client.model.SegmentId;
import io.ashlar.client.model.Stripe;

import org.jspecify.annotations.Nullable;

import java.util.ArrayList;
import java.util.List;

/**
 * Decides, stripe by stripe, what of an open segment of a dead writer is in the log (DESIGN section
 * 7). A pure function of what the shards said.
 *
 * <p>Of a stripe's d + m participants, P hold a valid cell of it, N are trustworthy negatives, U are
 * unknown: unreachable, gone, or a record that fails its check. Where no valid cell tells d, the
 * participants are those that a stripe with d = 1 would have, and P = 0.
 *
 * <table>
 * <caption>The decision</caption>
 * <tr><th>below the mark</th><th>P &gt;= d</th><th>else</th><th>decision</th></tr>
 * <tr><td>any</td><td>yes</td><td></td><td>keep</td></tr>
 * <tr><td>yes</td><td>no</td><td>any of U unreachable</td><td>block</td></tr>
 * <tr><td>yes</td><td>no</td><td>none unreachable</td><td>lost: was acknowledged (INV-7)</td></tr>
 * <tr><td>no</td><td>no</td><td>N &gt;= 1</td><td>end: never acknowledged (INV-4)</td></tr>
 * <tr><td>no</td><td>no</td><td>N = 0</td><td>block</td></tr>
 * </table>
 *
 * <p>The mark is the length below which stripes are known to have been acknowledged: a lower bound.
 *
 * <p>Where an operator has given up what is undecided, nothing blocks. What any record tells of is
 * lost: a stripe of which a cell is left, what lies before a later record, and all up to the length
 * at which a later segment says that it follows. Where nothing more is told of, the log ends, and the
 * outcome says that this is not proved. A truthful negative counts for more than what is told: it
 * ends the log, and then nothing behind it was acknowledged either.
 */
final class TailDecision {
    private final SegmentId segment;
    private final long epoch;
    private final Policy policy;
    private final List<ShardEvidence> shards;
    private final Told told;
    private final Undecided undecided;

    private final List<Verdict> verdicts = new ArrayList<>();
    private long number;
    private long offset;
    private boolean ended;
    private @Nullable String blocked;

    private TailDecision(
            LogSegment segment, List<ShardEvidence> shards, Told told, Undecided undecided) {
        this.segment = segment.id();
        this.epoch = segment.epoch();
        this.policy = segment.policy();
        this.shards = shards;
        this.told = told;
        this.undecided = undecided;
    }

    /**
     * What records, wherever they are, and the retained roots tell of a segment's length.
     *
     * @param markBytes all below was acknowledged
     * @param markStripes how many stripes these are; 0 where that is not told
     * @param followedBytes at which a later segment says that it follows; 0 where none does
     */
    record Told(long markBytes, long markStripes, long followedBytes) {
        static final Told NOTHING = new Told(0, 0, 0);
    }

    /** What is decided of one stripe, or of a range. */
    sealed interface Verdict {

        /** Where in the segment the stripe, or the range, begins. */
        long offset();

        /** In the log; `holders` is a bit set of the participants that hold it validly. */
        record Kept(Stripe stripe, long holders) implements Verdict {
            @Override
            public long offset() {
                return stripe.identity().offset();
            }
        }

        /** Was acknowledged, and cannot be decoded any more; what it held is known. */
        record Lost(Stripe stripe, String reason) implements Verdict {
            @Override
            public long offset() {
                return stripe.identity().offset();
            }
        }

        /**
         * Was acknowledged, and nothing tells what it held.
         *
         * @param first number of its first stripe
         * @param stripes that count as being in it
         * @param counted whether that many are told of: else there may have been more
         */
        record LostRange(
                long offset,
                long lengthBytes,
                long first,
                long stripes,
                boolean counted,
                String reason)
                implements Verdict {}
    }

    /**
     * The outcome.
     *
     * @param blocked why it is not proved that the log ends here, or null where it is: nothing can be
     *     decided from here on, or nothing tells of what was given up
     */
    record Tail(
            List<Verdict> verdicts,
            long bytes,
            long stripes,
            @Nullable String blocked) {}

    /**
     * Decides a segment.
     *
     * @param shards by shard index
     */
    static Tail decide(
            LogSegment segment, List<ShardEvidence> shards, Told told, Undecided undecided) {
        return new TailDecision(segment, shards, told, undecided).walk();
    }

    private Tail walk() {
        while (!ended) {
            Stripe stripe = stripeHere();
            if (stripe != null) {
                decideKnown(stripe);
            } else {
                decideUnknown();
            }
        }
        return new Tail(List.copyOf(verdicts), offset, number, blocked);
    }

    /** The stripe that most shards say begins here, if any. */
    private @Nullable Stripe stripeHere() {
        Stripe best = null;
        int most = 0;
        for (int shard = 0; shard < shards.size(); shard++) {
            CellFormat.Cell cell = cellOf(shard, offset);
            if (cell != null && isNext(cell.stripe())) {
                int alike = Long.bitCount(holders(cell.stripe()));
                if (alike > most) {
                    most = alike;
                    best = cell.stripe();
                }
            }
        }
        return best;
    }

    private CellFormat.@Nullable Cell cellOf(int shard, long place) {
        return shards.get(shard) instanceof ShardEvidence.Answered answered
                ? answered.cells().get(place)
                : null;
    }

    private boolean isNext(Stripe stripe) {
        return stripe.identity().number() == number && isOurs(stripe);
    }

    private boolean isOurs(Stripe stripe) {
        return stripe.identity().segment().equals(segment)
                && stripe.identity().epoch() == epoch
                && stripe.geometry().policy().equals(policy);
    }

    /** The participants that hold a valid cell of this very stripe. */
    private long holders(Stripe stripe) {
        long holders = 0;
        for (int i = 0; i < stripe.geometry().participants(); i++) {
            CellFormat.Cell cell =
                    cellOf(stripe.shardOfParticipant(i), stripe.identity().offset());
            if (cell != null
                    && cell.role() == stripe.geometry().roleOf(i)
                    && cell.stripe().sameAs(stripe)) {
                holders |= 1L << i;
            }
        }
        return holders;
    }

    private void decideKnown(Stripe stripe) {
        long holders = holders(stripe);
        List<Integer> participants = participants(stripe.geometry().d());
        if (Long.bitCount(holders) >= stripe.geometry().d()) {
            verdicts.add(new Verdict.Kept(stripe, holders));
            goOn(stripe.endOffset(), number + 1);
            return;
        }
        boolean settled = isBelowMark() ? hasNoUnreachable(participants) : endsHere(participants);
        if (!stops(settled)) {
            String left = Long.bitCount(holders) + " of its " + participants.size()
                    + " cells are left, " + stripe.geometry().d() + " are needed";
            verdicts.add(new Verdict.Lost(stripe, why(settled, left, participants)));
            goOn(stripe.endOffset(), number + 1);
        }
    }

    private void decideUnknown() {
        boolean settled = isBelowMark() ? hasNoUnreachable(allShards()) : endsHere(participants(1));
        if (stops(settled)) {
            return;
        }
        Next next = nextToldOf();
        if (next == null) {
            ended = true;
        } else {
            verdicts.add(new Verdict.LostRange(
                    offset,
                    next.offset - offset,
                    number,
                    next.number - number,
                    next.counted,
                    why(settled, "no header of it is left", allShards())));
            goOn(next.offset, next.number);
        }
    }

    /** A place in the segment, and whether the number of stripes before it is told or assumed. */
    private record Next(long offset, long number, boolean counted) {}

    private boolean isBelowMark() {
        return offset < told.markBytes();
    }

    private boolean stops(boolean settled) {
        ended |= !settled && undecided == Undecided.BLOCK;
        return ended;
    }

    private void goOn(long nextOffset, long nextNumber) {
        offset = nextOffset;
        number = nextNumber;
        blocked = null;
    }

    /** The next place in the segment that anything tells of: nothing is left of what lies before. */
    private @Nullable Next nextToldOf() {
        Stripe next = nextAfterHole();
        if (isBelowMark() && (next == null || next.identity().offset() > told.markBytes())) {
            boolean counted = told.markStripes() > number;
            return new Next(told.markBytes(), counted ? told.markStripes() : number + 1, counted);
        }
        if (next != null) {
            return new Next(next.identity().offset(), next.identity().number(), true);
        }
        return offset < told.followedBytes()
                ? new Next(told.followedBytes(), number + 1, false)
                : null;
    }

    /** The first stripe beyond a place of which nothing is left. */
    private @Nullable Stripe nextAfterHole() {
        Stripe next = null;
        for (ShardEvidence evidence : shards) {
            if (evidence instanceof ShardEvidence.Answered answered) {
                for (CellFormat.Cell cell : answered.cells().values()) {
                    Stripe stripe = cell.stripe();
                    boolean beyond = stripe.identity().offset() > offset
                            && stripe.identity().number() > number
                            && isOurs(stripe);
                    if (beyond
                            && (next == null
                                    || stripe.identity().offset()
                                            < next.identity().offset())) {
                        next = stripe;
                    }
                }
            }
        }
        return next;
    }

    private List<Integer> participants(int d) {
        List<Integer> indexes = new ArrayList<>();
        for (int role = 0; role < policy.n(); role++) {
            if (role < d || role >= policy.k()) {
                indexes.add(Stripe.shardOf(role, number, policy));
            }
        }
        return indexes;
    }

    private List<Integer> allShards() {
        List<Integer> indexes = new ArrayList<>();
        for (int shard = 0; shard < shards.size(); shard++) {
            indexes.add(shard);
        }
        return indexes;
    }

    /** One truthful negative proves that the stripe was never acknowledged. */
    private boolean endsHere(List<Integer> participants) {
        ended = participants.stream().anyMatch(this::isNegative);
        if (!ended) {
            blocked = here() + " may have been acknowledged: " + reasons(participants);
        }
        return ended;
    }

    private boolean isNegative(int shard) {
        return shards.get(shard) instanceof ShardEvidence.Answered answered
                && !answered.cells().containsKey(offset)
                && !answered.isUnknown(offset);
    }

    /** Whether all have told what they ever will. */
    private boolean hasNoUnreachable(List<Integer> participants) {
        boolean unreachable = participants.stream()
                .anyMatch(shard -> shards.get(shard) instanceof ShardEvidence.Unreachable);
        if (unreachable) {
            blocked = here() + " was acknowledged and too few of its cells can be reached: "
                    + reasons(participants);
        }
        return !unreachable;
    }

    private String why(boolean settled, String left, List<Integer> participants) {
        String reasons = reasons(participants);
        return (settled ? "" : "given up: ") + left + (reasons.isEmpty() ? "" : "; " + reasons);
    }

    private String here() {
        return "stripe " + number + " of segment " + segment + " at " + offset;
    }

    private String reasons(List<Integer> participants) {
        List<String> reasons = new ArrayList<>();
        for (int shard : participants) {
            switch (shards.get(shard)) {
                case ShardEvidence.Unreachable(String reason) ->
                    reasons.add("shard " + shard + " is unreachable (" + reason + ")");
                case ShardEvidence.Gone(String reason) ->
                    reasons.add("shard " + shard + " is gone (" + reason + ")");
                case ShardEvidence.Answered answered -> {
                    if (answered.isUnknown(offset)) {
                        reasons.add("shard " + shard + " has a damaged record there");
                    }
                }
            }
        }
        return String.join("; ", reasons);
    }
}
