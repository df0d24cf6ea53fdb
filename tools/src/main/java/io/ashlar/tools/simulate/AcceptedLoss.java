package io.ashlar.tools.simulate;

import io.ashlar.client.log.Undecided;
import io.ashlar.client.model.Extent;
import io.ashlar.client.model.SegmentId;
import io.ashlar.client.model.Stripe;
import io.ashlar.client.protocol.Health;
import io.ashlar.client.protocol.Segment;
import io.ashlar.client.protocol.SegmentState;
import io.ashlar.coordinator.record.VolumeRecord;
import io.ashlar.ec.Crc32c;

import java.lang.foreign.MemorySegment;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Collections;
import java.util.Comparator;
import java.util.Deque;
import java.util.List;
import java.util.NavigableMap;
import java.util.Set;
import java.util.TreeMap;
import java.util.TreeSet;
import java.util.function.BooleanSupplier;
import java.util.random.RandomGenerator;

/**
 * What must hold when a writer dies together with so many nodes that the end of its log cannot be
 * known, and an operator gives that up (INV-7): what is read is a prefix of what was written, of
 * which some cannot be read. It holds all that was acknowledged up to the last write that a living
 * node still has a cell of. Where acknowledged writes are missing that is recorded. Nothing of that
 * changes when the nodes are back, but that more can be read: all but what the living could not
 * decode ({@link LossBound}). Of each block that still fails an event says that it is lost, and the
 * status says data loss until it is written anew. Where nothing was under way all becomes fully
 * redundant then and, unless a map with lost blocks was committed meanwhile, can be read again.
 */
final class AcceptedLoss {
    private static final String INVARIANT = "INV-7";
    private static final long WITHIN_NANOS = 180 * WorldSettings.SECOND;
    private static final int MAX_WRITES = 60;
    private static final int MAX_BLOCKS = 24;
    private static final int MAX_EVENTS = 10_000;
    private static final int MAX_LATER_WRITES = 20;

    /** What the dead writer has sent has arrived, or never will, and nobody has taken over yet. */
    private static final long SETTLED_NANOS = 2 * WorldSettings.SECOND;

    private static final long TOLD_WITHIN_NANOS = 900 * WorldSettings.SECOND;

    private final World world;
    private final RandomGenerator random;
    private final Convergence convergence;
    private final VolumeUse volume;

    /** Whether the volume is closed while it is, and a map committed that names what is lost. */
    private final boolean keeps;

    /** Whether more is written behind what was given up. */
    private final boolean goesOn;

    /** Blocks that were, whether that came about or not. */
    private final boolean[] rewritten;

    private long unreadable;
    private long lostWrites;

    AcceptedLoss(World world, Workload workload, RandomGenerator random, Convergence convergence) {
        this.world = world;
        this.random = random;
        this.convergence = convergence;
        this.volume = workload.volumes().get(random.nextInt(workload.volumes().size()));
        this.keeps = random.nextBoolean();
        this.goesOn = random.nextBoolean();
        this.rewritten = new boolean[volume.blockCount()];
    }

    /** Blocks that were given up, or could not be reached. */
    long unreadableBlocks() {
        return unreadable;
    }

    /** Acknowledged writes that were given up. */
    long lostWrites() {
        return lostWrites;
    }

    void demand() {
        SessionModel model = writeAndDie();
        Deque<SimulatedNode> dead = killNodes(model);
        int told = toldOf(model);
        world.note("BEYOND " + told + " writes are told of, " + model.acknowledgedPrefix()
                + " were acknowledged");
        world.schedule().runFor(SETTLED_NANOS);
        LossBound bound = LossBound.take(world, volume);
        long[] found = giveUp(dead, bound);
        unreadable = Arrays.stream(found).filter(stamp -> stamp < 0).count();
        requireExplained(model, found, told);
        dead.forEach(AcceptedLoss::start);
        convergence.awaitNodes();
        boolean quiet = model.acknowledgedCount() == model.issuedCount();
        if (quiet) {
            convergence.awaitRedundancyOfTheRest();
            convergence.demandUndamaged(0, 0);
        } else {
            convergence.awaitRedundancyOrLoss();
        }
        long[] later = readLater(found);
        requireExplained(model, later, told);
        lostWrites = Math.max(0, model.acknowledgedPrefix() - model.survived());
        if (lostWrites > 0) {
            requireRecorded();
        }
        world.note("BEYOND " + bound.count() + " blocks may be lost, "
                + Arrays.stream(later).filter(stamp -> stamp < 0).count() + " cannot be read, "
                + lostBlocks() + " are lost by the newest root");
        requireBounded(later, bound);
        requireTold(later);
        if (quiet && lostBlocks() == 0) {
            requireReadable(later);
        }
        if (goesOn) {
            writeAnew(later);
        }
    }

