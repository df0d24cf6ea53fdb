package io.ashlar.tools.simulate;

import io.ashlar.client.model.DriveId;
import io.ashlar.client.model.SegmentId;
import io.ashlar.client.model.VolumeId;
import io.ashlar.client.protocol.Placement;
import io.ashlar.client.protocol.Request;
import io.ashlar.client.protocol.Segment;

import org.jspecify.annotations.Nullable;

import java.util.random.RandomGenerator;

/** What happens to nodes and to their drives as a whole. */
final class NodeFaults {
    private static final long MILLI = 1_000_000;
    private static final int SLOWER = 100;
    private static final long WRITES_WITHIN_NANOS = 2_000 * MILLI;
    private static final long LOOK_NANOS = 200 * MILLI;
    private static final int MAX_CELLS_AWAITED = 50;
    private static final int OPERATIONS_TO_DEATH = 40;

    private final World world;
    private final RandomGenerator random;
    private final Account account;
    private final WriterFaults writers;
    private @Nullable Runnable changeBack;
    private boolean troubleNextStart;
    private boolean stopped;

    NodeFaults(World world, RandomGenerator random, Account account, WriterFaults writers) {
        this.world = world;
        this.random = random;
        this.account = account;
        this.writers = writers;
    }

    /** Drives are where they belong, and nothing planned comes any more. */
    void stop() {
        stopped = true;
        changeDrivesBack();
    }

    private long within(long fromMillis, long toMillis) {
        return random.nextLong(fromMillis * MILLI, toMillis * MILLI);
    }

    private SimulatedNode node() {
        return world.nodes().get(random.nextInt(world.nodes().size()));
    }

    private SimulatedDrive driveOf(SimulatedNode node) {
        return node.drives().get(random.nextInt(node.drives().size()));
    }

    /** How a process ends. */
    interface Ending {
        void of(SimulatedNode node);
    }

    boolean killNode(FaultKind kind, Ending ending, String how) {
        SimulatedNode node = node();
        if (!node.isUp() || node.isPaused() || !account.mayKill(node)) {
            return false;
        }
        world.fault(kind, node.name() + " " + how);
        node.inTrouble();
        ending.of(node);
        return true;
    }

    boolean killInWrite() {
        SimulatedNode node = node();
        if (!node.isUp() || node.isPaused() || !account.mayKill(node)) {
            return false;
        }
        node.inTrouble();
        driveOf(node)
                .killAfter(
                        random.nextInt(OPERATIONS_TO_DEATH),
                        () -> world.fault(
                                FaultKind.NODE_KILL_IN_WRITE, node.name() + " dies in a write"));
        return true;
    }

    boolean pauseNode() {
        SimulatedProcess process = node().process();
        return process != null && world.pause(process, within(100, 8_000), FaultKind.NODE_PAUSE);
    }

    boolean slowNode() {
        SimulatedNode node = node();
        world.fault(FaultKind.NODE_SLOW, node.name() + " is slow");
        world.network().slow(node.name(), SLOWER);
        world.schedule().world(within(500, 10_000), () -> world.network().slow(node.name(), 1));
        return true;
    }

    boolean slowDrive() {
        SimulatedDrive drive = driveOf(node());
        if (drive.isSlow()) {
            return false;
        }
        int times = SLOWER / (1 + random.nextInt(5));
        world.fault(FaultKind.DRIVE_SLOW, drive.name() + " is " + times + " times slower");
        drive.slow(times);
        world.schedule().world(within(1_000, 40_000), () -> drive.slow(1));
        return true;
    }

    boolean cutAllPower() {
        return cutAllPower(FaultKind.ALL_POWER_CUT, SimulatedNode::cutPower);
    }

    private boolean cutAllPower(FaultKind kind, Ending ending) {
        if (!world.nodes().stream().allMatch(account::mayKill)) {
            return false;
        }
        world.fault(kind, "all power is cut");
        for (SimulatedNode node : world.nodes()) {
            node.inTrouble();
            ending.of(node);
        }
        if (random.nextBoolean()) {
            world.coordinators().forEach(SimulatedCoordinator::kill);
        }
        if (random.nextBoolean()) {
            writers.killAll();
        }
        return true;
    }

