package io.ashlar.tools.simulate;

import io.ashlar.client.model.SegmentId;
import io.ashlar.client.model.VolumeId;
import io.ashlar.client.protocol.Request;
import io.ashlar.client.protocol.SealSegments;
import io.ashlar.client.protocol.Segment;
import io.ashlar.coordinator.record.VolumeRecord;

import org.jspecify.annotations.Nullable;

import java.util.ArrayList;
import java.util.Collections;
import java.util.Comparator;
import java.util.List;
import java.util.random.RandomGenerator;

/**
 * So many nodes die together with a writer, whose volume is taken over at once, that nobody can know
 * of its last stripes what was acknowledged: most nodes, or just those that hold the last stripe, or
 * those that hold the first one of a new writer, as soon as it is acknowledged: if that was a short
 * one, those who are left have nothing to tell. Or those that hold the end of a segment whose seal is
 * on its way, when the log has gone on behind it for a while, or even a root was committed behind it.
 * At times one of the dead comes back without its arena, or one lives on whose record rots.
 */
final class DarkTakeover {
    private static final Comparator<FoundRecord> BY_PLACE =
            Comparator.comparingLong(record -> record.stripe().endOffset());
    private static final int TRIES = 20;
    private static final long LOOK_NANOS = 500_000;

    /** As it looks at all drives. */
    private static final long SCAN_NANOS = 25_000_000L;

    private static final long SOON_NANOS = 300_000_000L;
    private static final long PATIENCE_NANOS = 30_000_000_000L;
    private static final long SEAL_LATE_NANOS = 20_000_000_000L;
    private static final long GOES_ON_NANOS = 3_000_000_000L;

    private final World world;
    private final RandomGenerator random;
    private final Account account;
    private final WriterFaults writers;
    private final DriveFaults drives;

    DarkTakeover(
            World world,
            RandomGenerator random,
            Account account,
            WriterFaults writers,
            DriveFaults drives) {
        this.world = world;
        this.random = random;
        this.account = account;
        this.writers = writers;
        this.drives = drives;
    }

    /** False where that cannot be now. */
    boolean inject() {
        VolumeUse volume = writers.volume();
        return switch (random.nextInt(4)) {
            case 0 -> strike(FaultKind.TAKEOVER_IN_THE_DARK, volume, most());
            case 1 -> strikeAtEnd(volume, openSegments(volume));
            case 2 -> awaitFirstWords(volume);
            default -> awaitSeal(false);
        };
    }

    /** A root is committed behind a segment whose seal is late. */
    boolean injectBehindRoot() {
        return awaitSeal(true);
    }

    private long untilNanos() {
        return world.schedule().nowNanos() + PATIENCE_NANOS;
    }

    private boolean awaitSeal(boolean rootBehind) {
        awaitSeal(rootBehind, untilNanos());
        return true;
    }

    /**
     * A seal of a writer, and its repetitions, come late: when the log has gone on behind what is to be
     * sealed, its end is struck. Where nothing comes of it the next seal is awaited.
     */
    private void awaitSeal(boolean rootBehind, long untilNanos) {
        world.network().delayNext(Request.BodyCase.SEAL_SEGMENTS, (by, request) -> {
            SealSegments seal = request.getSealSegments();
            VolumeUse volume = writers.volume(VolumeId.of(seal.getVolume()));
            if (writers.areStopped() || world.schedule().nowNanos() > untilNanos) {
                return 0;
            }
            if (volume == null || volume.isOpening()) {
                awaitSeal(rootBehind, untilNanos);
                return 0;
            }
            LateSeal late = new LateSeal(
                    volume,
                    segmentsOf(seal),
                    world.schedule().nowNanos() + SEAL_LATE_NANOS,
                    rootBehind,
                    untilNanos);
            delayAgain(late);
            watchEnd(late);
            return SEAL_LATE_NANOS;
        });
    }

    private void delayAgain(LateSeal late) {
        world.network().delayNext(Request.BodyCase.SEAL_SEGMENTS, (by, request) -> {
            if (!isPending(late)) {
                return 0;
            }
            delayAgain(late);
            boolean sealsIt =
                    segmentsOf(request.getSealSegments()).stream().anyMatch(late.ending::contains);
            return sealsIt ? SEAL_LATE_NANOS : 0;
        });
    }

    private static List<SegmentId> segmentsOf(SealSegments seal) {
        return seal.getSealsList().stream()
                .map(one -> SegmentId.of(one.getSegment()))
                .toList();
    }

