package io.ashlar.client.log;

import static org.assertj.core.api.Assertions.assertThat;

import io.ashlar.client.format.CellFormat;
import io.ashlar.client.model.LogPosition;
import io.ashlar.client.model.Policy;
import io.ashlar.client.model.SegmentId;
import io.ashlar.client.model.Stripe;
import io.ashlar.client.model.VolumeId;
import io.ashlar.client.protocol.Placement;
import io.ashlar.client.protocol.Segment;
import io.ashlar.client.protocol.SegmentState;

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

    @ParameterizedTest(name = "{0}+{1}, d={2}")
    @CsvSource({"4,2,4", "4,2,3", "4,2,2", "4,2,1", "2,1,2", "2,1,1", "1,2,1"})
    void neverEndsBelowAnAcknowledgedStripeAndKeepsOnlyWhatDecodes(int k, int m, int d)
            throws Exception {
        Policy policy = new Policy(k, m);
        Stripe stripe = stripe(policy, d, 0, 0);
        int participants = d + m;
        int all = (1 << participants) - 1;
        for (int written = 0; written <= all; written++) {
            for (int reachable = 0; reachable < 1 << policy.n(); reachable++) {
                List<ShardEvidence> shards = evidence(policy, stripe, written, reachable);
                TailDecision.Tail tail =
                        TailDecision.decide(segment(policy), shards, 0, Undecided.BLOCK);
                int valid = 0;
                int unreachable = 0;
                for (int i = 0; i < participants; i++) {
                    boolean answers = (reachable & 1 << stripe.shardOfParticipant(i)) != 0;
                    valid += answers && (written & 1 << i) != 0 ? 1 : 0;
                    unreachable += answers ? 0 : 1;
                }
                boolean kept = !tail.verdicts().isEmpty();
                boolean ended = !kept && tail.blocked() == null;
                String what = "written %s reachable %s"
                        .formatted(
                                Integer.toBinaryString(written), Integer.toBinaryString(reachable));
                assertThat(kept).as(what).isEqualTo(valid >= d);
                if (written == all) {
                    assertThat(ended).as("acknowledged, %s", what).isFalse();
                }
                if (unreachable <= m && Integer.bitCount(~reachable & (1 << policy.n()) - 1) <= m) {
                    assertThat(kept || ended).as("at most m missing, %s", what).isTrue();
                }
            }
        }
    }

    @Test
    void aDamagedRecordIsNeverANegative() throws Exception {
        Policy policy = new Policy(2, 1);
        Stripe stripe = stripe(policy, 2, 0, 0);
        List<ShardEvidence> shards = evidence(policy, stripe, 0b001, 0b111);
        for (int i = 1; i <= 2; i++) {
            shards.set(stripe.shardOfParticipant(i), damagedAt(0));
        }
        TailDecision.Tail tail = TailDecision.decide(segment(policy), shards, 0, Undecided.BLOCK);
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
        assertThat(TailDecision.decide(segment(policy), shards, 0, Undecided.BLOCK)
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
        assertThat(TailDecision.decide(segment(policy), shards, 0, Undecided.BLOCK)
                        .blocked())
                .isNotNull();
        TailDecision.Tail tail = TailDecision.decide(segment(policy), shards, 0, Undecided.GIVE_UP);
        assertThat(tail.blocked()).isNull();
        assertThat(tail.verdicts()).hasSize(1);
        assertThat(tail.verdicts().getFirst()).isInstanceOf(TailDecision.Verdict.Lost.class);
        assertThat(tail.bytes()).isEqualTo(first.endOffset());
        assertThat(TailDecision.decide(
                                segment(policy), shards, second.endOffset(), Undecided.GIVE_UP)
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
        TailDecision.Tail tail = TailDecision.decide(segment(policy), shards, 0, Undecided.GIVE_UP);
        assertThat(tail.verdicts()).isEmpty();
        assertThat(tail.bytes()).isZero();
    }

    @Test
    void withoutAnyRecordTheParticipantsAreThoseOfOneDataCell() throws Exception {
        Policy policy = new Policy(4, 2);
        List<ShardEvidence> shards = evidence(policy, stripe(policy, 1, 0, 0), 0, 0b111111);
        for (int role : new int[] {0, 4, 5}) {
            shards.set(Stripe.shardOf(role, 0, policy), new ShardEvidence.Unreachable("down"));
        }
        assertThat(TailDecision.decide(segment(policy), shards, 0, Undecided.BLOCK)
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
                TailDecision.decide(segment(policy), shards, second.endOffset(), Undecided.BLOCK);
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
                TailDecision.decide(segment(policy), shards, first.endOffset(), Undecided.BLOCK);
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
                TailDecision.decide(segment(policy), shards, second.endOffset(), Undecided.BLOCK);
        assertThat(tail.verdicts())
                .first()
                .isEqualTo(new TailDecision.Verdict.LostRange(0, first.endOffset(), 1));
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
        TailDecision.Tail tail = TailDecision.decide(segment(policy), shards, 0, Undecided.BLOCK);
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

    private static ShardEvidence damagedAt(long offset) {
        return new ShardEvidence.Answered(Map.of(), List.of(new ShardEvidence.Span(offset, 4096)));
    }

    private static LogSegment segment(Policy policy) throws Exception {
        Segment.Builder segment = Segment.newBuilder()
                .setId(SEGMENT.toProto())
                .setPolicy(policy.toString())
                .setEpoch(EPOCH)
                .setState(SegmentState.OPEN)
                .setShardBytes(1 << 20);
        for (int i = 0; i < policy.n(); i++) {
            segment.addPlacements(Placement.getDefaultInstance());
        }
        return LogSegment.of(segment.build());
    }
}