    /** What was read before has to be the same. */
    private long[] readLater(long[] found) {
        LossyRead read = new LossyRead(world, volume, Undecided.BLOCK, false);
        boolean _ = read.open();
        long[] later = read.readAll();
        if (read.lostBlocks() > 0) {
            convergence.await(
                    "lost blocks to be told",
                    TOLD_WITHIN_NANOS,
                    () -> convergence.tellsLostBlocks(volume) ? "" : "they are not");
        }
        read.leave();
        for (int block = 0; block < found.length; block++) {
            if (found[block] >= 0 && later[block] != found[block]) {
                throw new Violation(
                        INVARIANT,
                        "block " + block + " of " + volume.name() + " was read as write "
                                + found[block] + ", and is " + later[block] + " later");
            }
        }
        return later;
    }

    /** That read as errors by the newest root. */
    private long lostBlocks() {
        VolumeRecord record = world.metadata().volume(volume.name());
        int roots = record == null ? 0 : record.getRootsCount();
        return record == null || roots == 0 ? 0 : record.getRoots(roots - 1).getLostBlocks();
    }

    private void requireBounded(long lost, LossBound bound) {
        if (lost > bound.count()) {
            throw new Violation(
                    INVARIANT,
                    lost + " blocks of " + volume.name() + " are said to be lost, and those who"
                            + " live can tell what all but " + bound.count() + " hold");
        }
    }

    private void requireBounded(long[] later, LossBound bound) {
        for (int block = 0; block < later.length; block++) {
            if (later[block] == LossyRead.UNREADABLE
                    && !bound.mayBeLost(block)
                    && !rewritten[block]) {
                throw new Violation(
                        INVARIANT,
                        "block " + block + " of " + volume.name() + " cannot be read, although"
                                + " those who lived could tell what it holds");
            }
        }
    }

    private void requireTold(long[] later) {
        LossEvents events = LossEvents.of(world, volume);
        for (int block = 0; block < later.length; block++) {
            if (later[block] == LossyRead.UNREADABLE && !rewritten[block] && !events.tell(block)) {
                throw new Violation(
                        INVARIANT,
                        "block " + block + " of " + volume.name() + " cannot be read, and no event"
                                + " says that it is lost");
            }
        }
        if (Arrays.stream(later).anyMatch(stamp -> stamp == LossyRead.UNREADABLE)) {
            convergence.await(
                    "the loss to be told",
                    TOLD_WITHIN_NANOS,
                    () -> convergence.health() == Health.DATA_LOSS ? "" : "it is not");
        }
    }

    /** What was lost and is written again is there, and lost no more. */
    private void writeAnew(long[] stamps) {
        long[] expected = stamps.clone();
        LossyRead write = new LossyRead(world, volume, Undecided.BLOCK, false);
        boolean _ = write.open();
        for (int block = 0; block < expected.length; block++) {
            if (expected[block] == LossyRead.UNREADABLE) {
                expected[block] = volume.newStamp();
                if (!write.write(block, expected[block])) {
                    throw new Violation("liveness", "a lost block cannot be written anew");
                }
            }
        }
        write.close();
        convergence.await(
                "lost blocks to be told of no more",
                TOLD_WITHIN_NANOS,
                () -> convergence.tellsLostBlocks(volume) ? "they are" : "");
        LossyRead read = new LossyRead(world, volume, Undecided.BLOCK, false);
        boolean _ = read.open();
        long[] found = read.readAll();
        read.close();
        if (!Arrays.equals(found, expected)) {
            throw new Violation(
                    INVARIANT,
                    volume.name() + " was to hold " + Arrays.toString(expected) + ", and holds "
                            + Arrays.toString(found));
        }
    }

