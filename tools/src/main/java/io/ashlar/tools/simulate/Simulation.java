package io.ashlar.tools.simulate;

import io.ashlar.client.AshlarException;
import io.ashlar.client.protocol.Request;
import io.ashlar.ec.Kernel;

import java.io.PrintStream;
import java.lang.management.ManagementFactory;
import java.util.SplittableRandom;
import java.util.random.RandomGenerator;

/**
 * One run from one seed: first safety under faults, then, once all is healed, liveness. The same
 * seed gives the same trace, byte for byte; {@link Schedule} tells how that is held.
 */
public final class Simulation {
    private static final int OPERATIONS = 2_000;
    private static final int FAULTS = 10;
    private static final long SECOND = WorldSettings.SECOND;
    private static final long MAX_SAFETY_NANOS = 3_000 * SECOND;
    private static final long MAX_REST_NANOS = MAX_SAFETY_NANOS;
    private static final long SETTLE_NANOS = 60 * SECOND;

    private final long seed;
    private final Trace trace;
    private final World world;
    private final Workload workload;
    private final Faults faults;
    private final Kernel kernel;
    private final boolean goesBeyond;
    private final SplittableRandom beyondRandom;
    private long lostStripes;
    private long unreadableBlocks;
    private long lostWrites;

    private Simulation(long seed, boolean goesBeyond, PrintStream out, boolean printing) {
        this.seed = seed;
        this.goesBeyond = goesBeyond;
        this.trace = new Trace(out, printing);
        SplittableRandom random = new SplittableRandom(seed);
        WorldSettings settings = WorldSettings.draw(random.split());
        NetworkFaults network = NetworkFaults.draw(random.split());
        this.world = new World(settings, random.split(), trace, network);
        this.workload = new Workload(world, random.split());
        RandomGenerator planned = random.split();
        RandomGenerator injected = random.split();
        this.kernel = CodingKernel.use(random.split());
        this.beyondRandom = random.split();
        FaultPlan plan = new FaultPlan(planned, random.split());
        this.faults = new Faults(world, injected, plan, workload);
        trace.add(0, "seed " + seed + " " + settings + " " + network);
    }

    /** Runs a seed; prints the trace if asked to. */
    public static Report run(long seed, PrintStream out, boolean printing) {
        return new Simulation(seed, false, out, printing).play();
    }

    /** The same, and in the end destroys more than can be survived, or has an operator give it up. */
    public static Report runBeyond(long seed, PrintStream out, boolean printing) {
        return new Simulation(seed, true, out, printing).play();
    }

    private Report play() {
        long began = ownNanos();
        Violation violation = null;
        try (LoggedBugs bugs = LoggedBugs.hear(world.schedule())) {
            try {
                begin();
                safety();
                liveness();
            } finally {
                bugs.demandNone();
            }
        } catch (Violation e) {
            violation = e;
        } catch (RuntimeException e) {
            violation = new Violation("no bugs", String.valueOf(e), e);
        }
        return new Report(
                seed,
                violation == null ? "" : violation.invariant(),
                violation == null ? "" : String.valueOf(violation.getMessage()),
                workload.operations(),
                world.schedule().nowNanos(),
                ownNanos() - began,
                world.faults(),
                world.network().lost(),
                world.order().changes(),
                kernel.name(),
                lostStripes,
                unreadableBlocks,
                lostWrites,
                trace.digest(),
                trace.last(),
                violation);
    }

    /** What this thread has worked, for the report only: nothing in the run sees it. */
    private static long ownNanos() {
        return ManagementFactory.getThreadMXBean().getCurrentThreadCpuTime();
    }

    private void begin() {
        world.start();
        for (VolumeUse volume : workload.volumes()) {
            create(volume);
        }
        workload.start();
        faults.start();
    }

    private void create(VolumeUse volume) {
        SimulatedClient client = world.newClient();
        boolean[] made = new boolean[1];
        Request request = volume.creation(client);
        ask(client, request, made);
        if (!world.schedule().runUntil(() -> made[0], SETTLE_NANOS)) {
            throw new Violation("liveness", "volume " + volume.name() + " could not be made");
        }
        client.process().kill();
    }

    private void ask(SimulatedClient client, Request request, boolean[] made) {
        var _ = client.client().callAsync(request).whenComplete((response, failure) -> {
            if (failure == null) {
                made[0] = true;
            } else if (client.process().isAlive()) {
                world.note("not created: " + AshlarException.in(failure).getMessage());
                world.schedule().world(SECOND, () -> ask(client, request, made));
            }
        });
    }

    /**
     * Where writers are killed, coordinators cut off and nodes paused every few seconds little is asked for
     * in that time; an eighth at least has to be, and the rest in peace.
     */
    private void safety() {
        boolean enough = world.schedule()
                .runUntil(
                        () -> workload.operations() >= OPERATIONS && world.faultCount() >= FAULTS,
                        MAX_SAFETY_NANOS);
        if (enough) {
            workload.stop();
        } else if (workload.operations() < OPERATIONS / 8 || world.faultCount() < FAULTS) {
            throw tooFew(MAX_SAFETY_NANOS);
        }
    }

    private Violation tooFew(long nanos) {
        return new Violation(
                "liveness",
                "only " + workload.operations() + " requests in " + nanos / SECOND + " s");
    }

    private void rest() {
        if (!world.schedule().runUntil(() -> workload.operations() >= OPERATIONS, MAX_REST_NANOS)) {
            throw tooFew(MAX_SAFETY_NANOS + MAX_REST_NANOS);
        }
        workload.stop();
    }

    private void liveness() {
        faults.heal();
        rest();
        Convergence convergence = new Convergence(world, workload);
        convergence.demand();
        if (goesBeyond && beyondRandom.nextBoolean()) {
            AcceptedLoss accepted = new AcceptedLoss(world, workload, beyondRandom, convergence);
            accepted.demand();
            unreadableBlocks = accepted.unreadableBlocks();
            lostWrites = accepted.lostWrites();
        } else if (goesBeyond) {
            Beyond beyond = new Beyond(world, workload, beyondRandom, convergence);
            beyond.demand();
            lostStripes = beyond.lostStripes();
            unreadableBlocks = beyond.unreadableBlocks();
        }
    }
}