    /**
     * A seal on its way.
     *
     * @param rootBehind whether a root behind what is sealed is awaited too
     */
    private record LateSeal(
            VolumeUse volume,
            List<SegmentId> ending,
            long deadlineNanos,
            boolean rootBehind,
            long untilNanos) {}

    private boolean isPending(LateSeal seal) {
        return !writers.areStopped()
                && !seal.volume.isOpening()
                && openSegments(seal.volume).containsAll(seal.ending)
                && world.schedule().nowNanos() < seal.deadlineNanos;
    }

    private void watchEnd(LateSeal seal) {
        if (!isPending(seal)) {
            awaitSeal(seal.rootBehind, seal.untilNanos);
        } else if (goesOnBehind(seal)) {
            world.note(seal.volume.name() + " goes on behind " + seal.ending);
            long nanos = seal.rootBehind ? 0 : random.nextLong(GOES_ON_NANOS);
            world.schedule().world(nanos, () -> {
                boolean _ = !writers.areStopped() && strike(seal);
            });
        } else {
            world.schedule().world(SCAN_NANOS, () -> watchEnd(seal));
        }
    }

    private boolean goesOnBehind(LateSeal seal) {
        List<SegmentId> others = new ArrayList<>(openSegments(seal.volume));
        others.removeAll(seal.ending);
        return seal.rootBehind
                ? others.contains(rootSegment(seal.volume))
                : lastRecord(others) != null;
    }

    /** Where the newest root is replayed from. */
    private SegmentId rootSegment(VolumeUse volume) {
        VolumeRecord record = world.metadata().volume(volume.name());
        return record == null || record.getRootsCount() == 0
                ? SegmentId.NONE
                : SegmentId.of(record.getRoots(record.getRootsCount() - 1)
                        .getPosition()
                        .getSegment());
    }

    private boolean strike(LateSeal seal) {
        List<SimulatedNode> dying = seal.rootBehind ? enoughOfTheEnd(seal) : List.of();
        return dying.isEmpty()
                ? strikeAtEnd(seal.volume, seal.ending)
                : strike(FaultKind.ROOT_BEHIND_LATE_SEAL, seal.volume, dying);
    }

    /** Just so many that the end cannot be decided, and what comes behind it can; none if there are. */
    private List<SimulatedNode> enoughOfTheEnd(LateSeal seal) {
        FoundRecord last = lastRecord(seal.ending);
        FoundRecord next = first(recordsOf(rootSegment(seal.volume)));
        if (last == null || next == null) {
            return List.of();
        }
        List<SimulatedNode> holders = new ArrayList<>(holders(last));
        for (int i = 0; i < TRIES; i++) {
            Collections.shuffle(holders, random);
            int count =
                    Math.min(holders.size(), last.stripe().geometry().policy().m() + 1);
            List<SimulatedNode> dying = List.copyOf(holders.subList(0, count));
            if (cellsBeyond(last, dying) < last.stripe().geometry().d()
                    && cellsBeyond(next, dying) >= next.stripe().geometry().d()) {
                return dying;
            }
        }
        return List.of();
    }

    /** Cells of a record's stripe on other nodes than these. */
    private int cellsBeyond(FoundRecord record, List<SimulatedNode> dying) {
        return (int) nodesOfCells(record).stream()
                .filter(node -> !dying.contains(node))
                .count();
    }

    /** At those who hold the last stripe, but at times for one, whose record rots. */
    private boolean strikeAtEnd(VolumeUse volume, List<SegmentId> segments) {
        FoundRecord last = lastRecord(segments);
        if (last == null) {
            return false;
        }
        List<SimulatedNode> holders = new ArrayList<>(holders(last));
        if (canStrike(holders) && random.nextInt(3) == 0) {
            SimulatedNode spared = holders.remove(random.nextInt(holders.size()));
            spared.drives().forEach(drive -> rot(drive, last));
        }
        return strike(FaultKind.TAKEOVER_IN_THE_DARK, volume, holders);
    }

    private void rot(SimulatedDrive drive, FoundRecord last) {
        for (FoundRecord record : FoundRecord.on(drive)) {
            if (record.stripe().sameAs(last.stripe()) && account.mayDamage(drive, record)) {
                drives.flipHeaderBit(drive, record);
            }
        }
    }

    private boolean canStrike(List<SimulatedNode> dying) {
        return !dying.isEmpty()
                && dying.size() < world.nodes().size()
                && dying.stream().allMatch(this::mayDie);
    }

