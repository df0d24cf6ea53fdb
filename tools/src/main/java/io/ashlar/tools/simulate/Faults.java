package io.ashlar.tools.simulate;

import org.jspecify.annotations.Nullable;

import java.util.ArrayList;
import java.util.List;
import java.util.Set;
import java.util.TreeSet;
import java.util.random.RandomGenerator;

/** Makes things go wrong, as the plan says, until it is told to stop; and brings back what died. */
final class Faults {
    private static final long MILLI = 1_000_000;
    private static final long WATCH_NANOS = 200 * MILLI;
    private static final long DAY_MILLIS = 86_400_000;
    private static final int SLOWER = 100;

    private final World world;
    private final RandomGenerator random;
    private final FaultPlan plan;
    private final Account account;
    private final DriveFaults drives;
    private final WriterFaults writers;
    private final Set<String> returning = new TreeSet<>();
    private @Nullable Runnable changeBack;
    private boolean stopped;

    Faults(World world, RandomGenerator random, FaultPlan plan, Workload workload) {
        this.world = world;
        this.random = random;
        this.plan = plan;
        this.account = new Account(world);
        this.drives = new DriveFaults(world, random, account);
        this.writers = new WriterFaults(world, random, workload);
    }

    void start() {
        world.schedule().world(plan.nextNanos(random), this::next);
        watch();
    }

    /** Nothing goes wrong any more, what is broken is replaced, and everybody runs. */
    void heal() {
        stopped = true;
        world.note("HEAL");
        changeDrivesBack();
        world.network().heal();
        world.clients().forEach(client -> client.process().kill());
        for (SimulatedCoordinator coordinator : world.coordinators()) {
            SimulatedProcess process = coordinator.process();
            if (process == null || !process.isAlive()) {
                coordinator.start();
            } else {
                process.resume();
            }
        }
        elect();
        for (SimulatedNode node : world.nodes()) {
            heal(node);
        }
    }

    private static void heal(SimulatedNode node) {
        node.drives().forEach(SimulatedDrive::calm);
        SimulatedProcess process = node.process();
        if (process != null) {
            process.resume();
        }
        for (SimulatedDrive drive : node.drives()) {
            if (drive.hasFailed()) {
                node.kill();
                drive.wipe();
            }
        }
        if (!node.isUp() && !node.start()) {
            throw new Violation("liveness", node.name() + " does not start on sound drives");
        }
    }

    private void next() {
        if (stopped) {
            return;
        }
        FaultKind kind = plan.next(random);
        if (inject(kind)) {
            plan.injected(kind);
        }
        world.schedule().world(plan.nextNanos(random), this::next);
    }

    /** What died of a fault and not by us, is to come back too; and somebody has to lead. */
    private void watch() {
        if (stopped) {
            return;
        }
        for (SimulatedNode node : world.nodes()) {
            boolean trouble = !node.isUp()
                    || node.isPaused()
                    || world.network().isCutOff(node.name())
                    || world.network().slownessOf(node.name()) > 1;
            if (trouble) {
                node.inTrouble();
            }
            if (!node.isUp()) {
                bringBack(node);
            }
        }
        world.coordinators().forEach(coordinator -> {
            if (!coordinator.isUp()) {
                bringBack(coordinator);
            }
        });
        if (world.order().replica(world.order().leader()) == null) {
            elect();
        }
        world.schedule().world(WATCH_NANOS, this::watch);
    }

    private void elect() {
        List<SimulatedCoordinator> able = new ArrayList<>();
        for (SimulatedCoordinator one : world.coordinators()) {
            SimulatedProcess process = one.process();
            if (process != null && process.isAlive() && !process.isPaused()) {
                able.add(one);
            }
        }
        if (!able.isEmpty()) {
            world.order().elect(able.get(random.nextInt(able.size())).id());
            world.note("FAULT " + world.order().leader() + " leads");
        }
    }

