package io.ashlar.client.log;

import static org.assertj.core.api.Assertions.assertThat;

import io.ashlar.client.format.CellFormat;
import io.ashlar.client.model.LogPosition;
import io.ashlar.client.model.Policy;
import io.ashlar.client.model.SegmentId;
import io.ashlar.client.model.Stripe;
import io.ashlar.client.model.VolumeId;

import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;

/**
 * The decision over every set of cells that were written and every set of shards that answer,
 * against what "acknowledged" means: all participants hold their cell.
 */
class TailDecisionTest {
    private static final SegmentId SEGMENT = new SegmentId(1, 2);
    private static final long EPOCH = 3;

    /** The log before the stripe: {@code acknowledged} stripes with a single data cell each. */
    @ParameterizedTest(name = "{0}+{1}, d={2}, {3} stripes before it")
    @CsvSource({
        "4,2,4,0", "4,2,3,0", "4,2,2,0", "4,2,1,0", "2,1,2,0", "2,1,1,0", "1,2,1,0",
        "4,2,4,2", "4,2,3,2", "4,2,2,2", "4,2,1,2", "2,1,2,2", "2,1,1,2", "1,2,1,2"
    })
    void neverEndsBelowAnAcknowledgedStripeAndKeepsOnlyWhatDecodes(
            int k, int m, int d, int acknowledged) throws Exception {
        Policy policy = new Policy(k, m);
        List<Stripe> before = new ArrayList<>();
        long offset = 0;
        for (int number = 0; number < acknowledged; number++) {
            before.add(stripe(policy, 1, number, offset));
            offset = before.getLast().endOffset();
        }
        Stripe stripe = stripe(policy, d, acknowledged, offset);
        int all = (1 << (d + m)) - 1;
        for (int written = 0; written <= all; written++) {
            for (int reachable = 0; reachable < 1 << policy.n(); reachable++) {
                List<ShardEvidence> shards = evidence(policy, stripe, written, reachable);
                before.forEach(earlier -> add(shards, earlier, (1 << (1 + m)) - 1));
                for (Undecided undecided : Undecided.values()) {
                    for (long followed : new long[] {0, stripe.endOffset()}) {
                        new Case(before, stripe, written, reachable, shards, undecided, followed)
                                .check();
                    }
                }
            }
        }
    }

    /** A stripe that some participants hold, behind others that all of theirs were given. */
    private record Case(
            List<Stripe> before,
            Stripe stripe,
            int written,
            int reachable,
            List<ShardEvidence> shards,
            Undecided undecided,
            long followedBytes) {

        void check() throws Exception {
            long mark = stripe.identity().offset();
            TailDecision.Tail tail = TailDecision.decide(
                    segment(stripe.geometry().policy()),
                    shards,
                    new TailDecision.Told(mark, before.size(), followedBytes),
                    undecided);
            assertNoGap(tail);
            boolean blocked = undecided == Undecided.BLOCK && tail.blocked() != null;
            if (tail.bytes() < mark) {
                assertThat(blocked).as("ends below the mark: %s", this).isTrue();
                assertThat(before.stream().allMatch(this::isDecodable))
                        .as(toString())
                        .isFalse();
                return;
            }
            checkKept(tail);
            if (tail.bytes() == mark) {
                checkEnd(tail, blocked);
            }
        }

        private boolean isDecodable(Stripe one) {
            return reached(one, -1) >= one.geometry().d();
        }

        private void checkKept(TailDecision.Tail tail) {
            for (TailDecision.Verdict verdict : tail.verdicts()) {
                for (Stripe one : before) {
                    if (verdict.offset() == one.identity().offset()) {
                        assertThat(verdict instanceof TailDecision.Verdict.Kept)
                                .as(toString())
                                .isEqualTo(isDecodable(one));
                    }
                }
            }
            boolean last = !tail.verdicts().isEmpty()
                    && tail.verdicts().getLast() instanceof TailDecision.Verdict.Kept kept
                    && kept.stripe().equals(stripe);
            assertThat(last)
                    .as(toString())
                    .isEqualTo(reached(stripe, written) >= stripe.geometry().d());
        }

        /** What any record tells of, and who might have acknowledged it, is not cut off. */
        private void checkEnd(TailDecision.Tail tail, boolean blocked) {
            int participants = stripe.geometry().participants();
            boolean denied = false;
            int unreached = 0;
            for (int i = 0; i < participants; i++) {
                boolean answers = (reachable & 1 << stripe.shardOfParticipant(i)) != 0;
                denied |= answers && (written & 1 << i) == 0;
                unreached += answers ? 0 : 1;
            }
            boolean told = followedBytes > 0 || reached(stripe, written) > 0;
            boolean proved = tail.blocked() == null;
            if (proved || (told && !blocked)) {
                assertThat(denied).as("nobody denies it: %s", this).isTrue();
            }
            if (unreached <= stripe.geometry().policy().m()
                    && Integer.bitCount(unreachable())
                            <= stripe.geometry().policy().m()) {
                assertThat(proved).as("at most m missing: %s", this).isTrue();
            }
        }

        private int unreachable() {
            return ~reachable & (1 << stripe.geometry().policy().n()) - 1;
        }

        private int reached(Stripe one, int cells) {
            int reached = 0;
            for (int i = 0; i < one.geometry().participants(); i++) {
                boolean answers = (reachable & 1 << one.shardOfParticipant(i)) != 0;
                reached += answers && (cells & 1 << i) != 0 ? 1 : 0;
            }
            return reached;
        }

        private void assertNoGap(TailDecision.Tail tail) {
            long end = 0;
            for (TailDecision.Verdict verdict : tail.verdicts()) {
                assertThat(verdict.offset()).as(toString()).isEqualTo(end);
                end = switch (verdict) {
                    case TailDecision.Verdict.Kept kept -> kept.stripe().endOffset();
                    case TailDecision.Verdict.Lost lost -> lost.stripe().endOffset();
                    case TailDecision.Verdict.LostRange range ->
                        range.offset() + range.lengthBytes();
                };
            }
            assertThat(tail.bytes()).as(toString()).isEqualTo(end);
        }

        @Override
        public String toString() {
            return "%s, written on %s, %s answer, %s, followed at %s"
                    .formatted(
                            stripe,
                            Integer.toBinaryString(written),
                            Integer.toBinaryString(reachable),
                            undecided,
                            followedBytes);
        }
    }

