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

import java.util.ArrayList;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.stream.Collectors;

/** Two open segments of 2+1, the second of which says that it follows two stripes of the first. */
class LogChainCutTest {
    private static final Policy POLICY = new Policy(2, 1);
    private static final SegmentId FIRST = new SegmentId(0, 1);
    private static final SegmentId SECOND = new SegmentId(0, 2);
    private static final long EPOCH = 3;

    private final Stripe zero = stripe(FIRST, 0, 0, SegmentId.NONE, 0);
    private final Stripe one = stripe(FIRST, 1, zero.endOffset(), SegmentId.NONE, 0);
    private final Stripe next = stripe(SECOND, 0, 0, FIRST, one.endOffset());
    private final LogSegment first = segment(FIRST, 1);
    private final LogSegment second = segment(SECOND, 2);

    LogChainCutTest() throws AshlarException {}

    @Test
    void aStripeThatIsUndecidedBlocksAlsoWhereTheRootLiesBehindIt() {
        List<ShardEvidence> shards = holding(zero, one);
        shards.set(one.shardOfParticipant(0), new ShardEvidence.Unreachable("down"));
        damage(shards, one.shardOfParticipant(1), one.identity().offset());
        LogPosition root = new LogPosition(SECOND, 1, next.endOffset());
        assertThatThrownBy(() -> decide(shards, root))
                .isInstanceOf(AshlarException.Unavailable.class)
                .hasMessageContaining("stripe 1 of segment " + FIRST);
    }

    @Test
    void whatBlocksBehindTheLengthThatTheNextSegmentNamesIsCutOff() throws AshlarException {
        Stripe beyond = stripe(FIRST, 2, one.endOffset(), SegmentId.NONE, 0);
        List<ShardEvidence> shards = holding(zero, one);
        for (int participant = 0; participant < 3; participant++) {
            damage(
                    shards,
                    beyond.shardOfParticipant(participant),
                    beyond.identity().offset());
        }
        Map<LogSegment, TailDecision.Tail> tails = decide(shards, LogPosition.START);
        assertThat(tails.values())
                .extracting(TailDecision.Tail::bytes)
                .containsExactly(one.endOffset(), next.endOffset());
        assertThat(tails.values()).extracting(TailDecision.Tail::stripes).containsExactly(2L, 1L);
    }

    /** Of the second only the middle shard denies its second stripe, and nothing tells the first. */
    @Test
    void whatIsGivenUpIsNotLostBehindAStripeThatWasNeverAcknowledged() throws AshlarException {
        Stripe afterNext = stripe(SECOND, 1, next.endOffset(), FIRST, one.endOffset());
        List<ShardEvidence> shards = holding(afterNext);
        shards.set(0, new ShardEvidence.Unreachable("down"));
        shards.set(1, new ShardEvidence.Answered(Map.of(), List.of()));
        damage(shards, 2, next.identity().offset());
        assertThat(decide(holding(zero), shards, LogPosition.START, Undecided.GIVE_UP)
                        .values())
                .extracting(TailDecision.Tail::bytes)
                .containsExactly(zero.endOffset(), 0L);
    }

    /** Nobody tells how long the first is, but a root lies behind it. */
    @Test
    void whatLiesBeforeARootIsGivenUpOnlyWithNodesThatAreGoneForGood() throws AshlarException {
        List<ShardEvidence> down = holding();
        down.replaceAll(ignored -> new ShardEvidence.Unreachable("down"));
        LogPosition root = new LogPosition(SECOND, 1, next.endOffset());
        OpenOptions givingUp = new OpenOptions("operator").givingUp();
        assertThatThrownBy(() -> decide(down, down, root, givingUp))
                .isInstanceOf(AshlarException.Unavailable.class)
                .hasMessageContaining("refers to it, and its end is not known");
        Set<String> nodes =
                first.shards().stream().map(LogSegment.Shard::node).collect(Collectors.toSet());
        assertThat(decide(down, down, root, givingUp.withoutNodes(nodes)).values())
                .extracting(TailDecision.Tail::bytes)
                .containsExactly(0L, next.endOffset());
        assertThat(decide(down, holding(next), root, givingUp).values())
                .as("as the next one says")
                .extracting(TailDecision.Tail::bytes)
                .containsExactly(one.endOffset(), next.endOffset());
    }

    private Map<LogSegment, TailDecision.Tail> decide(List<ShardEvidence> shards, LogPosition root)
            throws AshlarException {
        return decide(shards, holding(next), root, Undecided.BLOCK);
    }

    private Map<LogSegment, TailDecision.Tail> decide(
            List<ShardEvidence> ofFirst,
            List<ShardEvidence> ofSecond,
            LogPosition root,
            Undecided undecided)
            throws AshlarException {
        return decide(ofFirst, ofSecond, root, new OpenOptions("test", false, undecided));
    }

    private Map<LogSegment, TailDecision.Tail> decide(
            List<ShardEvidence> ofFirst,
            List<ShardEvidence> ofSecond,
            LogPosition root,
            OpenOptions options)
            throws AshlarException {
        Map<LogSegment, List<ShardEvidence>> evidence = new LinkedHashMap<>();
        evidence.put(first, ofFirst);
        evidence.put(second, ofSecond);
        return new LogChain(
                        List.of(first, second),
                        evidence,
                        new RootPositions(root, List.of(root)),
                        options)
                .decide();
    }

    private static Stripe stripe(
            SegmentId segment, long number, long offset, SegmentId before, long beforeBytes) {
        return new Stripe(
                Stripe.Type.DATA,
                new Stripe.Identity(new VolumeId(0, 1), segment, number, offset, EPOCH),
                new Stripe.Links(before, beforeBytes, LogPosition.START, 0),
                new Stripe.Geometry(POLICY, 2, 4096, 4096),
                List.of(),
                new int[0],
                new int[3]);
    }

    private static List<ShardEvidence> holding(Stripe... stripes) {
        List<ShardEvidence> shards = new ArrayList<>();
        for (int shard = 0; shard < POLICY.n(); shard++) {
            Map<Long, CellFormat.Cell> cells = new HashMap<>();
            for (Stripe stripe : stripes) {
                int role = Stripe.roleOf(shard, stripe.identity().number(), POLICY);
                cells.put(stripe.identity().offset(), new CellFormat.Cell(stripe, role, 0));
            }
            shards.add(new ShardEvidence.Answered(cells, List.of()));
        }
        return shards;
    }

    private static void damage(List<ShardEvidence> shards, int shard, long offset) {
        if (shards.get(shard) instanceof ShardEvidence.Answered answered) {
            Map<Long, CellFormat.Cell> cells = new HashMap<>(answered.cells());
            cells.remove(offset);
            shards.set(
                    shard,
                    new ShardEvidence.Answered(
                            cells, List.of(new ShardEvidence.Span(offset, 4096))));
        }
    }

    private static LogSegment segment(SegmentId id, long sequence) throws AshlarException {
        return OpenLogSegments.of(id, sequence, POLICY, EPOCH);
    }
}