    /**
     * While cells are being written to drives that take their time. What is not durable by then is
     * there or not, drive by drive; or it is torn on all of them alike.
     */
    boolean cutAllPowerInWrite() {
        Ending ending =
                random.nextBoolean() ? SimulatedNode::cutPower : SimulatedNode::cutPowerInWrite;
        slowDrives(SLOWER / 2);
        world.schedule().world(WRITES_WITHIN_NANOS, () -> slowDrives(1));
        world.network().onNext(Request.BodyCase.APPEND_CELL, (by, request) -> {
            long nanos = (SLOWER / 2) * random.nextLong(world.settings().syncNanos());
            world.schedule().world(nanos, () -> {
                boolean _ = !stopped && cutAllPower(FaultKind.ALL_POWER_CUT_IN_WRITE, ending);
                slowDrives(1);
            });
        });
        return true;
    }

    private void slowDrives(int times) {
        for (SimulatedNode node : world.nodes()) {
            node.drives().forEach(drive -> drive.slow(times));
        }
    }

    /** The next node that starts meets trouble as it does. */
    boolean troubleNextStart() {
        troubleNextStart = true;
        return true;
    }

    void start(SimulatedNode node) {
        node.drives().forEach(SimulatedDrive::calm);
        if (troubleNextStart && account.mayKill(node)) {
            troubleNextStart = false;
            makeTrouble(node, driveOf(node));
        }
        if (!node.start() && random.nextBoolean()) {
            node.cutPower();
        }
        for (SimulatedDrive drive : node.drives()) {
            if (node.isUp() && !drive.isServed() && !drive.isAbsent()) {
                world.schedule().world(within(2_000, 20_000), () -> bringDriveBack(node, drive));
            }
        }
    }

    private void makeTrouble(SimulatedNode node, SimulatedDrive drive) {
        Runnable told = () -> world.fault(
                FaultKind.NODE_START_TROUBLE, node.name() + " meets trouble as it starts");
        switch (random.nextInt(4)) {
            case 0 -> {
                if (account.mayLose(drive)) {
                    drive.failSyncs(1, told);
                }
            }
            case 1 -> {
                boolean _ = fill(drive);
                told.run();
            }
            default -> drive.killAfter(random.nextInt(OPERATIONS_TO_DEATH), told);
        }
    }

    // ---- drives

    boolean failSync() {
        SimulatedNode node = node();
        SimulatedDrive drive = driveOf(node);
        if (!node.isUp() || drive.isFailing() || !account.mayLose(drive)) {
            return false;
        }
        world.note("the next sync of " + drive.name() + " fails");
        drive.failSyncs(
                1 + random.nextInt(2),
                () -> world.fault(
                        FaultKind.DRIVE_SYNC_ERROR, "a sync of " + drive.name() + " fails"));
        if (random.nextBoolean()) {
            world.schedule().world(within(2_000, 20_000), () -> replace(node, drive));
        }
        return true;
    }

    /** Somebody puts another drive in the place of one that has failed. */
    private void replace(SimulatedNode node, SimulatedDrive drive) {
        if (!stopped && changeBack == null && drive.hasFailed() && account.mayKill(node)) {
            world.note(drive.name() + " is replaced");
            node.inTrouble();
            node.kill();
            drive.wipe();
        }
    }

    boolean wipe() {
        SimulatedNode node = node();
        SimulatedDrive drive = driveOf(node);
        boolean possible = changeBack == null
                && account.mayKill(node)
                && !node.isPaused()
                && account.mayLose(drive);
        if (!possible) {
            return false;
        }
        world.fault(FaultKind.DRIVE_WIPED, drive.name() + " is wiped");
        node.inTrouble();
        node.kill();
        drive.wipe();
        return true;
    }

    boolean loseArena() {
        SimulatedDrive drive = driveOf(node());
        if (!account.mayLoseInSilence(drive)) {
            return false;
        }
        world.fault(FaultKind.DRIVE_ARENA_GONE, "the arena of " + drive.name() + " is gone");
        drive.loseArena();
        return true;
    }

    /**
     * Of one node, or of two: those refuse each other's drives until they are changed back. Only
     * drives that are somebody's: an empty one is formatted wherever it is found, and would be refused
     * where it came from.
     */
    boolean swapDrives() {
        SimulatedNode one = node();
        SimulatedNode other = random.nextInt(3) == 0 ? node() : one;
        SimulatedDrive first = one.drives().getFirst();
        SimulatedDrive second = other.drives().getLast();
        boolean possible = first != second
                && changeBack == null
                && (one == other || (first.isFormatted() && second.isFormatted()))
                && account.mayKill(one)
                && account.mayKill(other)
                && !one.isPaused()
                && !other.isPaused();
        if (!possible) {
            return false;
        }
        world.fault(
                FaultKind.DRIVES_SWAPPED,
                first.name() + " and " + second.name() + " change places");
        one.inTrouble();
        other.inTrouble();
        one.kill();
        other.kill();
        first.swapWith(second);
        if (one != other) {
            changeBack = () -> {
                one.kill();
                other.kill();
                first.swapWith(second);
            };
            world.schedule().world(within(3_000, 9_000), () -> changeBackOf(one, other));
        }
        return true;
    }