    private boolean inject(FaultKind kind) {
        return switch (kind) {
            case NODE_KILL -> killNode(SimulatedNode::kill, "killed");
            case NODE_POWER_CUT -> killNode(SimulatedNode::cutPower, "lost its power");
            case NODE_STOP -> killNode(SimulatedNode::stop, "is stopped");
            case NODE_KILL_IN_WRITE ->
                killNode(
                        node -> driveOf(node).killAfter(random.nextInt(40)),
                        "is going to die in a write");
            case NODE_PAUSE -> pauseNode();
            case NODE_SLOW -> slowNode();
            case NODE_CUT_OFF -> cutOff(node().name(), true);
            case NODE_CUT_OFF_ONE_WAY -> cutOff(node().name(), false);
            case LINK_CUT -> cutLink();
            case ALL_POWER_CUT -> cutAllPower();
            case DRIVE_BIT_FLIP -> drives.flipBit();
            case DRIVE_LOST_WRITE -> drives.loseWrite();
            case DRIVE_MISDIRECTED_WRITE -> drives.misdirectWrite();
            case DRIVE_UNREADABLE -> drives.makeUnreadable();
            case DRIVE_SYNC_ERROR -> failSync();
            case DRIVE_WIPED -> wipe();
            case DRIVE_ARENA_GONE -> loseArena();
            case DRIVES_SWAPPED -> swapDrives();
            case DRIVE_FULL -> fillDrive();
            case WRITER_KILL -> writers.kill();
            case WRITER_PAUSE -> writers.pause();
            case WRITER_STOLEN_FROM -> writers.steal(1);
            case WRITER_TWO_TAKEOVERS -> writers.steal(2);
            case WRITER_CLOSE -> writers.close();
            case COORDINATOR_KILL -> killCoordinator();
            case COORDINATOR_PAUSE -> pauseCoordinator();
            case COORDINATOR_CUT_OFF -> cutOff(coordinator().id(), random.nextBoolean());
            case LEADER_CHANGE -> changeLeader();
            case CLOCK_JUMP -> jumpClock();
            case NETWORK_CHANGE -> changeNetwork();
        };
    }

    private SimulatedNode node() {
        return world.nodes().get(random.nextInt(world.nodes().size()));
    }

    private SimulatedCoordinator coordinator() {
        return world.coordinators().get(random.nextInt(world.coordinators().size()));
    }

    private SimulatedDrive driveOf(SimulatedNode node) {
        return node.drives().get(random.nextInt(node.drives().size()));
    }

    /** A time between these. */
    private long within(long fromMillis, long toMillis) {
        return random.nextLong(fromMillis * MILLI, toMillis * MILLI);
    }

    // ---- nodes

    /** How a process ends. */
    private interface Ending {
        void of(SimulatedNode node);
    }

    private boolean killNode(Ending ending, String how) {
        SimulatedNode node = node();
        if (!node.isUp() || node.isPaused() || !account.mayKill(node)) {
            return false;
        }
        world.note("FAULT " + node.name() + " " + how);
        node.inTrouble();
        ending.of(node);
        return true;
    }

    private void bringBack(SimulatedNode node) {
        if (returning.add(node.name())) {
            boolean longAbsent = random.nextInt(6) == 0;
            world.schedule().world(within(100, longAbsent ? 40_000 : 6_000), () -> {
                returning.remove(node.name());
                if (!node.isUp() && !stopped) {
                    node.drives().forEach(SimulatedDrive::calm);
                    node.start();
                }
            });
        }
    }

    private boolean pauseNode() {
        SimulatedProcess process = node().process();
        return process != null && pause(process, within(100, 8_000));
    }

    private boolean pause(SimulatedProcess process, long nanos) {
        if (!process.isAlive() || process.isPaused()) {
            return false;
        }
        world.note("FAULT " + process.name() + " is paused");
        process.pause();
        world.schedule().world(nanos, process::resume);
        return true;
    }

    private boolean slowNode() {
        SimulatedNode node = node();
        world.note("FAULT " + node.name() + " is slow");
        world.network().slow(node.name(), SLOWER);
        world.schedule().world(within(500, 10_000), () -> world.network().slow(node.name(), 1));
        return true;
    }

    private boolean cutAllPower() {
        if (!world.nodes().stream().allMatch(account::mayKill)) {
            return false;
        }
        world.note("FAULT all power is cut");
        for (SimulatedNode node : world.nodes()) {
            node.inTrouble();
            node.cutPower();
        }
        if (random.nextBoolean()) {
            world.coordinators().forEach(SimulatedCoordinator::kill);
        }
        if (random.nextBoolean()) {
            writers.killAll();
        }
        return true;
    }

    // ---- the network

    private List<String> machines() {
        List<String> names = new ArrayList<>();
        world.nodes().forEach(node -> names.add(node.name()));
        world.coordinators().forEach(coordinator -> names.add(coordinator.id()));
        for (SimulatedClient client : world.clients()) {
            if (client.process().isAlive()) {
                names.add(client.name());
            }
        }
        return names;
    }

    private boolean cutOff(String machine, boolean bothWays) {
        world.note("FAULT " + machine + " is cut off" + (bothWays ? "" : " one way"));
        boolean outward = random.nextBoolean();
        for (String other : machines()) {
            if (bothWays || outward) {
                world.network().cut(machine, other);
            }
            if (bothWays || !outward) {
                world.network().cut(other, machine);
            }
        }
        healLater();
        return true;
    }

    private boolean cutLink() {
        List<String> machines = machines();
        String one = machines.get(random.nextInt(machines.size()));
        String other = machines.get(random.nextInt(machines.size()));
        world.note("FAULT " + one + " does not reach " + other);
        world.network().cut(one, other);
        if (random.nextBoolean()) {
            world.network().cut(other, one);
        }
        healLater();
        return true;
    }