    private void requireExplained(SessionModel model, long[] found, int told) {
        long[] stamps = found.clone();
        for (int block = 0; block < stamps.length; block++) {
            stamps[block] = rewritten[block] ? LossyRead.UNREADABLE : stamps[block];
        }
        if (!model.surviveAs(stamps, told)) {
            throw new Violation(
                    INVARIANT,
                    "no prefix of the writes to " + volume.name() + " with the " + told
                            + " that living nodes tell of explains what it holds: "
                            + model.firstWrong(told, stamps));
        }
    }

    /** Some of what was written last is still under way. */
    private SessionModel writeAndDie() {
        volume.open(true);
        convergence.await(
                "the opening of " + volume.name(),
                WITHIN_NANOS,
                () -> volume.current() == null ? "it is not open" : "");
        WriterSession writer = volume.current();
        if (writer == null) {
            throw new IllegalStateException("it has just been opened");
        }
        SessionModel model = writer.requireModel();
        int writes = 1 + random.nextInt(MAX_WRITES);
        int awaited = random.nextInt(writes + 1);
        for (int i = 0; i < writes; i++) {
            requireProgress(() -> writer.inFlight() < world.settings().depth());
            int blocks = 1 + random.nextInt(random.nextBoolean() ? 2 : MAX_BLOCKS);
            int first = random.nextInt(volume.blockCount());
            writer.write(first, Math.min(blocks, volume.blockCount() - first), volume.newStamp());
            if (random.nextInt(3) == 0) {
                world.schedule().runFor(random.nextLong(WorldSettings.SECOND / 100));
            }
        }
        requireProgress(() -> model.acknowledgedCount() >= awaited);
        world.note("BEYOND the writer of " + volume.name() + " dies");
        writer.client().process().kill();
        volume.lost();
        return model;
    }

    private void requireProgress(BooleanSupplier made) {
        if (!world.schedule().runUntil(made, WITHIN_NANOS)) {
            throw new Violation("liveness", volume.name() + " cannot be written");
        }
    }

    /** Any number, but not all; or those that hold one stripe. */
    private Deque<SimulatedNode> killNodes(SessionModel model) {
        List<SimulatedNode> nodes = new ArrayList<>(world.nodes());
        Collections.shuffle(nodes, random);
        List<SimulatedNode> some = nodes.subList(0, 1 + random.nextInt(nodes.size() - 1));
        List<SimulatedNode> holders = random.nextBoolean() ? holdersOfOne(model) : List.of();
        boolean chosen = !holders.isEmpty() && holders.size() < nodes.size();
        Deque<SimulatedNode> dead = new ArrayDeque<>(chosen ? holders : some);
        world.note("BEYOND dead are " + dead.stream().map(SimulatedNode::name).toList());
        dead.forEach(SimulatedNode::kill);
        return dead;
    }

    /** Those that hold a stripe: the last that was acknowledged, or any. */
    private List<SimulatedNode> holdersOfOne(SessionModel model) {
        NavigableMap<Integer, List<SimulatedNode>> holders = new TreeMap<>();
        for (SimulatedNode node : world.nodes()) {
            for (int told : toldBy(model, node)) {
                holders.computeIfAbsent(told, ignored -> new ArrayList<>()).add(node);
            }
        }
        List<List<SimulatedNode>> stripes = List.copyOf(holders.values());
        if (stripes.isEmpty()) {
            return List.of();
        }
        int any = random.nextInt(stripes.size());
        return stripes.get(random.nextBoolean() ? any : stripes.size() - 1);
    }

    /** How many acknowledged writes there are up to the last one that a living node has a cell of. */
    private int toldOf(SessionModel model) {
        return world.nodes().stream()
                .filter(SimulatedNode::isUp)
                .flatMap(node -> toldBy(model, node).stream())
                .max(Comparator.naturalOrder())
                .orElse(0);
    }