    private boolean strike(FaultKind kind, VolumeUse volume, List<SimulatedNode> dying) {
        if (!canStrike(dying)) {
            return false;
        }
        SimulatedDrive drive = driveInUse(volume, dying.getFirst());
        boolean losing = random.nextBoolean() && account.mayLose(drive);
        world.fault(
                kind,
                dying.stream().map(SimulatedNode::name).toList() + " are killed"
                        + (losing ? ", the arena of " + drive.name() + " is gone" : ""));
        for (SimulatedNode node : dying) {
            node.inTrouble();
            node.kill();
        }
        if (losing) {
            drive.loseArena();
            startSoon(dying.getFirst());
        }
        writers.replace(volume);
        return true;
    }

    /** One that holds a part of what is to be taken over, where there is one. */
    private SimulatedDrive driveInUse(VolumeUse volume, SimulatedNode node) {
        List<SegmentId> open = openSegments(volume);
        List<SimulatedDrive> drives = new ArrayList<>(node.drives());
        Collections.shuffle(drives, random);
        return drives.stream()
                .filter(drive -> FoundRecord.on(drive).stream()
                        .anyMatch(record -> open.contains(record.segment())))
                .findFirst()
                .orElse(drives.getFirst());
    }

    /** Before the others, so that a takeover hears that it knows nothing. */
    private void startSoon(SimulatedNode node) {
        world.schedule().world(random.nextLong(SOON_NANOS), () -> {
            if (!node.isUp() && !writers.areStopped()) {
                node.start();
            }
        });
    }

    /** A new writer begins, in a segment of its own. */
    private boolean awaitFirstWords(VolumeUse volume) {
        if (volume.isOpening()) {
            return false;
        }
        world.note(volume.name() + " gets a writer that is watched");
        writers.replace(volume);
        watch(volume, volume.openings(), untilNanos());
        return true;
    }

    private void watch(VolumeUse volume, long openingsBefore, long untilNanos) {
        if (writers.areStopped() || world.schedule().nowNanos() > untilNanos) {
            return;
        }
        SessionModel session = volume.newest();
        boolean hasSpoken = volume.openings() > openingsBefore
                && volume.current() != null
                && session != null
                && session.acknowledgedCount() > 0;
        if (hasSpoken) {
            boolean _ = strikeAtEnd(volume, openSegments(volume));
        } else {
            world.schedule().world(LOOK_NANOS, () -> watch(volume, openingsBefore, untilNanos));
        }
    }

    private List<SimulatedNode> most() {
        List<SimulatedNode> most = new ArrayList<>(world.nodes());
        int left = 1 + random.nextInt(Math.max(1, most.size() / 2));
        while (left-- > 0) {
            most.remove(random.nextInt(most.size()));
        }
        return most;
    }

    private List<SegmentId> openSegments(VolumeUse volume) {
        return world.metadata().unsealedSegments(volume.id()).stream()
                .map(segment -> SegmentId.of(segment.getId()))
                .toList();
    }

    /** Of the last of these segments that holds any; null where none does. */
    private @Nullable FoundRecord lastRecord(List<SegmentId> segments) {
        FoundRecord last = null;
        for (SegmentId id : segments) {
            FoundRecord end = recordsOf(id).stream().max(BY_PLACE).orElse(null);
            last = end == null ? last : end;
        }
        return last;
    }

    private static @Nullable FoundRecord first(List<FoundRecord> records) {
        return records.stream().min(BY_PLACE).orElse(null);
    }

    private List<FoundRecord> recordsOf(SegmentId segment) {
        return world.nodes().stream()
                .flatMap(node -> node.drives().stream())
                .flatMap(drive -> FoundRecord.on(drive).stream())
                .filter(record -> record.segment().equals(segment))
                .toList();
    }

    private List<SimulatedNode> holders(FoundRecord record) {
        return nodesOfCells(record).stream().distinct().toList();
    }

    /** A node for each cell of its stripe. */
    private List<SimulatedNode> nodesOfCells(FoundRecord record) {
        Segment segment = world.metadata().segment(record.segment());
        List<SimulatedNode> nodes = new ArrayList<>();
        for (int i = 0; segment != null && i < record.stripe().geometry().participants(); i++) {
            int shard = record.stripe().shardOfParticipant(i);
            nodes.add(world.node(segment.getPlacements(shard).getNode()));
        }
        return nodes;
    }

    private boolean mayDie(SimulatedNode node) {
        return node.isUp() && !node.isPaused() && account.mayKill(node);
    }
}