    private void healLater() {
        world.schedule().world(within(100, 9_000), () -> {
            world.nodes().stream()
                    .filter(node -> world.network().isCutOff(node.name()))
                    .forEach(SimulatedNode::inTrouble);
            world.network().healCuts();
        });
    }

    private boolean changeNetwork() {
        world.network().faults(NetworkFaults.draw(random));
        world.note("FAULT the network is " + world.network().faults());
        return true;
    }

    // ---- drives

    private boolean failSync() {
        SimulatedNode node = node();
        SimulatedDrive drive = driveOf(node);
        if (!node.isUp() || drive.isFailing() || !account.mayLose(drive)) {
            return false;
        }
        world.note("FAULT a sync of " + drive.name() + " fails");
        drive.failSyncs(1 + random.nextInt(2));
        if (random.nextBoolean()) {
            world.schedule().world(within(2_000, 20_000), () -> replace(node, drive));
        }
        return true;
    }

    /** Somebody puts another drive in the place of one that has failed. */
    private void replace(SimulatedNode node, SimulatedDrive drive) {
        if (!stopped && drive.hasFailed() && account.mayKill(node)) {
            world.note("FAULT " + drive.name() + " is replaced");
            node.inTrouble();
            node.kill();
            drive.wipe();
        }
    }

    private boolean wipe() {
        SimulatedNode node = node();
        SimulatedDrive drive = driveOf(node);
        if (!account.mayKill(node) || node.isPaused() || !account.mayLose(drive)) {
            return false;
        }
        world.note("FAULT " + drive.name() + " is wiped");
        node.inTrouble();
        node.kill();
        drive.wipe();
        return true;
    }

    private boolean loseArena() {
        SimulatedDrive drive = driveOf(node());
        if (!account.mayLose(drive)) {
            return false;
        }
        world.note("FAULT the arena of " + drive.name() + " is gone");
        drive.loseArena();
        return true;
    }

    /** Of one node, or of two: those refuse each other's drives until they are changed back. */
    private boolean swapDrives() {
        SimulatedNode one = node();
        SimulatedNode other = random.nextInt(3) == 0 ? node() : one;
        SimulatedDrive first = one.drives().getFirst();
        SimulatedDrive second = other.drives().getLast();
        boolean possible = first != second
                && changeBack == null
                && account.mayKill(one)
                && account.mayKill(other)
                && !one.isPaused()
                && !other.isPaused();
        if (!possible) {
            return false;
        }
        world.note("FAULT " + first.name() + " and " + second.name() + " change places");
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
            world.schedule().world(within(3_000, 9_000), this::changeDrivesBack);
        }
        return true;
    }

    private void changeDrivesBack() {
        Runnable back = changeBack;
        changeBack = null;
        if (back != null) {
            back.run();
        }
    }

    private boolean fillDrive() {
        SimulatedDrive drive = driveOf(node());
        world.note("FAULT " + drive.name() + " is full");
        drive.full(true);
        world.schedule().world(within(500, 10_000), () -> drive.full(false));
        return true;
    }

    // ---- coordinators

    private boolean killCoordinator() {
        SimulatedCoordinator coordinator = coordinator();
        if (!coordinator.isUp()) {
            return false;
        }
        world.note("FAULT " + coordinator.id() + " killed");
        coordinator.kill();
        return true;
    }

    private void bringBack(SimulatedCoordinator coordinator) {
        if (returning.add(coordinator.id())) {
            world.schedule().world(within(100, 5_000), () -> {
                returning.remove(coordinator.id());
                if (!coordinator.isUp() && !stopped) {
                    coordinator.start();
                }
            });
        }
    }

    private boolean pauseCoordinator() {
        SimulatedCoordinator coordinator = coordinator();
        SimulatedProcess process = coordinator.process();
        if (process == null || !pause(process, within(100, 6_000))) {
            return false;
        }
        if (coordinator.id().equals(world.order().leader()) && random.nextBoolean()) {
            world.schedule().world(within(100, 1_000), this::elect);
        }
        return true;
    }

    private boolean changeLeader() {
        elect();
        return true;
    }

    // ---- clocks

    private boolean jumpClock() {
        int which = random.nextInt(world.nodes().size() + world.coordinators().size());
        SimulatedClock clock = which < world.nodes().size()
                ? world.nodes().get(which).clock()
                : world.coordinators().get(which - world.nodes().size()).clock();
        long millis = random.nextLong(-DAY_MILLIS, DAY_MILLIS);
        world.note("FAULT a clock jumps by " + millis + " ms");
        clock.jump(millis);
        return true;
    }
}
