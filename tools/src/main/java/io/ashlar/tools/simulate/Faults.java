package io.ashlar.tools.simulate;

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

    /** Faults between two looks at the drives. */
    private static final int LOOK_EVERY = 8;

    private final World world;
    private final RandomGenerator random;
    private final FaultPlan plan;
    private final Account account;
    private final NodeFaults nodes;
    private final CatalogueFaults catalogues;
    private final DarkTakeover darkness;
    private final LinkFaults links;
    private final DriveFaults drives;
    private final WriterFaults writers;
    private final RepeatedCreation repetition;
    private final WholeShards shards;
    private final Set<String> returning = new TreeSet<>();
    private boolean stopped;

    Faults(World world, RandomGenerator random, FaultPlan plan, Workload workload) {
        this.world = world;
        this.random = random;
        this.plan = plan;
        this.account = world.account();
        this.shards = new WholeShards(world, account);
        this.writers = new WriterFaults(world, random, workload);
        this.nodes = new NodeFaults(world, random, account, writers);
        this.catalogues = new CatalogueFaults(world, random, account);
        this.drives = new DriveFaults(world, random, account, writers, catalogues);
        this.darkness = new DarkTakeover(world, random, account, writers, drives);
        this.repetition = new RepeatedCreation(world, random, writers, catalogues);
        this.links = new LinkFaults(world, random, writers, account);
    }

    void start() {
        world.order().observe(shards::applied);
        world.schedule().world(plan.nextNanos(random), this::next);
        watch();
    }

    /**
     * Nothing goes wrong any more, what is broken is replaced, and everybody runs; but clients are dead
     * in half of the runs.
     */
    void heal() {
        shards.demand();
        stopped = true;
        world.healed();
        nodes.stop();
        writers.stop();
        world.network().heal();
        boolean spared = random.nextBoolean();
        for (SimulatedClient client : world.clients()) {
            if (spared) {
                client.process().resume();
            } else {
                client.process().kill();
            }
        }
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
        node.drives().forEach(drive -> drive.slow(1));
        SimulatedProcess process = node.process();
        if (process != null) {
            process.resume();
        }
        for (SimulatedDrive drive : node.drives()) {
            if (!drive.isServed()) {
                node.kill();
                drive.absent(false);
            }
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
        int looks = world.faultCount() / LOOK_EVERY;
        boolean injects = !account.isLossUnnoticed() && inject(kind);
        if (injects && world.faultCount() / LOOK_EVERY > looks) {
            shards.demand();
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
                    || world.network().slownessOf(node.name()) > 1
                    || node.drives().stream()
                            .anyMatch(
                                    drive -> drive.isSlow() || drive.isFull() || !drive.isServed());
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
        List<SimulatedCoordinator> able = world.coordinators().stream()
                .filter(SimulatedCoordinator::isAble)
                .toList();
        if (!able.isEmpty()) {
            world.order().elect(able.get(random.nextInt(able.size())).id());
            world.note(world.order().leader() + " leads");
        }
    }

    private boolean inject(FaultKind kind) {
        return switch (kind) {
            case NODE_KILL -> nodes.killNode(kind, SimulatedNode::kill, "killed");
            case NODE_POWER_CUT -> nodes.killNode(kind, SimulatedNode::cutPower, "lost its power");
            case NODE_STOP -> nodes.killNode(kind, SimulatedNode::stop, "is stopped");
            case NODE_KILL_IN_WRITE -> nodes.killInWrite();
            case NODE_PAUSE -> nodes.pauseNode();
            case NODE_SLOW -> nodes.slowNode();
            case NODE_CUT_OFF -> links.cutOff(kind, anyNode(), true);
            case NODE_CUT_OFF_ONE_WAY -> links.cutOff(kind, anyNode(), false);
            case LINK_CUT -> links.cutLink();
            case ALL_POWER_CUT -> nodes.cutAllPower();
            case DRIVE_BIT_FLIP -> drives.flipBit();
            case DRIVE_LOST_WRITE -> drives.loseWrite();
            case DRIVE_MISDIRECTED_WRITE -> drives.misdirectWrite();
            case DRIVE_UNREADABLE -> drives.makeUnreadable();
            case DRIVE_SYNC_ERROR -> nodes.failSync();
            case DRIVE_WIPED -> nodes.wipe();
            case DRIVE_ARENA_GONE -> nodes.loseArena();
            case DRIVES_SWAPPED -> nodes.swapDrives();
            case DRIVE_FULL -> nodes.fillDrive();
            case WRITER_KILL -> writers.kill();
            case WRITER_PAUSE -> writers.pause();
            case WRITER_STOLEN_FROM -> writers.steal(kind, 1);
            case WRITER_TWO_TAKEOVERS -> writers.steal(kind, 2);
            case WRITER_CLOSE -> writers.close();
            case COORDINATOR_KILL -> killCoordinator();
            case COORDINATOR_PAUSE -> pauseCoordinator();
            case COORDINATOR_CUT_OFF ->
                links.cutOff(kind, coordinator().id(), random.nextBoolean());
            case LEADER_CHANGE -> changeLeader();
            case CLOCK_JUMP -> jumpClock();
            case NETWORK_CHANGE -> links.changeNetwork();
            case CATALOGUE_COPY_LOST -> catalogues.loseCopy();
            case CATALOGUE_PAGE_LOST -> catalogues.losePage();
            case DRIVE_SLOW -> nodes.slowDrive();
            case TAKEOVER_IN_THE_DARK -> darkness.inject();
            case ROOT_LATE -> writers.delayRoot();
            case WRITER_KILL_IN_WRITE -> writers.killInWrite();
            case NETWORK_SPLIT -> links.split();
            case WRITER_KILL_AT_ROLL -> writers.killAtRoll();
            case ALL_POWER_CUT_IN_WRITE -> nodes.cutAllPowerInWrite();
            case DRIVE_OTHER_GENERATION -> drives.changeGeneration();
            case ROOT_BEHIND_LATE_SEAL -> darkness.injectBehindRoot();
            case WRITER_STOLEN_IN_WRITE -> writers.stealInWrite();
            case SHARD_LATE -> writers.delayShard();
            case DRIVE_ABSENT -> nodes.loseDriveForAWhile();
            case LEADER_UNAWARE -> links.keepLeaderUnaware();
            case NODE_START_TROUBLE -> nodes.troubleNextStart();
            case VOLUME_DELETED -> writers.delete();
            case WRITER_SUSPENDED -> writers.suspend();
            case SHARD_REPEATED -> repetition.inject();
        };
    }

    private String anyNode() {
        return world.nodes().get(random.nextInt(world.nodes().size())).name();
    }

    private SimulatedCoordinator coordinator() {
        return world.coordinators().get(random.nextInt(world.coordinators().size()));
    }

    /** A time between these. */
    private long within(long fromMillis, long toMillis) {
        return random.nextLong(fromMillis * MILLI, toMillis * MILLI);
    }

    private void bringBack(SimulatedNode node) {
        if (returning.add(node.name())) {
            boolean longAbsent = random.nextInt(6) == 0;
            world.schedule().world(within(100, longAbsent ? 40_000 : 6_000), () -> {
                returning.remove(node.name());
                if (!node.isUp() && !stopped) {
                    nodes.start(node);
                }
            });
        }
    }

    // ---- coordinators

    private boolean killCoordinator() {
        SimulatedCoordinator coordinator = coordinator();
        if (!coordinator.isUp()) {
            return false;
        }
        world.fault(FaultKind.COORDINATOR_KILL, coordinator.id() + " killed");
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
        if (process == null
                || !world.pause(process, within(100, 6_000), FaultKind.COORDINATOR_PAUSE)) {
            return false;
        }
        if (coordinator.id().equals(world.order().leader()) && random.nextBoolean()) {
            world.schedule().world(within(100, 1_000), this::elect);
        }
        return true;
    }

    private boolean changeLeader() {
        long before = world.order().changes();
        elect();
        boolean changed = world.order().changes() > before;
        if (changed) {
            world.fault(FaultKind.LEADER_CHANGE, "another term begins");
        }
        return changed;
    }

    // ---- clocks

    /** Nobody sets the clock of a machine that was suspended: it would not show for how long. */
    private boolean jumpClock() {
        List<SimulatedClock> clocks = new ArrayList<>();
        world.nodes().forEach(node -> clocks.add(node.clock()));
        world.coordinators().forEach(coordinator -> clocks.add(coordinator.clock()));
        world.clients().stream()
                .filter(client -> client.process().isAlive() && !client.clock().wasSuspended())
                .forEach(client -> clocks.add(client.clock()));
        long millis = random.nextLong(-DAY_MILLIS, DAY_MILLIS);
        world.fault(FaultKind.CLOCK_JUMP, "a clock jumps by " + millis + " ms");
        clocks.get(random.nextInt(clocks.size())).jump(millis);
        return true;
    }
}
