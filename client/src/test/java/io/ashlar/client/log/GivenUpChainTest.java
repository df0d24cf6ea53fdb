package io.ashlar.client.log;

import static org.assertj.core.api.Assertions.assertThat;

import io.ashlar.client.AshlarException;
import io.ashlar.client.OpenOptions;
import io.ashlar.client.format.CellFormat;
import io.ashlar.client.model.LogPosition;
import io.ashlar.client.model.Policy;
import io.ashlar.client.model.SegmentId;
import io.ashlar.client.model.Stripe;
import io.ashlar.client.model.VolumeId;

import org.junit.jupiter.api.Test;

import java.util.ArrayList;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

/**
 * Two open segments of 1+2 whose last stripes were in flight together: the stripes of the second say
 * that it follows two stripes of the first, and that one stripe was acknowledged. An operator gives
 * up what cannot be decided.
 */
class GivenUpChainTest {
    private static final Policy POLICY = new Policy(1, 2);
    private static final int ALL = 0b111;
    private static final SegmentId FIRST = new SegmentId(0, 1);
    private static final SegmentId SECOND = new SegmentId(0, 2);
    private static final long EPOCH = 3;
    private static final Stripe.Links START =
            new Stripe.Links(SegmentId.NONE, 0, LogPosition.START, 0);

    private final Stripe zero = stripe(FIRST, 0, 0, START);
    private final Stripe last = stripe(FIRST, 1, zero.endOffset(), START);
    private final Stripe next = stripe(
            SECOND,
            0,
            0,
            new Stripe.Links(
                    FIRST, last.endOffset(), new LogPosition(FIRST, 1, zero.endOffset()), 0));
    private final LogSegment first = segment(FIRST, 1);
    private final LogSegment second = segment(SECOND, 2);

    GivenUpChainTest() throws AshlarException {}

    /** Every set of cells of the two that was written, and every set of shards that answers. */
    @Test
    void nothingThatAnyRecordTellsOfVanishesUnlessItWasNeverAcknowledged() throws AshlarException {
        for (int sets = 0; sets < 1 << 12; sets++) {
            int lastWritten = sets & ALL;
            int firstAnswers = sets >> 3 & ALL;
            int nextWritten = sets >> 6 & ALL;
            int secondAnswers = sets >> 9 & ALL;
            List<ShardEvidence> ofFirst = answering(firstAnswers);
            add(ofFirst, zero, ALL);
            add(ofFirst, last, lastWritten);
            List<ShardEvidence> ofSecond = answering(secondAnswers);
            add(ofSecond, next, nextWritten);
            String what = "last stripe on %s, %s answer; next on %s, %s answer"
                    .formatted(
                            binary(lastWritten),
                            binary(firstAnswers),
                            binary(nextWritten),
                            binary(secondAnswers));
            boolean lastDenied = (firstAnswers & ~shards(last, lastWritten)) != 0;
            boolean nextDenied = (secondAnswers & ~shards(next, nextWritten)) != 0;
            boolean lastSeen = (firstAnswers & shards(last, lastWritten)) != 0;
            boolean nextSeen = (secondAnswers & shards(next, nextWritten)) != 0;
            check(what, decide(ofFirst, ofSecond), lastSeen, lastDenied, nextSeen, nextDenied);
        }
    }