    private void changeBackOf(SimulatedNode one, SimulatedNode other) {
        if (account.mayKill(one) && account.mayKill(other)) {
            changeDrivesBack();
        } else if (!stopped) {
            world.schedule().world(WRITES_WITHIN_NANOS, () -> changeBackOf(one, other));
        }
    }

    void changeDrivesBack() {
        Runnable back = changeBack;
        changeBack = null;
        if (back != null) {
            back.run();
        }
    }

    /**
     * As cells of a stripe arrive, one of them is lost, and its node dies and serves for a while
     * without the drive that the cell belongs on; the writer dies too, and its volume is taken
     * over: the drive comes back when the stripe has been decided without it.
     */
    boolean loseDriveForAWhile() {
        if (world.settings().drivesPerNode() < 2) {
            return false;
        }
        awaitCell(MAX_CELLS_AWAITED);
        return true;
    }

    private void awaitCell(int tries) {
        world.network().onNext(Request.BodyCase.APPEND_CELL, (by, request) -> {
            Segment segment = world.metadata()
                    .segment(SegmentId.of(request.getAppendCell().getShard().getSegment()));
            if (segment == null || stopped) {
                return;
            }
            int shards = segment.getPlacementsCount();
            int of = request.getAppendCell().getShard().getIndex();
            Placement other = segment.getPlacements((of + 1 + random.nextInt(shards - 1)) % shards);
            VolumeUse volume = writers.volume(VolumeId.of(segment.getVolume()));
            SimulatedDrive drive = world.drive(DriveId.of(other.getShard().getDrive()));
            if (drive != null && volume != null && !volume.isOpening() && mayBeWithout(other)) {
                world.network()
                        .swallow((from, append) -> from == by
                                && append.hasAppendCell()
                                && append.getAppendCell().getShard().equals(other.getShard()));
                world.schedule().world(within(0, 10), () -> loseDrive(other, drive, volume));
            } else if (tries > 1) {
                awaitCell(tries - 1);
            }
        });
    }

    private boolean mayBeWithout(Placement placement) {
        SimulatedNode node = world.node(placement.getNode());
        return node.drives().stream().noneMatch(SimulatedDrive::isAbsent)
                && !node.isPaused()
                && account.mayKill(node);
    }

    private void loseDrive(Placement placement, SimulatedDrive drive, VolumeUse volume) {
        if (!stopped && mayBeWithout(placement)) {
            SimulatedNode node = world.node(placement.getNode());
            world.fault(FaultKind.DRIVE_ABSENT, drive.name() + " is absent");
            node.inTrouble();
            node.kill();
            drive.absent(true);
            bringDriveBackOnceMissed(node, drive);
            writers.replace(volume);
        }
    }

    /** Before all that was on it has been made elsewhere. */
    private void bringDriveBackOnceMissed(SimulatedNode node, SimulatedDrive drive) {
        if (node.isUp()) {
            world.schedule().world(within(200, 3_000), () -> bringDriveBack(node, drive));
        } else if (!stopped) {
            world.schedule().world(LOOK_NANOS, () -> bringDriveBackOnceMissed(node, drive));
        }
    }

    private void bringDriveBack(SimulatedNode node, SimulatedDrive drive) {
        if (stopped || drive.isServed()) {
            return;
        }
        if (!account.mayKill(node)) {
            world.schedule().world(WRITES_WITHIN_NANOS, () -> bringDriveBack(node, drive));
        } else {
            world.note(drive.name() + " is there again");
            drive.absent(false);
            node.kill();
        }
    }

    boolean fillDrive() {
        return fill(driveOf(node()));
    }

    private boolean fill(SimulatedDrive drive) {
        world.fault(FaultKind.DRIVE_FULL, drive.name() + " is full");
        drive.full(true);
        world.schedule().world(within(500, 10_000), () -> drive.full(false));
        return true;
    }
}
