package io.ashlar.client.log;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.ashlar.client.AshlarException;
import io.ashlar.client.OpenOptions;
import io.ashlar.client.format.CellFormat;
import io.ashlar.client.model.LogPosition;
import io.ashlar.client.model.Policy;
import io.ashlar.client.model.SegmentId;
import io.ashlar.client.model.Stripe;
import io.ashlar.client.model.VolumeId;

import org.junit.jupiter.api.Test;

import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.stream.IntStream;

/** Open segments behind one that does not follow. */
class BrokenLinksTest {
    private static final Policy POLICY = new Policy(2, 1);
    private static final long EPOCH = 3;

    private final Map<LogSegment, List<ShardEvidence>> evidence = new LinkedHashMap<>();

    private LogSegment open(long sequence) throws AshlarException {
        return OpenLogSegments.of(new SegmentId(1, sequence), sequence, POLICY, EPOCH);
    }

    private LogSegment empty(long sequence) throws AshlarException {
        LogSegment segment = open(sequence);
        evidence.put(
                segment,
                IntStream.range(0, POLICY.n())
                        .<ShardEvidence>mapToObj(
                                shard -> new ShardEvidence.Answered(Map.of(), List.of()))
                        .toList());
        return segment;
    }

    private LogSegment unreachable(long sequence) throws AshlarException {
        LogSegment segment = open(sequence);
        evidence.put(
                segment,
                IntStream.range(0, POLICY.n())
                        .<ShardEvidence>mapToObj(shard -> new ShardEvidence.Unreachable("down"))
                        .toList());
        return segment;
    }

    /** One whole stripe, which says that the segment before it has one too. */
    private LogSegment following(long sequence, LogSegment before) throws AshlarException {
        LogSegment segment = open(sequence);
        Stripe stripe = new Stripe(
                Stripe.Type.DATA,
                new Stripe.Identity(new VolumeId(0, 1), segment.id(), 0, 0, EPOCH),
                new Stripe.Links(before.id(), 8192, LogPosition.START, 0),
                new Stripe.Geometry(POLICY, 2, 4096, 4096),
                List.of(),
                new int[0],
                new int[3]);
        evidence.put(
                segment,
                IntStream.range(0, POLICY.n())
                        .<ShardEvidence>mapToObj(shard -> new ShardEvidence.Answered(
                                Map.of(0L, new CellFormat.Cell(stripe, shard, 0)), List.of()))
                        .toList());
        return segment;
    }

    private Map<LogSegment, TailDecision.Tail> decide() throws AshlarException {
        return decide(Undecided.BLOCK);
    }

    private Map<LogSegment, TailDecision.Tail> decide(Undecided undecided) throws AshlarException {
        return new LogChain(
                        List.copyOf(evidence.keySet()),
                        evidence,
                        RootPositions.NONE,
                        new OpenOptions("test", false, undecided))
                .decide();
    }

    @Test
    void nothingBehindABrokenLinkIsKept() throws AshlarException {
        LogSegment first = empty(1);
        LogSegment second = following(2, first);
        Map<LogSegment, TailDecision.Tail> tails = decide();
        assertThat(tails.get(first)).extracting(TailDecision.Tail::bytes).isEqualTo(0L);
        assertThat(tails.get(second)).extracting(TailDecision.Tail::bytes).isEqualTo(0L);
    }

    /** Its writer may be reading on, as all its nodes say that nobody fenced it. */
    @Test
    void aSegmentOfWhichNoNodeAnswersIsNotSealedEvenWhereNothingOfItIsKept()
            throws AshlarException {
        following(2, empty(1));
        unreachable(3);
        assertThatThrownBy(this::decide)
                .isInstanceOf(AshlarException.Unavailable.class)
                .hasMessageContaining("cannot be fenced yet");
    }

    @Test
    void aSegmentOfWhichNoNodeAnswersEndsUnprovedWhereItIsGivenUp() throws AshlarException {
        LogSegment first = empty(1);
        LogSegment second = unreachable(2);
        Map<LogSegment, TailDecision.Tail> tails = decide(Undecided.GIVE_UP);
        assertThat(tails.get(first)).isEqualTo(new TailDecision.Tail(List.of(), 0, 0, null));
        assertThat(tails.get(second)).extracting(TailDecision.Tail::bytes).isEqualTo(0L);
        assertThat(tails.get(second))
                .extracting(TailDecision.Tail::blocked)
                .asString()
                .contains("stripe 0 of " + second, "down");
    }

    /** It tells of what lies before it, although nobody else does. */
    @Test
    void aSegmentOfWhichNoNodeAnswersIsLostUpToWhereTheNextOneFollows() throws AshlarException {
        LogSegment first = unreachable(1);
        LogSegment second = following(2, first);
        Map<LogSegment, TailDecision.Tail> tails = decide(Undecided.GIVE_UP);
        TailDecision.Tail ofFirst = Objects.requireNonNull(tails.get(first));
        assertThat(LostPlace.in(ofFirst)).containsExactly(new LostPlace(0, 8192, 1));
        assertThat(ofFirst.bytes()).isEqualTo(8192);
        assertThat(ofFirst.stripes()).isEqualTo(1);
        assertThat(ofFirst.blocked()).isNull();
        assertThat(tails.get(second)).extracting(TailDecision.Tail::bytes).isEqualTo(8192L);
    }
}