    /** The same of each of a node's cells. */
    private Set<Integer> toldBy(SessionModel model, SimulatedNode node) {
        Set<Integer> told = new TreeSet<>();
        for (SimulatedDrive drive : node.drives()) {
            for (FoundRecord record : FoundRecord.on(drive)) {
                if (isOpen(record) && record.isWhole() && record.isSynced()) {
                    told.add(toldOf(model, record.stripe()));
                }
            }
        }
        told.remove(0);
        return told;
    }

    private boolean isOpen(FoundRecord record) {
        Segment segment = world.metadata().segment(record.segment());
        return segment != null
                && segment.getState() == SegmentState.OPEN
                && segment.getVolume().equals(volume.id().toProto())
                && SegmentId.of(segment.getId()).equals(record.segment())
                && segment.getEpoch() == record.stripe().identity().epoch();
    }

    /** Each of a stripe's cells has the checksums of all. */
    private int toldOf(SessionModel model, Stripe stripe) {
        int perCell = stripe.geometry().piecesPerCell();
        int told = 0;
        for (Extent extent : stripe.extents()) {
            for (int i = 0; extent.kind() == Extent.Kind.DATA && i < extent.blockCount(); i++) {
                int piece = extent.startBytes() / Stripe.PIECE_BYTES + i;
                int crc = stripe.pieceCrc(piece / perCell, piece % perCell);
                int block = (int) extent.firstBlock() + i;
                told = Math.max(
                        told, model.acknowledgedPrefix(block, stamp -> crcOf(block, stamp) == crc));
            }
        }
        return told;
    }

    private int crcOf(int block, long stamp) {
        MemorySegment bytes =
                MemorySegment.ofBuffer(Content.fill(volume.number(), block, 1, stamp));
        return Crc32c.of(bytes, 0, Content.BLOCK_BYTES);
    }

    /** Where not even the map can be read, more nodes are needed. */
    private long[] giveUp(Deque<SimulatedNode> dead, LossBound bound) {
        while (true) {
            LossyRead read = new LossyRead(world, volume, Undecided.GIVE_UP, !dead.isEmpty());
            if (read.open()) {
                requireBounded(read.lostBlocks(), bound);
                long[] stamps = read.readAll();
                if (goesOn) {
                    writeMore(read, stamps);
                }
                if (keeps) {
                    read.close();
                }
                read.leave();
                return stamps;
            }
            start(dead.pop());
        }
    }

    /** So few nodes may live that nothing can be written. */
    private void writeMore(LossyRead write, long[] stamps) {
        int writes = random.nextInt(MAX_LATER_WRITES);
        boolean written = true;
        for (int i = 0; i < writes && written; i++) {
            int block = random.nextInt(stamps.length);
            long stamp = volume.newStamp();
            written = write.write(block, stamp);
            rewritten[block] = true;
            stamps[block] = written ? stamp : LossyRead.UNREADABLE;
        }
    }

    private static void start(SimulatedNode node) {
        if (!node.start()) {
            throw new Violation("liveness", node.name() + " does not start anew");
        }
    }

    /** What was acknowledged is whole once the nodes are back, and all before it was. */
    private void requireReadable(long[] stamps) {
        for (int block = 0; block < stamps.length; block++) {
            if (stamps[block] == LossyRead.UNREADABLE) {
                throw new Violation(
                        INVARIANT,
                        "block " + block + " of " + volume.name() + " cannot be read, although no"
                                + " write was under way and all nodes are back");
            }
        }
    }

    private void requireRecorded() {
        boolean recorded = world.metadata().events(0, MAX_EVENTS).stream()
                .anyMatch(event -> event.getSubject().equals("volume " + volume.name())
                        && event.getText().contains("given up"));
        if (!recorded) {
            throw new Violation(
                    INVARIANT,
                    "of " + volume.name() + " acknowledged writes are gone, and no event says that"
                            + " anything was given up");
        }
    }
}
