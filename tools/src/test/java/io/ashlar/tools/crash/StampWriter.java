package io.ashlar.tools.crash;

import io.ashlar.client.AshlarClient;
import io.ashlar.client.Volume;
import io.ashlar.client.model.Address;

import org.jspecify.annotations.Nullable;

import java.io.IOException;
import java.nio.ByteBuffer;
import java.util.List;
import java.util.SplittableRandom;
import java.util.concurrent.Semaphore;

/**
 * A process of its own that overwrites random blocks of a volume with rising stamps until it is
 * killed, or told to close the volume by a line on its standard input. It says what it issues before
 * it does, and what it was told.
 */
final class StampWriter {
    static final int BLOCK_BYTES = Volume.BLOCK_BYTES;
    private static final int DEPTH = 8;
    private static final int MAX_BLOCKS = 8;

    /** Of some writes: more than sockets take at once. */
    private static final int MANY_BLOCKS = 256;

    private static final int MANY_EVERY = 8;
    private static final int FLUSH_EVERY = 64;

    private final Volume volume;
    private final SplittableRandom random;
    private final Semaphore depth = new Semaphore(DEPTH);
    private final Object mouth = new Object();
    private volatile boolean failed;

    private StampWriter(Volume volume, SplittableRandom random) {
        this.volume = volume;
        this.random = random;
    }

    /** What {@link #main} is to be given. */
    static List<String> arguments(
            List<Address> coordinators, String volume, int firstStamp, long seed) {
        return List.of(
                coordinators.getFirst().toString(),
                volume,
                Integer.toString(firstStamp),
                Long.toString(seed));
    }

    public static void main(String[] arguments) throws Exception {
        try (AshlarClient client = AshlarClient.connect(Address.parseList(arguments[0]));
                Volume volume = client.open(arguments[1])) {
            new StampWriter(volume, new SplittableRandom(Long.parseLong(arguments[3])))
                    .write(Integer.parseInt(arguments[2]));
        }
        System.out.println("closed");
    }

    private void write(int firstStamp) throws InterruptedException, IOException {
        int blocks = Math.toIntExact(volume.sizeBytes() / BLOCK_BYTES);
        for (int stamp = firstStamp; !failed && System.in.available() == 0; stamp++) {
            depth.acquire();
            int block = random.nextInt(blocks);
            int most = random.nextInt(MANY_EVERY) == 0 ? MANY_BLOCKS : MAX_BLOCKS;
            issue(stamp, block, 1 + random.nextInt(Math.min(most, blocks - block)));
            if (stamp % FLUSH_EVERY == 0) {
                flush(stamp);
            }
        }
        depth.acquire(DEPTH);
    }

    private void issue(int stamp, int block, int count) {
        say("issued " + stamp + " " + block + " " + count);
        var _ = volume.writeAsync((long) block * BLOCK_BYTES, filled(stamp, count))
                .whenComplete((done, failure) -> {
                    ended("acknowledged " + stamp, failure);
                    depth.release();
                });
    }

    /** Makes durable all that was issued. */
    private void flush(int lastIssued) {
        var _ = volume.flushAsync()
                .whenComplete((done, failure) -> ended("flushed " + lastIssued, failure));
    }

    /** No write may fail, whoever is dead: they wait. */
    private void ended(String what, @Nullable Throwable failure) {
        if (failure != null) {
            failed = true;
        }
        say(failure == null ? what : "failed, not " + what + ": " + failure);
    }

    private void say(String line) {
        synchronized (mouth) {
            System.out.println(line);
            System.out.flush();
        }
    }

    private static ByteBuffer filled(int stamp, int blocks) {
        ByteBuffer bytes = ByteBuffer.allocate(blocks * BLOCK_BYTES);
        while (bytes.hasRemaining()) {
            bytes.putInt(stamp);
        }
        return bytes.flip();
    }
}
