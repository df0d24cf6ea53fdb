package io.ashlar.client.log;

import io.ashlar.client.AshlarException;
import io.ashlar.client.OpenOptions;
import io.ashlar.client.cluster.Cluster;
import io.ashlar.client.format.CellFormat;
import io.ashlar.client.model.Stripe;
import io.ashlar.client.protocol.AppendCell;
import io.ashlar.client.protocol.Request;
import io.ashlar.client.protocol.SealSegments;
import io.ashlar.client.protocol.SegmentSeal;
import io.ashlar.client.protocol.ShardSeal;
import io.ashlar.client.stripe.StripeReader;
import io.ashlar.client.stripe.StripeRef;
import io.ashlar.client.transport.Buffer;

import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

import java.time.Duration;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.concurrent.CompletableFuture;
import java.util.function.Function;

/**
 * Takes over the open segments that a writer left (DESIGN section 7), once the volume's epoch is
 * raised: fences every shard, decides stripe by stripe what is in the log, makes what is kept
 * durable on every shard that answers, and seals it all in one command that is conditional on the
 * epoch. Nothing is decided on what an unfenced shard said. Where it cannot be decided it fails,
 * unavailable, and says why; nothing is changed by then but fences and rewritten cells.
 *
 * <p>Where an operator gives up what is undecided, a segment of which no node answers is sealed too.
 * Its former writer cannot learn of its fate there, so a whole lease is waited for, by when nothing
 * is read any more on the coordinator's word, and its nodes are asked again. Only a writer that
 * reaches all nodes of that segment, and no coordinator, goes on by then until they are reached: with
 * reading, and with acknowledging what is lost. That is part of what is given up.
 *
 * <p>Lives on the cluster's loop.
 */
final class Takeover {
    private static final Logger LOG = LoggerFactory.getLogger(Takeover.class);

    private static final int MAX_ROUNDS = 16;

    private final Cluster cluster;
    private final WriterIdentity writer;
    private final List<LogSegment> segments;
    private final RootPositions roots;
    private final OpenOptions options;
    private final Duration lease;
    private final StripeReader reader;
    private final Map<LogSegment, List<ShardEvidence>> evidence = new LinkedHashMap<>();

    /**
     * @param segments the volume's, in log order
     * @param roots what the volume's roots tell of its log
     * @param options what an operator gives up
     * @param lease how long one lasts
     * @param reader whose reads carry the epoch
     */
    Takeover(
            Cluster cluster,
            WriterIdentity writer,
            List<LogSegment> segments,
            RootPositions roots,
            OpenOptions options,
            Duration lease,
            StripeReader reader) {
        this.cluster = cluster;
        this.writer = writer;
        this.segments = List.copyOf(segments);
        this.roots = roots;
        this.options = options;
        this.lease = lease;
        this.reader = reader;
    }

    /** Does it; the tails are those of the segments that were open, which are sealed then. */
    CompletableFuture<Map<LogSegment, TailDecision.Tail>> run() {
        List<LogSegment> open =
                segments.stream().filter(segment -> !segment.isSealed()).toList();
        if (open.isEmpty()) {
            return CompletableFuture.completedFuture(Map.of());
        }
        LOG.info(
                "event=takeover volume={} epoch={} openSegments={}",
                writer.name(),
                writer.epoch(),
                open.size());
        return forEach(open, this::fence)
                .thenCompose(ignored -> waitOutUnfenced(open))
                .thenCompose(ignored -> decideAndRewrite(open, 1));
    }

    private CompletableFuture<Void> fence(LogSegment segment) {
        List<CompletableFuture<ShardEvidence>> readings = segment.shards().stream()
                .map(shard -> EvidenceReader.underFence(cluster, segment, shard, writer.epoch()))
                .toList();
        return CompletableFuture.allOf(readings.toArray(CompletableFuture[]::new))
                .thenRun(() -> evidence.put(
                        segment,
                        new ArrayList<>(
                                readings.stream().map(CompletableFuture::join).toList())));
    }

    /** Counted from now, after the epoch was raised: no lease of the former writer's lasts longer. */
    private CompletableFuture<Void> waitOutUnfenced(List<LogSegment> open) {
        List<LogSegment> unfenced = open.stream()
                .filter(segment -> LogChain.isUnfenced(evidenceOf(segment)))
                .toList();
        if (options.undecided() == Undecided.BLOCK || unfenced.isEmpty()) {
            return CompletableFuture.completedFuture(null);
        }
        LOG.warn(
                "event=unfenced volume={} epoch={} segments={} waitMillis={}",
                writer.name(),
                writer.epoch(),
                unfenced,
                lease.toMillis());
        CompletableFuture<Void> lapsed = new CompletableFuture<>();
        cluster.loop().schedule(lease.toNanos(), () -> lapsed.complete(null));
        return lapsed.thenCompose(ignored -> forEach(unfenced, this::fence));
    }

