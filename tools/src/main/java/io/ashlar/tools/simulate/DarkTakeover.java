package io.ashlar.tools.simulate;

import io.ashlar.client.model.SegmentId;
import io.ashlar.client.model.VolumeId;
import io.ashlar.client.protocol.Request;
import io.ashlar.client.protocol.SealSegments;
import io.ashlar.client.protocol.Segment;

import org.jspecify.annotations.Nullable;

import java.util.ArrayList;
import java.util.Comparator;
import java.util.List;
import java.util.Set;
import java.util.TreeSet;
import java.util.random.RandomGenerator;

/**
 * So many nodes die together with a writer, whose volume is taken over at once, that nobody can know
 * of its last stripes what was acknowledged: most nodes, or just those that hold the last stripe, or
 * those that hold the first one of a new writer, as soon as it is acknowledged: if that was a short
 * one, those who are left have nothing to tell. Or those that hold the end of a segment whose seal is
 * on its way, when the log has gone on behind it for a while. At times one of the dead comes back
 * without its arena, or one lives on whose record rots.
 */
final class DarkTakeover {
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
            case 0 -> strike(volume, most());
            case 1 -> strikeAtEnd(volume, openSegments(volume));
            case 2 -> awaitFirstWords(volume);
            default -> awaitSeal(world.schedule().nowNanos() + PATIENCE_NANOS);
        };
    }

    /** Seals come late until the log goes on behind a segment that is to be sealed. */
    private boolean awaitSeal(long untilNanos) {
        world.network()
                .delayNext(Request.BodyCase.SEAL_SEGMENTS, SEAL_LATE_NANOS, (by, request) -> {
                    VolumeUse volume =
                            writers.volume(VolumeId.of(request.getSealSegments().getVolume()));
                    long sealedNanos = world.schedule().nowNanos() + SEAL_LATE_NANOS;
                    watchEnd(volume, request.getSealSegments(), sealedNanos, untilNanos);
                });
        return true;
    }

    private void watchEnd(
            @Nullable VolumeUse volume, SealSegments command, long sealedNanos, long untilNanos) {
        long nowNanos = world.schedule().nowNanos();
        if (writers.areStopped() || nowNanos > untilNanos) {
            return;
        }
        List<SegmentId> ending = command.getSealsList().stream()
                .map(seal -> SegmentId.of(seal.getSegment()))
                .toList();
        if (volume == null || volume.isOpening() || nowNanos >= sealedNanos) {
            boolean _ = awaitSeal(untilNanos);
        } else if (goesOnBehind(volume, ending)) {
            world.note("FAULT " + volume.name() + " goes on behind " + ending);
            world.schedule().world(random.nextLong(GOES_ON_NANOS), () -> {
                boolean _ = !writers.areStopped() && strikeAtEnd(volume, ending);
            });
        } else {
            world.schedule()
                    .world(SCAN_NANOS, () -> watchEnd(volume, command, sealedNanos, untilNanos));
        }
    }

    private boolean goesOnBehind(VolumeUse volume, List<SegmentId> ending) {
        List<SegmentId> others = new ArrayList<>(openSegments(volume));
        others.removeAll(ending);
        return lastRecord(others) != null;
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
        return strike(volume, holders);
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

    private boolean strike(VolumeUse volume, List<SimulatedNode> dying) {
        if (!canStrike(dying)) {
            return false;
        }
        List<SimulatedDrive> drives = dying.getFirst().drives();
        SimulatedDrive drive = drives.get(random.nextInt(drives.size()));
        boolean losing = random.nextInt(3) == 0 && account.mayLose(drive);
        world.note("FAULT " + dying.stream().map(SimulatedNode::name).toList() + " are killed"
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
        world.note("FAULT " + volume.name() + " gets a writer that is watched");
        writers.replace(volume);
        watch(volume, volume.openings(), world.schedule().nowNanos() + PATIENCE_NANOS);
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
            FoundRecord end = world.nodes().stream()
                    .flatMap(node -> node.drives().stream())
                    .flatMap(drive -> FoundRecord.on(drive).stream())
                    .filter(record -> record.segment().equals(id))
                    .max(Comparator.comparingLong(record -> record.stripe().endOffset()))
                    .orElse(null);
            last = end == null ? last : end;
        }
        return last;
    }

    private List<SimulatedNode> holders(FoundRecord record) {
        Segment segment = world.metadata().segment(record.segment());
        Set<String> holders = new TreeSet<>();
        for (int i = 0; segment != null && i < record.stripe().geometry().participants(); i++) {
            int shard = record.stripe().shardOfParticipant(i);
            holders.add(segment.getPlacements(shard).getNode());
        }
        return holders.stream().map(world::node).toList();
    }

    private boolean mayDie(SimulatedNode node) {
        return node.isUp() && !node.isPaused() && account.mayKill(node);
    }
}
