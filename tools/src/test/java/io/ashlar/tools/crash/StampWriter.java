package io.ashlar.tools.cluster;

import io.ashlar.client.AshlarClient;
import io.ashlar.client.Volume;
import io.ashlar.client.model.Address;

import java.io.PrintStream;
import java.nio.ByteBuffer;
import java.util.SplittableRandom;
import java.util.concurrent.Semaphore;

/**
 * A process of its own that overwrites random blocks of a volume with rising stamps until it is
 * killed. It prints a stamp before it issues it and again once it is acknowledged.
 */
final class StampWriter {
    static final int BLOCK_BYTES = Volume.BLOCK_BYTES;
    private static final int DEPTH = 8;
    private static final int MAX_BLOCKS = 8;

    private StampWriter() {}

    public static void main(String[] arguments) throws Exception {
        String volumeName = arguments[1];
        int blockCount = Integer.parseInt(arguments[2]);
        int firstStamp = Integer.parseInt(arguments[3]);
        SplittableRandom random = new SplittableRandom(Long.parseLong(arguments[4]));
        PrintStream out = System.out;
        Semaphore depth = new Semaphore(DEPTH);
        AshlarClient client = AshlarClient.connect(Address.parseList(arguments[0]));
        Volume volume = client.open(volumeName);
        for (int stamp = firstStamp; ; stamp++) {
            depth.acquire();
            int block = random.nextInt(blockCount);
            int count = 1 + random.nextInt(Math.min(MAX_BLOCKS, blockCount - block));
            String name = stamp + " " + block + " " + count;
            out.println("issued " + name);
            out.flush();
            var _ = volume.writeAsync((long) block * BLOCK_BYTES, filled(stamp, count))
                    .whenComplete((done, failure) -> {
                        depth.release();
                        out.println((failure == null ? "acknowledged " : "failed ") + name);
                        out.flush();
                    });
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