    /**
     * Decided again whenever what it was decided on has changed: a shard did not take a rewritten
     * cell, and its cells are unknown then; or a cell could not be decoded any more from those that
     * were found, and they are looked at anew.
     */
    private CompletableFuture<Map<LogSegment, TailDecision.Tail>> decideAndRewrite(
            List<LogSegment> open, int round) {
        Map<LogSegment, TailDecision.Tail> tails;
        try {
            if (round > MAX_ROUNDS) {
                throw new AshlarException.Unavailable("the cells of volume " + writer.name()
                        + " came and went during " + MAX_ROUNDS + " rounds of its recovery");
            }
            tails = new LogChain(segments, evidence, roots, options).decide();
        } catch (AshlarException e) {
            return CompletableFuture.failedFuture(e);
        }
        return rewriteAll(open, tails)
                .thenCompose(done -> done
                        ? seal(open, tails).thenApply(ignored -> tails)
                        : decideAndRewrite(open, round + 1));
    }

    private CompletableFuture<Boolean> rewriteAll(
            List<LogSegment> open, Map<LogSegment, TailDecision.Tail> tails) {
        List<Rewrite> rewrites = new ArrayList<>();
        for (LogSegment segment : open) {
            for (TailDecision.Verdict verdict : tailOf(segment, tails).verdicts()) {
                if (verdict instanceof TailDecision.Verdict.Kept kept) {
                    addMissing(segment, kept, rewrites);
                }
            }
        }
        return rewriteFrom(rewrites, 0);
    }

    private record Rewrite(LogSegment segment, Stripe stripe, int participant) {
        int shard() {
            return stripe.shardOfParticipant(participant);
        }
    }

    private void addMissing(
            LogSegment segment, TailDecision.Verdict.Kept kept, List<Rewrite> rewrites) {
        for (int i = 0; i < kept.stripe().geometry().participants(); i++) {
            boolean holds = (kept.holders() & 1L << i) != 0;
            int shard = kept.stripe().shardOfParticipant(i);
            if (!holds && evidenceOf(segment).get(shard) instanceof ShardEvidence.Answered) {
                rewrites.add(new Rewrite(segment, kept.stripe(), i));
            }
        }
    }

    /** One after another; tells whether all were made, or else it is to be decided again. */
    private CompletableFuture<Boolean> rewriteFrom(List<Rewrite> rewrites, int index) {
        if (index == rewrites.size()) {
            return CompletableFuture.completedFuture(true);
        }
        return rewrite(rewrites.get(index))
                .thenCompose(done -> done
                        ? rewriteFrom(rewrites, index + 1)
                        : CompletableFuture.completedFuture(false));
    }

    /** Decodes a missing cell and appends it: its identity is the old one, its authority ours. */
    private CompletableFuture<Boolean> rewrite(Rewrite rewrite) {
        return recover(rewrite)
                .thenCompose(cell -> append(rewrite, cell))
                .exceptionallyCompose(failure -> {
                    AshlarException cause = AshlarException.in(failure);
                    if (cause instanceof AshlarException.Fenced) {
                        return CompletableFuture.failedFuture(cause);
                    }
                    LOG.warn(
                            "event=sources-changed stripe=\"{}\" reason=\"{}\"",
                            rewrite.stripe,
                            cause.getMessage());
                    return fence(rewrite.segment).thenApply(ignored -> false);
                });
    }

    private CompletableFuture<Boolean> append(Rewrite rewrite, Buffer cell) {
        Stripe stripe = rewrite.stripe;
        LogSegment.Shard shard = rewrite.segment.shard(rewrite.shard());
        Buffer header = Buffer.allocate(stripe.geometry().headerBytes());
        CellFormat.write(stripe, stripe.geometry().roleOf(rewrite.participant), header.segment());
        AppendCell append = AppendCell.newBuilder()
                .setShard(shard.ref())
                .setOffset(stripe.identity().offset())
                .setEpoch(writer.epoch())
                .setRecovery(true)
                .build();
        return cluster.transport()
                .ask(
                        cluster.loop(),
                        shard.address().orElseThrow(),
                        Request.newBuilder().setAppendCell(append).build(),
                        List.of(header, cell),
                        cluster.config().recoveryTimeout().toNanos())
                .thenApply(answer -> {
                    answer.bulk().release();
                    LOG.info(
                            "event=cell-rewritten stripe=\"{}\" shard={} node={}",
                            stripe,
                            rewrite.shard(),
                            shard.node());
                    return true;
                })
                .exceptionallyCompose(failure -> notTaken(rewrite, AshlarException.in(failure)));
    }