    /** What any number of lost stripes held is unknown, not how many they were. */
    @Test
    void behindALostRangeTheParticipantsAreThoseOfTheStripeThatComesNext() throws Exception {
        Policy policy = new Policy(4, 2);
        List<ShardEvidence> shards = evidence(policy, stripe(policy, 1, 0, 0), 0, 0b111111);
        for (int role : new int[] {0, 4, 5}) {
            shards.set(Stripe.shardOf(role, 3, policy), new ShardEvidence.Gone("no such shard"));
        }
        TailDecision.Tail tail = TailDecision.decide(
                segment(policy), shards, new TailDecision.Told(24576, 3, 0), Undecided.BLOCK);
        assertThat(LostPlace.in(tail)).containsExactly(new LostPlace(0, 24576, 3));
        assertThat(tail.blocked()).contains("stripe 3", "is gone");
    }

    @Test
    void aLostRangeEndsAtTheMarkWhereWhatFollowsWasNeverAcknowledged() throws Exception {
        Policy policy = new Policy(2, 1);
        Stripe first = stripe(policy, 2, 0, 0);
        Stripe second = stripe(policy, 2, 1, first.endOffset());
        Stripe third = stripe(policy, 2, 2, second.endOffset());
        List<ShardEvidence> shards = evidence(policy, first, 0, 0b111);
        add(shards, third, 0b111);
        TailDecision.Tail tail = TailDecision.decide(
                segment(policy),
                shards,
                new TailDecision.Told(first.endOffset(), 1, 0),
                Undecided.BLOCK);
        assertThat(LostPlace.in(tail)).containsExactly(new LostPlace(0, first.endOffset(), 1));
        assertThat(tail.blocked()).isNull();
    }

    @Test
    void whatALaterSegmentFollowsIsLostWhereItIsGivenUp() throws Exception {
        Policy policy = new Policy(4, 2);
        List<ShardEvidence> shards = evidence(policy, stripe(policy, 1, 0, 0), 0, 0b111111);
        for (int role : new int[] {0, 4, 5}) {
            shards.set(Stripe.shardOf(role, 0, policy), new ShardEvidence.Unreachable("down"));
        }
        TailDecision.Tail tail = TailDecision.decide(
                segment(policy), shards, new TailDecision.Told(0, 0, 8192), Undecided.GIVE_UP);
        assertThat(LostPlace.in(tail)).containsExactly(new LostPlace(0, 8192, 1));
        assertThat(tail.bytes()).isEqualTo(8192);
    }

