package io.ashlar.client.log;

import io.ashlar.client.AshlarException;
import io.ashlar.client.OpenOptions;
import io.ashlar.client.format.CellFormat;
import io.ashlar.client.model.LogPosition;
import io.ashlar.client.model.SegmentId;
import io.ashlar.client.model.Stripe;

import org.jspecify.annotations.Nullable;

import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.stream.Collectors;

/**
 * Decides the open segments of a log together. A segment with kept stripes counts only if every
 * earlier one reaches the length that its records name; an earlier open one is then sealed at
 * exactly that length, and open ones in between at 0. Otherwise it and all later ones are sealed at
 * 0.
 */
final class LogChain {
    private final List<LogSegment> segments;
    private final Map<LogSegment, List<ShardEvidence>> evidence;
    private final RootPositions roots;
    private final OpenOptions options;
    private final Map<SegmentId, LogSegment> byId = new LinkedHashMap<>();

    /**
     * @param segments the volume's, in log order
     * @param evidence of every shard of the open ones
     * @param roots what the volume's roots tell of its log
     * @param options what an operator gives up
     */
    LogChain(
            List<LogSegment> segments,
            Map<LogSegment, List<ShardEvidence>> evidence,
            RootPositions roots,
            OpenOptions options) {
        this.segments = segments;
        this.evidence = evidence;
        this.roots = roots;
        this.options = options;
        segments.forEach(segment -> byId.put(segment.id(), segment));
    }

    /**
     * The tail of every open segment. Unavailable where one cannot be decided, or where no node of it
     * has been fenced, unless an operator has given that up.
     */
    Map<LogSegment, TailDecision.Tail> decide() throws AshlarException.Unavailable {
        Map<SegmentId, LogPosition> marks = marks();
        Map<SegmentId, Long> followed = followed();
        Map<LogSegment, TailDecision.Tail> tails = new LinkedHashMap<>();
        boolean broken = false;
        List<LogSegment> open =
                segments.stream().filter(segment -> !segment.isSealed()).toList();
        for (LogSegment segment : open) {
            LogPosition mark = marks.getOrDefault(segment.id(), LogPosition.START);
            TailDecision.Tail tail = TailDecision.decide(
                    segment,
                    evidenceOf(segment),
                    new TailDecision.Told(
                            mark.bytes(), mark.stripes(), followed.getOrDefault(segment.id(), 0L)),
                    options.undecided());
            Stripe.Links links = broken || tail.verdicts().isEmpty() ? null : linksOf(segment);
            if (links != null && !follows(segment, links, tails)) {
                broken = true;
            }
            if (broken) {
                tail = EMPTY;
            } else if (links != null) {
                cutBefore(segment, links, tails);
            }
            tails.put(segment, tail);
        }
        if (options.undecided() == Undecided.BLOCK) {
            for (LogSegment segment : open) {
                requireFenced(segment);
            }
            requireDecided(tails);
        } else {
            requireWhatRootsNeed(tails);
        }
        return tails;
    }

    /**
     * All of a segment that lies before the end of a root was acknowledged, and a map refers to it: how
     * long it is may not be known, but it is not given up while a node may come back that knows.
     */
    private void requireWhatRootsNeed(Map<LogSegment, TailDecision.Tail> tails)
            throws AshlarException.Unavailable {
        long rootSequence = roots.acknowledged().stream()
                .map(position -> byId.get(position.segment()))
                .filter(Objects::nonNull)
                .mapToLong(LogSegment::sequence)
                .max()
                .orElse(0);
        for (Map.Entry<LogSegment, TailDecision.Tail> entry : tails.entrySet()) {
            LogSegment segment = entry.getKey();
            String blocked = entry.getValue().blocked();
            if (blocked != null && segment.sequence() < rootSequence && mayComeBack(segment)) {
                throw AshlarException.Unavailable.blocked("the volume's map lies behind " + segment
                        + " and refers to it, and its end is not known: " + blocked
                        + ": start these nodes again; or, where they will never come back, say so"
                        + " (ashlar volume recover NAME --accept-loss --gone NODE,...)");
            }
        }
    }

