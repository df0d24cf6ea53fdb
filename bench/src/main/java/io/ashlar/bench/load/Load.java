package io.ashlar.bench.load;

import io.ashlar.client.AshlarException;
import io.ashlar.client.Volume;
import io.ashlar.client.VolumeStats;

import java.lang.foreign.MemorySegment;
import java.nio.ByteBuffer;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.SplittableRandom;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.TimeoutException;
import java.util.stream.IntStream;

/**
 * A closed loop of reads and writes on a volume: so many operations are always in flight. It warms
 * up, measures, and after writing reads some of it back. Every byte that it reads is verified.
 */
public final class Load {
    private static final Duration DRAIN_TIMEOUT = Duration.ofSeconds(60);
    private static final Duration PROGRESS_INTERVAL = Duration.ofSeconds(1);
    private static final int MAX_READ_BACK_UNITS = 4096;
    private static final long MAX_READ_BACK_BYTES = 64L << 20;

    private final Volume volume;
    private final LoadOptions options;
    private final Listener listener;
    private final Generations generations;
    private final ReadCheck check;

    private Load(Volume volume, LoadOptions options, Listener listener, int unitCount) {
        this.volume = volume;
        this.options = options;
        this.listener = listener;
        this.generations = new Generations(unitCount);
        this.check = new ReadCheck(
                generations, options.seed(), options.blockBytes() / Volume.BLOCK_BYTES);
    }

    /** Hears how the load goes, in the thread that runs it. */
    public interface Listener {
        void phase(String name);

        /** Operations since the phase began, after so much of it. */
        void progress(long operationCount, Duration elapsed);
    }

    /**
     * Runs it; the report also tells what was read and should not have been.
     *
     * @throws AshlarException when an operation fails, or when the volume is too small
     */
    public static LoadReport run(Volume volume, LoadOptions options, Listener listener)
            throws AshlarException, InterruptedException {
        long unitCount = volume.sizeBytes() / options.blockBytes();
        if (unitCount < 2L * options.depth()) {
            throw new AshlarException.Invalid("volume " + volume.name() + " of "
                    + volume.sizeBytes() + " bytes holds " + unitCount + " blocks of "
                    + options.blockBytes() + ": a load of depth " + options.depth()
                    + " needs at least " + 2L * options.depth());
        }
        int usedCount = (int) Math.min(unitCount, Generations.MAX_UNITS);
        return new Load(volume, options, listener, usedCount).run();
    }

    private LoadReport run() throws AshlarException, InterruptedException {
        Course course = new Course(options, generations, System.nanoTime());
        List<Lane> lanes = lanes(course);
        VolumeStats before;
        Duration cpuBefore;
        Duration cpu;
        ExecutorService threads = threads();
        try {
            for (Lane lane : lanes) {
                switch (options.api()) {
                    case ASYNC -> lane.start(threads);
                    case BLOCKING -> threads.execute(lane::runBlocking);
                }
            }
            listener.phase("warming up");
            watch(course, course.measureFromNanos());
            before = volume.stats();
            cpuBefore = cpuTime();
            listener.phase("measuring");
            watch(course, course.endNanos());
            cpu = cpuTime().minus(cpuBefore);
        } finally {
            course.stop();
            drain(lanes);
            threads.shutdown();
        }
        VolumeStats after = volume.stats();
        listener.phase("reading back");
        readBack();
        return LoadReport.of(volume, options, course, check.outcome(), before, after, cpu);
    }

    private List<Lane> lanes(Course course) {
        SplittableRandom seeds = new SplittableRandom(options.seed());
        List<Lane> lanes = new ArrayList<>();
        for (int i = 0; i < options.depth(); i++) {
            lanes.add(new Lane(
                    volume,
                    course,
                    generations,
                    check,
                    seeds.split(),
                    options.seed(),
                    options.blockBytes()));
        }
        return lanes;
    }

    /** A thread for each lane that blocks; else one to begin on and to be called away to. */
    private ExecutorService threads() {
        int count = options.api() == Api.BLOCKING ? options.depth() : 1;
        return Executors.newFixedThreadPool(
                count, Thread.ofPlatform().daemon().name("load-", 0).factory());
    }

    private void watch(Course course, long untilNanos) throws InterruptedException {
        long start = System.nanoTime();
        long first = course.operationCount();
        long now = start;
        while (!course.isOver(now) && untilNanos - now > 0) {
            long wait = Math.min(PROGRESS_INTERVAL.toNanos(), untilNanos - now);
            TimeUnit.NANOSECONDS.sleep(wait);
            now = System.nanoTime();
            listener.progress(course.operationCount() - first, Duration.ofNanos(now - start));
        }
    }

    private static void drain(List<Lane> lanes) throws AshlarException, InterruptedException {
        CompletableFuture<Void> all = CompletableFuture.allOf(
                lanes.stream().map(Lane::ended).toArray(CompletableFuture<?>[]::new));
        try {
            all.get(DRAIN_TIMEOUT.toNanos(), TimeUnit.NANOSECONDS);
        } catch (ExecutionException failure) {
            throw AshlarException.in(failure);
        } catch (TimeoutException e) {
            long open = lanes.stream().filter(lane -> !lane.ended().isDone()).count();
            throw new AshlarException.Unavailable(open + " operations are not answered "
                    + DRAIN_TIMEOUT.toSeconds() + " s after the end of the load");
        }
    }

    /** Reads units that this run wrote, evenly chosen, as many as the limits allow. */
    private void readBack() throws AshlarException {
        int[] written = IntStream.range(0, generations.unitCount())
                .filter(unit -> generations.acknowledged(unit) > 0)
                .toArray();
        int limit = (int) Math.min(MAX_READ_BACK_UNITS, MAX_READ_BACK_BYTES / options.blockBytes());
        ByteBuffer target = ByteBuffer.allocateDirect(options.blockBytes());
        int count = Math.min(limit, written.length);
        for (int i = 0; i < count; i++) {
            int unit = written[(int) ((long) written.length * i / count)];
            volume.read((long) unit * options.blockBytes(), target);
            check.check(unit, generations.acknowledged(unit), MemorySegment.ofBuffer(target));
        }
    }

    private static Duration cpuTime() {
        return ProcessHandle.current().info().totalCpuDuration().orElse(Duration.ZERO);
    }
}