    @Test
    void aDamagedRecordIsNeverANegative() throws Exception {
        Policy policy = new Policy(2, 1);
        Stripe stripe = stripe(policy, 2, 0, 0);
        List<ShardEvidence> shards = evidence(policy, stripe, 0b001, 0b111);
        for (int i = 1; i <= 2; i++) {
            shards.set(stripe.shardOfParticipant(i), damagedAt(0));
        }
        TailDecision.Tail tail = TailDecision.decide(
                segment(policy), shards, TailDecision.Told.NOTHING, Undecided.BLOCK);
        assertThat(tail.blocked()).contains("damaged record");
    }

    @Test
    void aWipedDriveIsNeverANegative() throws Exception {
        Policy policy = new Policy(2, 1);
        Stripe stripe = stripe(policy, 2, 0, 0);
        List<ShardEvidence> shards = evidence(policy, stripe, 0b001, 0b111);
        for (int i = 1; i <= 2; i++) {
            shards.set(stripe.shardOfParticipant(i), new ShardEvidence.Gone("no such shard"));
        }
        assertThat(TailDecision.decide(
                                segment(policy), shards, TailDecision.Told.NOTHING, Undecided.BLOCK)
                        .blocked())
                .contains("is gone");
    }

    @Test
    void whatIsGivenUpIsLostAndNeverKeptOrShownOlder() throws Exception {
        Policy policy = new Policy(2, 1);
        Stripe first = stripe(policy, 2, 0, 0);
        Stripe second = stripe(policy, 2, 1, first.endOffset());
        List<ShardEvidence> shards = evidence(policy, first, 0b001, 0b111);
        for (int i = 1; i <= 2; i++) {
            shards.set(first.shardOfParticipant(i), new ShardEvidence.Unreachable("down"));
        }
        assertThat(TailDecision.decide(
                                segment(policy), shards, TailDecision.Told.NOTHING, Undecided.BLOCK)
                        .blocked())
                .isNotNull();
        TailDecision.Tail tail = TailDecision.decide(
                segment(policy), shards, TailDecision.Told.NOTHING, Undecided.GIVE_UP);
        assertThat(tail.blocked()).isNull();
        assertThat(tail.verdicts()).hasSize(1);
        assertThat(tail.verdicts().getFirst()).isInstanceOf(TailDecision.Verdict.Lost.class);
        assertThat(tail.bytes()).isEqualTo(first.endOffset());
        assertThat(TailDecision.decide(segment(policy), shards, markAt(second), Undecided.GIVE_UP)
                        .verdicts())
                .as("below the mark")
                .hasSize(2)
                .last()
                .isInstanceOf(TailDecision.Verdict.LostRange.class);
    }

    @Test
    void whereNoRecordTellsOfAnythingAGivenUpLogEnds() throws Exception {
        Policy policy = new Policy(4, 2);
        List<ShardEvidence> shards = evidence(policy, stripe(policy, 1, 0, 0), 0, 0b111111);
        for (int role : new int[] {0, 4, 5}) {
            shards.set(Stripe.shardOf(role, 0, policy), new ShardEvidence.Unreachable("down"));
        }
        TailDecision.Tail tail = TailDecision.decide(
                segment(policy), shards, TailDecision.Told.NOTHING, Undecided.GIVE_UP);
        assertThat(tail.verdicts()).isEmpty();
        assertThat(tail.bytes()).isZero();
        assertThat(tail.blocked()).contains("stripe 0", "is unreachable");
    }

    @Test
    void withoutAnyRecordTheParticipantsAreThoseOfOneDataCell() throws Exception {
        Policy policy = new Policy(4, 2);
        List<ShardEvidence> shards = evidence(policy, stripe(policy, 1, 0, 0), 0, 0b111111);
        for (int role : new int[] {0, 4, 5}) {
            shards.set(Stripe.shardOf(role, 0, policy), new ShardEvidence.Unreachable("down"));
        }
        assertThat(TailDecision.decide(
                                segment(policy), shards, TailDecision.Told.NOTHING, Undecided.BLOCK)
                        .blocked())
                .isNotNull();
    }

    @Test
    void belowTheMarkAStripeThatCannotBeDecodedIsLostNotTheEnd() throws Exception {
        Policy policy = new Policy(2, 1);
        Stripe first = stripe(policy, 2, 0, 0);
        Stripe second = stripe(policy, 2, 1, first.endOffset());
        List<ShardEvidence> shards = evidence(policy, first, 0b001, 0b111);
        add(shards, second, 0b111);
        TailDecision.Tail tail =
                TailDecision.decide(segment(policy), shards, markAt(second), Undecided.BLOCK);
        assertThat(tail.blocked()).isNull();
        assertThat(tail.verdicts()).hasSize(2);
        assertThat(tail.verdicts().get(0)).isInstanceOf(TailDecision.Verdict.Lost.class);
        assertThat(tail.verdicts().get(1)).isInstanceOf(TailDecision.Verdict.Kept.class);
        assertThat(tail.bytes()).isEqualTo(second.endOffset());
        assertThat(tail.stripes()).isEqualTo(2);
    }