    private CompletableFuture<Boolean> notTaken(Rewrite rewrite, AshlarException cause) {
        if (cause instanceof AshlarException.Fenced) {
            return CompletableFuture.failedFuture(cause);
        }
        evidenceOf(rewrite.segment)
                .set(
                        rewrite.shard(),
                        new ShardEvidence.Unreachable(
                                "rewriting a cell failed: " + cause.getMessage()));
        return CompletableFuture.completedFuture(false);
    }

    private CompletableFuture<Buffer> recover(Rewrite rewrite) {
        if (rewrite.stripe.geometry().cellBytes() == 0) {
            return CompletableFuture.completedFuture(Buffer.empty());
        }
        StripeRef ref = StripeRef.of(rewrite.segment, rewrite.stripe);
        return reader.rebuildCell(ref, rewrite.participant).thenCompose(decoded -> {
            if (decoded.stripe().sameAs(rewrite.stripe)) {
                return CompletableFuture.completedFuture(decoded.cell());
            }
            decoded.cell().release();
            return CompletableFuture.failedFuture(new AshlarException.Corrupt(
                    "the cells of " + ref + " are not those that were decided on"));
        });
    }

    private CompletableFuture<Void> seal(
            List<LogSegment> open, Map<LogSegment, TailDecision.Tail> tails) {
        SealSegments.Builder command = SealSegments.newBuilder()
                .setRequestId(cluster.newRequestId())
                .setVolume(writer.volume().toProto())
                .setEpoch(writer.epoch());
        for (LogSegment segment : open) {
            command.addSeals(sealOf(segment, tailOf(segment, tails)));
        }
        return cluster.coordinator()
                .call(
                        Request.newBuilder().setSealSegments(command).build(),
                        cluster.config().coordinatorTimeout().toNanos())
                .thenAccept(ignored -> {
                    for (LogSegment segment : open) {
                        TailDecision.Tail tail = tailOf(segment, tails);
                        segment.sealed(tail.bytes(), tail.stripes());
                        LOG.info(
                                "event=segment-taken-over volume={} segment={} stripes={} bytes={}",
                                writer.name(),
                                segment.id(),
                                tail.stripes(),
                                tail.bytes());
                    }
                });
    }

    /**
     * A shard is proved complete if it answered and holds, or was given, every kept cell of its.
     * Where nothing tells how many stripes a lost range had, no count of cells is given.
     */
    private SegmentSeal sealOf(LogSegment segment, TailDecision.Tail tail) {
        int[] cells = new int[segment.policy().n()];
        LostList lost = new LostList();
        boolean counted = true;
        for (TailDecision.Verdict verdict : tail.verdicts()) {
            switch (verdict) {
                case TailDecision.Verdict.Kept kept -> count(kept.stripe(), cells);
                case TailDecision.Verdict.Lost one -> {
                    count(one.stripe(), cells);
                    lost.add(one.stripe(), one.reason());
                }
                case TailDecision.Verdict.LostRange range -> {
                    add(range, tail.bytes(), lost);
                    counted = false;
                }
            }
        }
        SegmentSeal.Builder seal = SegmentSeal.newBuilder()
                .setSegment(segment.id().toProto())
                .setSealedBytes(tail.bytes())
                .setStripeCount(tail.stripes())
                .setGivenUp(tail.blocked() == null ? "" : tail.blocked())
                .addAllLost(lost.entries());
        for (int shard = 0; shard < cells.length; shard++) {
            boolean answered = evidenceOf(segment).get(shard) instanceof ShardEvidence.Answered;
            seal.addShards(ShardSeal.newBuilder()
                    .setCells(counted ? cells[shard] : 0)
                    .setComplete(answered && seal.getLostCount() == 0));
        }
        return seal.build();
    }

    /** The tail may have been cut within the range. */
    private static void add(TailDecision.Verdict.LostRange range, long tailBytes, LostList lost) {
        lost.add(
                range.first(),
                range.counted() ? range.stripes() : 0,
                range.offset(),
                Math.min(range.offset() + range.lengthBytes(), tailBytes),
                range.reason());
    }

    private static void count(Stripe stripe, int[] cells) {
        for (int i = 0; i < stripe.geometry().participants(); i++) {
            cells[stripe.shardOfParticipant(i)]++;
        }
    }

    private List<ShardEvidence> evidenceOf(LogSegment segment) {
        return Objects.requireNonNull(evidence.get(segment), "evidence was read");
    }

    private static TailDecision.Tail tailOf(
            LogSegment segment, Map<LogSegment, TailDecision.Tail> tails) {
        return Objects.requireNonNull(tails.get(segment), "tail was decided");
    }

    /** One after another. */
    private static <T> CompletableFuture<Void> forEach(
            List<T> items, Function<T, CompletableFuture<Void>> action) {
        CompletableFuture<Void> all = CompletableFuture.completedFuture(null);
        for (T item : items) {
            all = all.thenCompose(ignored -> action.apply(item));
        }
        return all;
    }
}