    private void check(
            String what,
            List<TailDecision.Tail> tails,
            boolean lastSeen,
            boolean lastDenied,
            boolean nextSeen,
            boolean nextDenied) {
        TailDecision.Tail ofFirst = tails.getFirst();
        TailDecision.Tail ofSecond = tails.getLast();
        if (lastSeen || (nextSeen && !lastDenied)) {
            assertThat(ofFirst.bytes()).as(what).isEqualTo(last.endOffset());
            assertThat(ofFirst.stripes()).as(what).isEqualTo(2);
            assertThat(ofFirst.verdicts().getLast())
                    .as(what)
                    .isInstanceOf(
                            lastSeen
                                    ? TailDecision.Verdict.Kept.class
                                    : TailDecision.Verdict.LostRange.class);
        } else if (nextSeen || lastDenied) {
            assertThat(ofFirst.bytes()).as(what).isEqualTo(zero.endOffset());
        }
        boolean reached = ofFirst.bytes() == last.endOffset();
        assertThat(ofSecond.bytes()).as(what).isEqualTo(nextSeen && reached ? next.endOffset() : 0);
        if (!nextSeen && !nextDenied) {
            assertThat(ofSecond.blocked()).as(what).isNotNull();
        }
    }

    @Test
    void whatTheNextSegmentSaysCameBeforeItIsLost() throws AshlarException {
        List<ShardEvidence> ofFirst = answering(0);
        List<ShardEvidence> ofSecond = answering(ALL);
        add(ofSecond, next, ALL);
        List<TailDecision.Tail> tails = decide(ofFirst, ofSecond);
        assertThat(LostPlace.in(tails.getFirst()))
                .containsExactly(
                        new LostPlace(0, zero.endOffset(), 1),
                        new LostPlace(zero.endOffset(), last.endOffset() - zero.endOffset(), 1));
        assertThat(tails.getFirst().blocked()).isNull();
        assertThat(tails.getLast().verdicts())
                .containsExactly(new TailDecision.Verdict.Kept(next, ALL));
    }

    private List<TailDecision.Tail> decide(
            List<ShardEvidence> ofFirst, List<ShardEvidence> ofSecond) throws AshlarException {
        Map<LogSegment, List<ShardEvidence>> evidence = new LinkedHashMap<>();
        evidence.put(first, ofFirst);
        evidence.put(second, ofSecond);
        LogChain chain = new LogChain(
                List.of(first, second),
                evidence,
                RootPositions.NONE,
                new OpenOptions("operator").givingUp());
        return List.copyOf(chain.decide().values());
    }

    private static Stripe stripe(SegmentId segment, long number, long offset, Stripe.Links links) {
        return new Stripe(
                Stripe.Type.DATA,
                new Stripe.Identity(new VolumeId(0, 1), segment, number, offset, EPOCH),
                links,
                new Stripe.Geometry(POLICY, 1, 4096, 4096),
                List.of(),
                new int[0],
                new int[3]);
    }

    private static List<ShardEvidence> answering(int shards) {
        List<ShardEvidence> evidence = new ArrayList<>();
        for (int shard = 0; shard < POLICY.n(); shard++) {
            evidence.add(
                    (shards & 1 << shard) != 0
                            ? new ShardEvidence.Answered(new HashMap<>(), List.of())
                            : new ShardEvidence.Gone("no such shard"));
        }
        return evidence;
    }

    private static void add(List<ShardEvidence> shards, Stripe stripe, int participants) {
        for (int i = 0; i < POLICY.n(); i++) {
            if ((participants & 1 << i) != 0
                    && shards.get(stripe.shardOfParticipant(i))
                            instanceof
                            ShardEvidence.Answered(Map<Long, CellFormat.Cell> cells, var _)) {
                cells.put(
                        stripe.identity().offset(),
                        new CellFormat.Cell(stripe, stripe.geometry().roleOf(i), 0));
            }
        }
    }

    /** The shards of these participants. */
    private static int shards(Stripe stripe, int participants) {
        int shards = 0;
        for (int i = 0; i < POLICY.n(); i++) {
            shards |= (participants & 1 << i) != 0 ? 1 << stripe.shardOfParticipant(i) : 0;
        }
        return shards;
    }

    private static String binary(int set) {
        return Integer.toBinaryString(set);
    }

    private static LogSegment segment(SegmentId id, long sequence) throws AshlarException {
        return OpenLogSegments.of(id, sequence, POLICY, EPOCH);
    }
}