    @Test
    void belowTheMarkAnUnreachableShardBlocks() throws Exception {
        Policy policy = new Policy(2, 1);
        Stripe first = stripe(policy, 2, 0, 0);
        List<ShardEvidence> shards = evidence(policy, first, 0b001, 0b111);
        shards.set(first.shardOfParticipant(1), new ShardEvidence.Unreachable("down"));
        TailDecision.Tail tail =
                TailDecision.decide(segment(policy), shards, markAt(first), Undecided.BLOCK);
        assertThat(tail.blocked()).contains("was acknowledged");
    }

    @Test
    void belowTheMarkAStripeThatNothingTellsOfIsALostRange() throws Exception {
        Policy policy = new Policy(2, 1);
        Stripe first = stripe(policy, 2, 0, 0);
        Stripe second = stripe(policy, 2, 1, first.endOffset());
        List<ShardEvidence> shards = evidence(policy, first, 0, 0b111);
        add(shards, second, 0b111);
        TailDecision.Tail tail =
                TailDecision.decide(segment(policy), shards, markAt(second), Undecided.BLOCK);
        assertThat(LostPlace.in(tail)).first().isEqualTo(new LostPlace(0, first.endOffset(), 1));
        assertThat(tail.stripes()).isEqualTo(2);
    }

    @Test
    void cellsOfAnotherEpochOrSegmentDoNotCount() throws Exception {
        Policy policy = new Policy(2, 1);
        Stripe foreign = new Stripe(
                Stripe.Type.DATA,
                new Stripe.Identity(new VolumeId(0, 1), SEGMENT, 0, 0, EPOCH + 1),
                new Stripe.Links(SegmentId.NONE, 0, LogPosition.START, 0),
                new Stripe.Geometry(policy, 2, 4096, 4096),
                List.of(),
                new int[0],
                new int[3]);
        List<ShardEvidence> shards = evidence(policy, foreign, 0b111, 0b111);
        TailDecision.Tail tail = TailDecision.decide(
                segment(policy), shards, TailDecision.Told.NOTHING, Undecided.BLOCK);
        assertThat(tail.verdicts()).isEmpty();
        assertThat(tail.blocked()).isNotNull();
    }

    private static Stripe stripe(Policy policy, int d, long number, long offset) {
        return new Stripe(
                Stripe.Type.DATA,
                new Stripe.Identity(new VolumeId(0, 1), SEGMENT, number, offset, EPOCH),
                new Stripe.Links(SegmentId.NONE, 0, LogPosition.START, 0),
                new Stripe.Geometry(policy, d, 4096, 4096),
                List.of(),
                new int[0],
                new int[d + policy.m()]);
    }

    private static List<ShardEvidence> evidence(
            Policy policy, Stripe stripe, int written, int reachable) {
        List<ShardEvidence> shards = new ArrayList<>();
        for (int shard = 0; shard < policy.n(); shard++) {
            shards.add(
                    (reachable & 1 << shard) != 0
                            ? new ShardEvidence.Answered(new HashMap<>(), List.of())
                            : new ShardEvidence.Unreachable("down"));
        }
        add(shards, stripe, written);
        return shards;
    }

    private static void add(List<ShardEvidence> shards, Stripe stripe, int written) {
        for (int i = 0; i < stripe.geometry().participants(); i++) {
            if ((written & 1 << i) != 0
                    && shards.get(stripe.shardOfParticipant(i))
                            instanceof
                            ShardEvidence.Answered(Map<Long, CellFormat.Cell> cells, var ignored)) {
                cells.put(
                        stripe.identity().offset(),
                        new CellFormat.Cell(stripe, stripe.geometry().roleOf(i), 0));
            }
        }
    }

    private static TailDecision.Told markAt(Stripe last) {
        return new TailDecision.Told(last.endOffset(), last.identity().number() + 1, 0);
    }

    private static ShardEvidence damagedAt(long offset) {
        return new ShardEvidence.Answered(Map.of(), List.of(new ShardEvidence.Span(offset, 4096)));
    }

    private static LogSegment segment(Policy policy) throws Exception {
        return OpenLogSegments.of(SEGMENT, 0, policy, EPOCH);
    }
}
