package io.ashlar.bench.load;

import io.ashlar.client.AshlarClient;
import io.ashlar.client.AshlarException;
import io.ashlar.client.ClientConfig;
import io.ashlar.client.OpenOptions;
import io.ashlar.client.Volume;
import io.ashlar.client.model.Address;

import java.lang.foreign.MemorySegment;
import java.nio.ByteBuffer;
import java.util.List;
import java.util.SplittableRandom;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionException;
import java.util.concurrent.Semaphore;
import java.util.concurrent.atomic.AtomicReference;

/**
 * How long opening takes after a writer has died with so many stripes behind its last checkpoint. The
 * writer does not die, but the volume is stolen from it, which asks the same of the nodes and does not
 * wait for a lease. What it wrote is read again and compared.
 */
public final class TailMeasurement {
    private static final int WRITES_BETWEEN_LOOKS = 64;

    private final List<Address> coordinators;
    private final String volumeName;
    private final Tail tail;

    /**
     * What is replayed.
     *
     * @param stripes at least so many
     * @param writeBytes of each write, a multiple of 4096
     * @param depth writes in flight; those that wait together share a stripe
     */
    public record Tail(long stripes, int writeBytes, int depth) {}

    /**
     * What one opening took.
     *
     * @param blocks written, those written twice counted twice
     * @param openMillis from the call to a volume that serves
     */
    public record Figures(
            long stripes,
            long blocks,
            double openMillis,
            long verifiedBytes,
            List<String> problems) {
        public Figures {
            problems = List.copyOf(problems);
        }
    }

    public TailMeasurement(List<Address> coordinators, String volumeName, Tail tail) {
        this.coordinators = List.copyOf(coordinators);
        this.volumeName = volumeName;
        this.tail = tail;
    }

    /** Writes a tail with stamps of this seed, and opens the volume behind it. */
    public Figures run(long seed) throws AshlarException, InterruptedException {
        try (AshlarClient writer = AshlarClient.connect(
                        coordinators, ClientConfig.DEFAULT.withMaxTailStripes(Long.MAX_VALUE));
                AshlarClient reader = AshlarClient.connect(coordinators)) {
            Volume written = writer.open(volumeName, OpenOptions.forProcess("bench writer"));
            int units =
                    (int) Math.min(Generations.MAX_UNITS, written.sizeBytes() / tail.writeBytes());
            Generations generations = new Generations(units);
            long writes = write(written, generations, seed);
            long stripes = written.stats().stripes();
            long began = System.nanoTime();
            Volume opened = reader.open(
                    volumeName, OpenOptions.forProcess("bench reader").stealing());
            double openMillis = (System.nanoTime() - began) / 1e6;
            ReadCheck check =
                    new ReadCheck(generations, seed, tail.writeBytes() / Volume.BLOCK_BYTES);
            try (opened) {
                readBack(opened, generations, check);
            }
            return new Figures(
                    stripes,
                    writes * (tail.writeBytes() / Volume.BLOCK_BYTES),
                    openMillis,
                    check.outcome().verifiedBytes(),
                    check.outcome().problems());
        }
    }

    private long write(Volume volume, Generations generations, long seed)
            throws AshlarException, InterruptedException {
        SplittableRandom random = new SplittableRandom(seed);
        Semaphore inFlight = new Semaphore(tail.depth());
        AtomicReference<Throwable> failed = new AtomicReference<>();
        long writes = 0;
        while (writes % WRITES_BETWEEN_LOOKS != 0 || volume.stats().stripes() < tail.stripes()) {
            int unit = random.nextInt(generations.unitCount());
            int generation = generations.begin(unit);
            if (generation == 0) {
                continue;
            }
            inFlight.acquire();
            var _ = writeOne(volume, unit, seed, generation).whenComplete((ignored, failure) -> {
                if (failure == null) {
                    generations.acknowledge(unit);
                } else {
                    failed.set(failure);
                }
                inFlight.release();
            });
            writes++;
            if (failed.get() != null) {
                break;
            }
        }
        inFlight.acquire(tail.depth());
        Throwable failure = failed.get();
        if (failure != null) {
            throw AshlarException.in(new CompletionException(failure));
        }
        return writes;
    }

    private CompletableFuture<Void> writeOne(Volume volume, int unit, long seed, int generation) {
        ByteBuffer buffer = ByteBuffer.allocate(tail.writeBytes());
        long offset = (long) unit * tail.writeBytes();
        for (int at = 0; at < tail.writeBytes(); at += Volume.BLOCK_BYTES) {
            StampFormat.write(
                    MemorySegment.ofBuffer(buffer),
                    at,
                    (offset + at) / Volume.BLOCK_BYTES,
                    seed,
                    generation);
        }
        return volume.writeAsync(offset, buffer);
    }

    private void readBack(Volume volume, Generations generations, ReadCheck check)
            throws AshlarException {
        ByteBuffer buffer = ByteBuffer.allocate(tail.writeBytes());
        for (int unit = 0; unit < generations.unitCount(); unit++) {
            int acknowledged = generations.acknowledged(unit);
            if (acknowledged > 0) {
                volume.read((long) unit * tail.writeBytes(), buffer.clear());
                check.check(unit, acknowledged, MemorySegment.ofBuffer(buffer.clear()));
            }
        }
    }
}