    /** Whether a node that does not answer now, and has a shard of it, may be there again. */
    private boolean mayComeBack(LogSegment segment) {
        List<ShardEvidence> shards = evidenceOf(segment);
        for (LogSegment.Shard shard : segment.shards()) {
            boolean silent = shards.get(shard.index()) instanceof ShardEvidence.Unreachable;
            if (silent && !options.goneNodes().contains(shard.node())) {
                return true;
            }
        }
        return false;
    }

    /**
     * Also where nothing of a segment is kept, its writer has to learn that it is fenced from one of
     * its nodes at least: it goes on serving reads while all of them say that it is not.
     */
    private void requireFenced(LogSegment segment) throws AshlarException.Unavailable {
        List<ShardEvidence> shards = evidenceOf(segment);
        if (isUnfenced(shards)) {
            throw new AshlarException.Unavailable(
                    "the volume's last writer cannot be fenced yet: no node of " + segment
                            + " answers (" + reasons(shards) + "): start one of these nodes"
                            + " again; or, where none will come back, make sure that the writer"
                            + " does not run any more, and give up on record what it may have"
                            + " written there (ashlar volume recover NAME --accept-loss)");
        }
    }

    private static String reasons(List<ShardEvidence> unreachable) {
        return unreachable.stream()
                .map(ShardEvidence.Unreachable.class::cast)
                .map(ShardEvidence.Unreachable::reason)
                .distinct()
                .collect(Collectors.joining("; "));
    }

    /** Whether no node of a segment has answered under the fence. */
    static boolean isUnfenced(List<ShardEvidence> shards) {
        return shards.stream().allMatch(ShardEvidence.Unreachable.class::isInstance);
    }

    private static void requireDecided(Map<LogSegment, TailDecision.Tail> tails)
            throws AshlarException.Unavailable {
        for (TailDecision.Tail tail : tails.values()) {
            if (tail.blocked() != null) {
                throw AshlarException.Unavailable.blocked(
                        "the volume's last writes cannot be recovered yet: " + tail.blocked()
                                + ": start these nodes again, or give the writes up on record"
                                + " (ashlar volume recover NAME --accept-loss)");
            }
        }
    }

    private static final TailDecision.Tail EMPTY = new TailDecision.Tail(List.of(), 0, 0, null);

    private List<ShardEvidence> evidenceOf(LogSegment segment) {
        List<ShardEvidence> shards = evidence.get(segment);
        if (shards == null) {
            throw new IllegalStateException(segment + " is decided without evidence");
        }
        return shards;
    }

    /**
     * The length of each segment below which all is known to be acknowledged: the highest position
     * that any cell or a root names, and before it the lengths at which the segments up to
     * there follow each other, of which no number of stripes is told.
     */
    private Map<SegmentId, LogPosition> marks() {
        Map<SegmentId, LogPosition> marks = new LinkedHashMap<>();
        roots.acknowledged().forEach(position -> mark(marks, position));
        for (List<ShardEvidence> shards : evidence.values()) {
            for (ShardEvidence shard : shards) {
                if (shard instanceof ShardEvidence.Answered answered) {
                    for (CellFormat.Cell cell : answered.cells().values()) {
                        mark(marks, cell.stripe().links().acknowledged());
                    }
                }
            }
        }
        LogSegment highest = null;
        for (LogSegment segment : segments) {
            highest = marks.containsKey(segment.id()) ? segment : highest;
        }
        LogSegment at = highest;
        while (at != null) {
            Stripe.Links links = linksOf(at);
            at = links == null ? null : byId.get(links.predecessor());
            if (at != null && links != null) {
                mark(marks, new LogPosition(at.id(), 0, links.predecessorBytes()));
            }
        }
        return marks;
    }

    private static void mark(Map<SegmentId, LogPosition> marks, LogPosition acknowledged) {
        if (acknowledged.bytes() > 0) {
            marks.merge(acknowledged.segment(), acknowledged, LogChain::longer);
        }
    }

    private static LogPosition longer(LogPosition one, LogPosition other) {
        return one.bytes() >= other.bytes() ? one : other;
    }

    /**
     * The length of each segment at which another says that it follows, acknowledged or not: the
     * writer placed so much in it, and nothing more.
     */
    private Map<SegmentId, Long> followed() {
        Map<SegmentId, Long> followed = new LinkedHashMap<>();
        for (LogSegment segment : evidence.keySet()) {
            Stripe.Links links = linksOf(segment);
            if (links != null) {
                followed.merge(links.predecessor(), links.predecessorBytes(), Math::max);
            }
        }
        return followed;
    }

    /** What the records of an open segment say of the log before it. */
    private Stripe.@Nullable Links linksOf(LogSegment segment) {
        for (ShardEvidence shard : evidence.getOrDefault(segment, List.of())) {
            if (shard instanceof ShardEvidence.Answered answered) {
                for (CellFormat.Cell cell : answered.cells().values()) {
                    Stripe.Identity identity = cell.stripe().identity();
                    if (identity.segment().equals(segment.id())
                            && identity.epoch() == segment.epoch()) {
                        return cell.stripe().links();
                    }
                }
            }
        }
        return null;
    }

    /** What the root is replayed behind was acknowledged, and may have been freed since. */
    private boolean follows(
            LogSegment segment, Stripe.Links links, Map<LogSegment, TailDecision.Tail> tails) {
        LogSegment replayed = byId.get(roots.replayedFrom().segment());
        if (replayed != null && segment.sequence() <= replayed.sequence()) {
            return true;
        }
        if (links.predecessor().equals(SegmentId.NONE)) {
            return true;
        }
        LogSegment predecessor = byId.get(links.predecessor());
        if (predecessor == null) {
            return false;
        }
        TailDecision.Tail tail = tails.get(predecessor);
        long reached = tail != null ? tail.bytes() : predecessor.sealedBytes();
        return reached >= links.predecessorBytes();
    }

    /** Cuts the open segments before this one to what its records say of them. */
    private void cutBefore(
            LogSegment segment, Stripe.Links links, Map<LogSegment, TailDecision.Tail> tails) {
        LogSegment predecessor = byId.get(links.predecessor());
        for (Map.Entry<LogSegment, TailDecision.Tail> entry : tails.entrySet()) {
            LogSegment earlier = entry.getKey();
            if (earlier.equals(predecessor)) {
                entry.setValue(cut(entry.getValue(), links.predecessorBytes()));
            } else if (predecessor == null || earlier.sequence() > predecessor.sequence()) {
                entry.setValue(EMPTY);
            }
        }
        if (predecessor != null && predecessor.sequence() >= segment.sequence()) {
            throw new IllegalStateException(segment + " follows a later one, " + predecessor);
        }
    }

    /**
     * A tail without the stripes that begin at or beyond a length. Where it was blocked only there,
     * what follows proves that nothing was; where it does not reach that far, it stays as it is, as
     * what follows says nothing of the stripes that are undecided below.
     */
    private static TailDecision.Tail cut(TailDecision.Tail tail, long lengthBytes) {
        if (tail.bytes() < lengthBytes) {
            return tail;
        }
        List<TailDecision.Verdict> kept = new ArrayList<>();
        long stripes = 0;
        for (TailDecision.Verdict verdict : tail.verdicts()) {
            if (verdict.offset() >= lengthBytes) {
                break;
            }
            kept.add(verdict);
            stripes +=
                    verdict instanceof TailDecision.Verdict.LostRange range ? range.stripes() : 1;
        }
        return new TailDecision.Tail(kept, lengthBytes, stripes, null);
    }
}
